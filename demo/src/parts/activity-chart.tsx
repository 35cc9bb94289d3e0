/** Orders by the hour of today, or by the day of the last fortnight, and the figures of that time in words. */
import { useEffect, useState } from 'react'
import { count, formatNumber, formatShortDay, formatTime } from '../format.ts'
import { useQuery } from '../hooks.ts'
import { BarChart, type Bar } from './bar-chart.tsx'
import { Empty, Shown } from './states.tsx'

interface Activity {
  readonly quarter: number
  readonly placed: number
  readonly declined: number
  readonly picked: number
  readonly received: number
}

const midnight = (at: number, daysBefore = 0): Date => {
  const day = new Date(at)
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() - daysBefore)
}

/** When today began; changes at midnight while the page stands open. */
function useToday(): number {
  const [today, setToday] = useState(() => midnight(Date.now()).getTime())
  useEffect(() => {
    const check = setInterval(() => setToday(midnight(Date.now()).getTime()), 60_000)
    return () => clearInterval(check)
  }, [])
  return today
}

/** Where each bar begins, and one more for the end. Days and hours by the calendar: one may be shorter in spring. */
function slots(range: 'today' | 'fortnight', today: number): number[] {
  const start = new Date(today)
  return range === 'today'
    ? Array.from({ length: 25 }, (_, hour) => new Date(start.getFullYear(), start.getMonth(), start.getDate(), hour).getTime())
    : Array.from({ length: 15 }, (_, day) => midnight(today, 13 - day).getTime())
}

export function ActivityChart({ range }: { readonly range: 'today' | 'fortnight' }) {
  const starts = slots(range, useToday())
  const [from, below] = [starts[0] as number, starts.at(-1) as number]
  const rows = useQuery((read) => read.activity.where({ quarter: { from, below } }))
  return (
    <Shown
      of={rows}
      what="activity"
      rows={5}
      isEmpty={(quarters) => quarters.length === 0}
      empty={<Empty title={range === 'today' ? 'Nothing has happened today.' : 'Nothing has happened in these 14 days.'} />}
    >
      {(quarters) => {
        const sum = (of: readonly Activity[], what: keyof Activity): number => of.reduce((total, row) => total + row[what], 0)
        const bars: Bar[] = starts.slice(0, -1).map((start, index) => {
          const inside = quarters.filter((row) => row.quarter >= start && row.quarter < (starts[index + 1] ?? 0))
          return {
            label: range === 'today' ? formatTime(start).slice(0, 2) : formatShortDay(start),
            longLabel: range === 'today' ? `${formatTime(start)} to ${formatTime(starts[index + 1] ?? start)}` : formatShortDay(start),
            placed: sum(inside, 'placed'),
            declined: sum(inside, 'declined'),
            picked: sum(inside, 'picked'),
          }
        })
        return (
          <>
            <p className="day">
              {count(sum(quarters, 'placed'), 'order')} placed, {formatNumber(sum(quarters, 'declined'))} declined;{' '}
              {count(sum(quarters, 'picked'), 'unit')} picked, {formatNumber(sum(quarters, 'received'))} received.
            </p>
            <BarChart
              bars={bars}
              title={range === 'today' ? 'Orders today by hour' : 'Orders of the last 14 days'}
              every={range === 'today' ? 3 : 2}
            />
          </>
        )
      }}
    </Shown>
  )
}
