/** The benchmark's results as Markdown, for the README and for the terminal. */
import { duration, round } from '../../demo/src/measure/figures.ts'
import type { SubjectName } from '../../demo/src/measure/subject.ts'
import { kB } from '../support/size.mjs'
import { longestTask } from './figures.ts'
import { type BrowserResults, measured, runsOf, type Results } from './results.ts'
import { scaleBlock } from './scale-table.ts'
import { syncBlock } from './sync-table.ts'

interface Row {
  readonly workload: string
  readonly metric: string
  readonly label: string
  /** Default: a time. Of rates and counts more is better. */
  readonly unit?: 'rate' | 'count' | 'bytes'
  /** Shown beside it. */
  readonly slowest?: 'p99Ms'
}

const rows: readonly Row[] = [
  { workload: 'seq', metric: 'perSecond', label: '500 Commands, each awaited', unit: 'rate', slowest: 'p99Ms' },
  { workload: 'burst', metric: 'perSecond', label: '5,000 Commands at once, until visible', unit: 'rate' },
  { workload: 'update', metric: 'perSecond', label: '1,000 updates of 10,000 rows, each awaited', unit: 'rate', slowest: 'p99Ms' },
  { workload: 'bulk', metric: 'perSecond', label: '50,000 Commands in batches, until visible', unit: 'rate' },
  { workload: 'coldstart', metric: 'ms', label: 'Cold start on 50,000 rows, to the first 50' },
  { workload: 'watch', metric: 'p50Ms', label: 'An update until a watcher of 100 rows has it', slowest: 'p99Ms' },
  { workload: 'fanout', metric: 'ms', label: '1,000 updates until 100 watchers are right' },
  { workload: 'crash', metric: 'kept', label: 'Kept of 200 acknowledged Commands, their page killed at once', unit: 'count' },
  { workload: 'size', metric: 'gzip', label: 'Page and worker of this app, gzipped (Outpost’s with zod)', unit: 'bytes' },
  { workload: 'import', metric: 'ms', label: 'Import of the orders, until all Read Models are there' },
  { workload: 'import', metric: 'reopenMs', label: 'Cold start on that log, to 50 rows of the stock list' },
]

function figure(value: number, unit: Row['unit']): string {
  switch (unit) {
    case 'rate':
      return `${round(value)}/s`
    case 'count':
      return round(value)
    case 'bytes':
      return kB(value)
    default:
      return duration(value)
  }
}

/** All that a table tells of. */
type Runs = Pick<Results, 'runs'>

function cell(results: Runs, { workload, metric, unit, slowest }: Row, subject: SubjectName): string {
  const value = measured(results, workload, subject, metric)
  if (value === undefined) return ''
  const text = figure(value, unit)
  const rare = slowest && measured(results, workload, subject, slowest)
  return rare === undefined ? text : `${text} (p99 ${duration(rare)})`
}

/** How many times as fast Outpost is. */
function ratio(results: Runs, { workload, metric, unit }: Row, subject: SubjectName): string {
  const [own, other] = [measured(results, workload, 'outpost', metric), measured(results, workload, subject, metric)]
  if (own === undefined || other === undefined) return ''
  return `${(unit === 'rate' || unit === 'count' ? own / other : other / own).toFixed(2)} ×`
}

const columns = '| Outpost | by hand: one put | | by hand, in a worker: Event and row | |'
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

const measuredRows = (results: Runs): readonly Row[] => rows.filter(({ workload }) => runsOf(results, workload) > 0)

function cells(results: Runs, row: Row): readonly string[] {
  const byHand = (['put', 'worker'] as const).flatMap((subject) => [cell(results, row, subject), ratio(results, row, subject)])
  return [cell(results, row, 'outpost'), ...byHand]
}

export function speedTable(results: Runs): string {
  const lines = measuredRows(results).map((row) => line([row.label, ...cells(results, row)]))
  return [`| ${columns}`, '|---|--:|--:|--:|--:|--:|', ...lines].join('\n')
}

/** Each workload in one browser after the other. */
export function browserTable({ runs }: BrowserResults): string {
  const browsers = Object.entries(runs).map(([name, runs]) => ({ name, results: { runs } }))
  const lines = measuredRows({ runs: Object.values(runs).flat() }).flatMap((row) =>
    browsers.map(({ name, results }, n) => line([n === 0 ? row.label : '', name, ...cells(results, row)])),
  )
  return [`| | ${columns}`, '|---|---|--:|--:|--:|--:|--:|', ...lines].join('\n')
}

/** What stands in the README of other browsers; nothing where none was measured. */
function browserBlock({ browsers }: Results): readonly string[] {
  if (!browsers) return []
  return [
    '',
    '### Other browsers',
    '',
    `In the same way, one browser after the other in each run: \`npm run bench -- --browser firefox,webkit\`, ${browsers.date}.`,
    '',
    browserTable(browsers),
  ]
}

/** What the import does to the page meanwhile, and to memory. */
function importNotes(results: Results): string[] {
  const of = (metric: string): number | undefined => measured(results, 'import', 'outpost', metric)
  const [task, heap, growth] = [of('longestTaskMs'), of('heapMB'), of('heapGrowthMB')]
  if (task === undefined || heap === undefined || growth === undefined) return []
  const { lines, units, source } = results.orders
  const grown = growth < 0.1 ? 'no more' : `${growth.toFixed(1)} MB more`
  return [
    `The import is the demo's, through its page: ${round(lines)} orders (${source}), ${round(units)} units picked. Meanwhile ${longestTask(task)}.`,
    `Afterwards the heap of page and worker together was ${heap.toFixed(0)} MB, and ${grown} after the same import again.`,
    '',
  ]
}

/** What stands in the README between the markers. */
export function readmeBlock(results: Results): string {
  const { versions, machine, date } = results
  const libraries = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const runs = [...new Set(results.runs.map(({ workload }) => runsOf(results, workload)))].sort((a, b) => a - b)
  return [
    'Each figure stands beside the same done by hand on raw IndexedDB in the same run: once as a bare put on the main thread,',
    'without Events or rules, once with an Event and a row in one transaction behind a worker. Above 1 × Outpost is faster.',
    '',
    speedTable(results),
    '',
    ...importNotes(results),
    `Medians of ${runs.join(' to ')} interleaved runs, each with a fresh profile on disk, of production builds: \`npm run bench\`, ${date}, ${machine.cores} cores`,
    `(${machine.cpu}, shared: ratios mean more than figures), ${machine.memoryGB} GB, ${machine.os}, ${libraries.join(', ')}.`,
    ...scaleBlock(results),
    ...browserBlock(results),
    ...syncBlock(results),
  ].join('\n')
}

const markers = /(<!-- bench:start -->\n)([\s\S]*?)(<!-- bench:end -->)/

/** The README with these results in it. */
export function withResults(readme: string, results: Results): string {
  if (!markers.test(readme)) throw new Error('README.md has no <!-- bench:start --> … <!-- bench:end -->.')
  return readme.replace(markers, (_, start: string, __, end: string) => `${start}\n${readmeBlock(results)}\n\n${end}`)
}
