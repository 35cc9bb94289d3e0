/** What was measured with a server, as Markdown: what a device takes for it beside what it may take, and what a server gives. */
import { duration, round } from '../../demo/src/measure/figures.ts'
import { longestTask } from './figures.ts'
import type { Results } from './results.ts'
import { type Of, ofWorkload, targetTable, type TargetRow } from './target-table.ts'

/** @param rest behind it, where that is known too */
const inTime =
  (rest: (of: Of) => string | undefined = () => undefined) =>
  (of: Of): string | undefined => {
    const ms = of('ms')
    return ms === undefined ? undefined : [duration(ms), rest(of)].filter(Boolean).join(', ')
  }

const withLongestTask = inTime((of) => {
  const ms = of('longestTaskMs')
  return ms === undefined ? undefined : longestTask(ms)
})

/** How much longer it takes than without sync. */
const timesOff =
  (mode: 'on' | 'paused') =>
  (of: Of): string | undefined => {
    const [off, rate] = [of('off.perSecond'), of(`${mode}.perSecond`)]
    if (off === undefined || rate === undefined) return undefined
    const rare = (each: string): string => (of(`${each}.p99Ms`) === undefined ? '' : `, p99 ${duration(of(`${each}.p99Ms`) ?? 0)}`)
    return `${(off / rate).toFixed(2)} × (${round(rate)}/s${rare(mode)}; without sync ${round(off)}/s${rare('off')})`
  }

const atMost = 'at most 1.2 ×'
const rows: readonly TargetRow[] = [
  {
    workload: 'catchup',
    label: '100,000 Events from the server to an empty device, until its Read Model is there',
    cell: (of) => {
      const [rate, local] = [of('perSecond'), of('localPerSecond')]
      if (rate === undefined || local === undefined) return undefined
      return `${(rate / local).toFixed(2)} × the rate at which the device takes their Commands (${round(rate)}/s; ${round(local)}/s)`
    },
    target: 'at least 0.5 ×',
  },
  { workload: 'fastpath', label: '1,000 pending Commands, pushed and confirmed as they stand', cell: inTime(), target: 'at most 1 s' },
  {
    workload: 'rebase',
    label: '1,000 pending Commands, pushed and rebased over 10,000 Events of others',
    cell: withLongestTask,
    target: 'at most 2 s, no task of 50 ms',
  },
  {
    workload: 'redecide',
    label: '1,000 pending Commands that the server holds, decided again over 10,000 Events of others',
    cell: withLongestTask,
    target: 'at most 2 s, no task of 50 ms',
  },
  { workload: 'outbox', label: 'Cold start with 20,000 pending Commands, to the first 50 rows', cell: inTime(), target: 'at most 1 s' },
  {
    workload: 'firstsync',
    label: 'First sync of a log with 20,000 Commands, while others add an Event a second',
    cell: inTime((of) => (of('ratio') === undefined ? undefined : `${(of('ratio') ?? 0).toFixed(1)} × as long as with 5,000`)),
    target: '4 × is linear, 16 × the square',
  },
  { workload: 'local-seq', label: 'Time of 500 Commands, each awaited, beside without sync', cell: timesOff('on'), target: atMost },
  { workload: 'local-seq', label: '… while sync is paused, and the server at rest', cell: timesOff('paused'), target: atMost },
  { workload: 'local-burst', label: 'Time of 5,000 Commands at once, beside without sync', cell: timesOff('on'), target: atMost },
  { workload: 'local-burst', label: '… while sync is paused, and the server at rest', cell: timesOff('paused'), target: atMost },
]

const servers: readonly { readonly workload: string; readonly label: string }[] = [
  { workload: 'pglite', label: 'PGlite, 1 space' },
  { workload: 'pglite-16', label: 'PGlite, 16 spaces' },
  { workload: 'postgres', label: 'PostgreSQL, 1 space' },
  { workload: 'postgres-16', label: 'PostgreSQL, 16 spaces' },
  { workload: 'postgres-two', label: 'PostgreSQL, 1 space, 2 processes' },
  { workload: 'postgres-two-16', label: 'PostgreSQL, 16 spaces, 2 processes' },
]

function serverTable(results: Results): readonly string[] {
  const lines = servers.flatMap(({ workload, label }) => {
    const of = ofWorkload(results, workload)
    const [rate, p50, p99, alone, aloneP99] = ['perSecond', 'p50Ms', 'p99Ms', 'aloneP50Ms', 'aloneP99Ms'].map(of)
    if (rate === undefined || p50 === undefined || p99 === undefined) return []
    const single = alone === undefined || aloneP99 === undefined ? '' : `${duration(alone)} (p99 ${duration(aloneP99)})`
    return [`| ${label} | ${round(rate)}/s | ${duration(p50)} (p99 ${duration(p99)}) | ${single} |`]
  })
  const head = ['| server | Commands | a push of 20, one of 16 clients’ | a push of 1, nobody else there |', '|---|--:|--:|--:|']
  return lines.length === 0 ? [] : [[...head, ...lines].join('\n')]
}

/** Those of which anything was measured. */
export const syncTables = (results: Results): readonly string[] => [...targetTable(results, rows), ...serverTable(results)]

/** What a server takes for those who only listen. */
function listenersNote(results: Results): readonly string[] {
  const [memory, ofListeners, told] = ['memoryMB', 'ofListenersMB', 'toldMs'].map(ofWorkload(results, 'listeners'))
  if (memory === undefined || ofListeners === undefined || told === undefined) return []
  return [
    `1,000 idle listeners take ${round(ofListeners)} MB of a server process that has ${round(memory)} MB with them (on PostgreSQL);`,
    `${duration(told)} after a push begins, all of them have heard of it.`,
  ]
}

/** What stands in the README behind the figures without a server; nothing where nothing was measured with one. */
export function syncBlock(results: Results): readonly string[] {
  const tables = syncTables(results)
  if (tables.length === 0) return []
  return [
    '',
    '### Sync',
    '',
    'Measured in the same way, with `outpost-server` as a process of its own on the same machine: on PGlite for devices, on a durable',
    'PostgreSQL (`fsync`) where it says so. Clients of the server’s figures are written for it, and send one push after the other.',
    '',
    tables.join('\n\n'),
    '',
    ...listenersNote(results),
  ]
}
