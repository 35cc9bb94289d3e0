/** A Stock Item as it was: after any of its movements, or at any time. */
import { useEffect, useId, useState } from 'react'
import { formatInstant, formatNumber } from '../format.ts'
import { useApp } from '../hooks.ts'
import { Choice } from './choice.tsx'
import type { Balanced } from './movements.tsx'
import { Card } from './page.tsx'
import { Problem } from './states.tsx'
import { StepChart, type Step } from './step-chart.tsx'

type Moment = { readonly version: number } | { readonly at: number }

interface State {
  readonly name: string
  readonly onHand: number
  readonly reorderPoint: number
}

interface Loaded {
  readonly moment: string
  readonly state: State | undefined
  readonly version: number
}

/** The state at a moment. While another one is being loaded, the last stays: a slider must not flicker. */
function useStateAt(sku: string, moment: Moment): { readonly loaded: Loaded | undefined; readonly error: unknown } {
  const app = useApp()
  const [loaded, setLoaded] = useState<Loaded>()
  const [error, setError] = useState<unknown>()
  const key = JSON.stringify(moment)
  useEffect(() => {
    let left = false
    app.aggregates.stockItem.loadAt(sku, JSON.parse(key) as Moment).then(
      (result) => {
        if (left) return
        setLoaded({ ...result, moment: key })
        setError(undefined)
      },
      (problem: unknown) => {
        if (!left) setError(problem)
      },
    )
    return () => {
      left = true
    }
  }, [app, sku, key])
  return { loaded, error }
}

/** An instant as `datetime-local` wants it: local time, to the second. */
function localInstant(at: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return date.toISOString().slice(0, 19)
}

export interface EarlierProps {
  readonly sku: string
  readonly version: number
  readonly reorderPoint: number
  /** The newest first; drawn as far as they reach. */
  readonly movements: readonly Balanced[]
}

export function Earlier({ sku, version, reorderPoint, movements }: EarlierProps) {
  const [by, setBy] = useState<'movement' | 'time'>('movement')
  const [chosen, setChosen] = useState<number>()
  const [at, setAt] = useState(() => localInstant(Date.now()))
  const id = useId()
  const shownVersion = Math.min(chosen ?? version, version)
  const time = new Date(at).getTime()
  const byTime = by === 'time' && !Number.isNaN(time)
  const { loaded, error } = useStateAt(sku, byTime ? { at: time } : { version: shownVersion })
  const steps: Step[] = []
  for (const { version: at, balance } of movements) if (balance !== undefined) steps.unshift({ version: at, onHand: balance })
  return (
    <Card
      title="At an earlier moment"
      aside={
        <Choice
          label="Choose the moment by"
          value={by}
          onChange={setBy}
          options={[
            { value: 'movement', label: 'Movement' },
            { value: 'time', label: 'Time' },
          ]}
        />
      }
    >
      <div className="earlier">
        <StepChart
          steps={steps}
          reorderPoint={reorderPoint}
          marked={loaded?.state === undefined ? undefined : loaded.version}
          title={`${sku} on hand over its ${formatNumber(version)} movements, and its reorder point`}
        />
        {by === 'movement' ? (
          <label htmlFor={id} className="slider">
            <span>
              After movement {formatNumber(shownVersion)} of {formatNumber(version)}
            </span>
            <input
              id={id}
              type="range"
              min={1}
              max={version}
              value={shownVersion}
              onChange={(event) => setChosen(Number(event.target.value))}
            />
          </label>
        ) : (
          <label htmlFor={id}>
            <span>Date and time</span>
            <input id={id} type="datetime-local" step={1} value={at} onChange={(event) => setAt(event.target.value)} />
          </label>
        )}
        {error !== undefined && <Problem title="That state cannot be read." error={error} />}
        <output className="was" htmlFor={id}>
          {loaded === undefined ? (
            '…'
          ) : loaded.state === undefined ? (
            <span className="faint">It was not in the book yet.</span>
          ) : (
            <>
              <span className="was-number">{formatNumber(loaded.state.onHand)}</span> on hand
              <span className="sub">
                version {formatNumber(loaded.version)}
                {byTime && `, ${formatInstant(time)}`}
              </span>
            </>
          )}
        </output>
      </div>
    </Card>
  )
}
