/** What was measured on long logs and with many watchers, as Markdown, beside what it is to be. */
import { duration, round } from '../../demo/src/measure/figures.ts'
import type { Results } from './results.ts'
import { type Of, targetTable, type TargetRow } from './target-table.ts'

/** How many times as fast as in the other setting. */
const rateBeside =
  (setting: string, beside: string, name: string) =>
  (of: Of): string | undefined => {
    const [rate, other] = [of(`${setting}.perSecond`), of(`${beside}.perSecond`)]
    return rate === undefined || other === undefined
      ? undefined
      : `${(rate / other).toFixed(2)} × (${round(rate)}/s; ${name} ${round(other)}/s)`
  }

const throughputRows = (workload: string, commands: string): readonly TargetRow[] => [
  {
    workload,
    label: `${commands}, with 1,000,000 Events stored, beside 50,000`,
    cell: rateBeside('long', 'short', '50,000 Events'),
    target: 'at least 0.85 ×',
  },
  { workload, label: '… beside nothing stored', cell: rateBeside('long', 'empty', 'nothing'), target: 'at least 0.85 ×' },
  {
    workload,
    label: '… the same by hand, with 50,000 Events and rows stored, beside nothing',
    cell: rateBeside('byHand.short', 'byHand.empty', 'nothing'),
    target: 'what the browser itself does',
  },
]

/** How many times as long as the other. */
const timeBeside =
  (metric: string, other: string, of: string) =>
  (values: Of): string | undefined => {
    const [ms, otherMs] = [values(metric), values(other)]
    return ms === undefined || otherMs === undefined
      ? undefined
      : `${(ms / otherMs).toFixed(2)} × (${duration(ms)}; ${of} ${duration(otherMs)})`
  }

const rebuildRate = (of: Of): string | undefined => {
  const rate = of('perSecond')
  return rate === undefined ? undefined : `${round(rate)} Events/s`
}
const rebuildRows = (workload: string, rows: string, target: string): readonly TargetRow[] => [
  { workload, label: `Rebuild of a Read Model of ${rows} rows from 1,000,000 Events`, cell: rebuildRate, target },
  {
    workload,
    label: '… a Command meanwhile (median), beside one with nothing else to do',
    cell: timeBeside('seqP50Ms', 'idleP50Ms', 'else'),
    target: 'at most 2 ×',
  },
]

const watcherCell = (of: Of): string | undefined => {
  const [ms, rare, alone] = [of('p50Ms'), of('p99Ms'), of('aloneP50Ms')]
  return ms === undefined || rare === undefined || alone === undefined
    ? undefined
    : `${duration(ms)} (p99 ${duration(rare)}; with that query alone ${duration(alone)})`
}

const rows: readonly TargetRow[] = [
  ...throughputRows('scale-seq', '500 Commands, each awaited'),
  ...throughputRows('scale-burst', '5,000 Commands at once'),
  {
    workload: 'scale-coldstart',
    label: 'Cold start with 1,000,000 Events and 50,000 rows, to the first 50, beside one with 50,000 Events',
    cell: timeBeside('long.ms', 'short.ms', '50,000 Events'),
    target: 'at most 1.2 ×',
  },
  {
    workload: 'scale-coldstart',
    label: '… heap of page and worker together then',
    cell: (of) => (of('long.heapMB') === undefined ? undefined : `${round(of('long.heapMB') ?? 0)} MB`),
    target: 'at most 200 MB',
  },
  ...rebuildRows('scale-rebuild', '256', 'at least 50,000 Events/s'),
  ...rebuildRows('scale-rebuild-rows', '50,000', 'more rows than fold in memory'),
  {
    workload: 'scale-watchers',
    label: 'One row changes under 1,000 watched queries by equality, until its watcher has it',
    cell: watcherCell,
    target: 'at most 5 ms',
  },
  { workload: 'scale-watchers-range', label: '… under 1,000 by a range', cell: watcherCell, target: 'at most 5 ms' },
]

/** Nothing where none of it was measured. */
export const scaleTables = (results: Results): readonly string[] => targetTable(results, rows)

/** What stands in the README behind the first figures. */
export function scaleBlock(results: Results): readonly string[] {
  const tables = scaleTables(results)
  return tables.length === 0 ? [] : ['', '### Long logs and many watchers', '', ...tables]
}
