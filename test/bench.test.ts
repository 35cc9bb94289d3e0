/** The README tells what the benchmark's results say, no more and no less. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { median, round } from '../demo/src/measure/figures.ts'
import { Switchboard } from './bench/browsers/switchboard.ts'
import { comparison } from './bench/compare.ts'
import results from './bench/results.json' with { type: 'json' }
import type { Results, Run } from './bench/results.ts'
import { scaleBlock } from './bench/scale-table.ts'
import { syncBlock } from './bench/sync-table.ts'
import { withResults } from './bench/table.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const kept = results as unknown as Results

/** Each by Outpost and by hand, or not at all. */
const sinceThen = ['crash', 'size']
const atScale = [
  'scale-seq',
  'scale-burst',
  'scale-coldstart',
  'scale-rebuild',
  'scale-rebuild-rows',
  'scale-watchers',
  'scale-watchers-range',
]
const workloads = ['seq', 'burst', 'update', 'bulk', 'coldstart', 'watch', 'fanout', 'import']
const ofDevices = ['catchup', 'fastpath', 'rebase', 'redecide', 'outbox', 'firstsync', 'local-seq', 'local-burst']
const ofServers = ['pglite', 'pglite-16', 'postgres', 'postgres-16', 'postgres-two', 'postgres-two-16', 'listeners']
const withServer = [...ofDevices, ...ofServers]

/** One run of these workloads, beside those that are kept of others. */
const having = (metrics: Readonly<Record<string, Run['metrics']>>): Results => {
  const instead = [...withServer, ...Object.keys(metrics)]
  const measured = Object.entries(metrics).map(([workload, each]): Run => ({ workload, subject: 'outpost', run: 0, metrics: each }))
  return { ...kept, runs: [...kept.runs.filter(({ workload }) => !instead.includes(workload)), ...measured] }
}

test('the README shows the results that are kept', () => {
  expect(readme).toBe(withResults(readme, kept))
})

test('the results are of a whole run: every workload, by Outpost and by hand', () => {
  for (const workload of workloads) {
    const subjects = new Set(kept.runs.filter((run) => run.workload === workload).map(({ subject }) => subject))
    expect([workload, ...subjects].sort()).toEqual([workload, 'outpost', 'worker', ...(workload === 'import' ? [] : ['put'])].sort())
  }
  expect(Object.keys(kept.sizes)).toContain('outpost/worker')
})

test('those that came later are of a whole run, too, or there are none yet', () => {
  const subjectsOf = (workload: string) => [...new Set(kept.runs.filter((run) => run.workload === workload).map(({ subject }) => subject))]
  const measured = [...sinceThen.map(subjectsOf), ...atScale.map(subjectsOf)]
  const whole = [...sinceThen.map(() => ['outpost', 'put', 'worker']), ...atScale.map(() => ['outpost'])]
  expect([measured.map(() => []), whole]).toContainEqual(measured)
})

test('the results with a server are of a whole run, or there are none yet', () => {
  const measured = new Set(kept.runs.map(({ workload }) => workload).filter((workload) => withServer.includes(workload)))
  expect([[], withServer]).toContainEqual(withServer.filter((workload) => measured.has(workload)))
})

test('results without a server tell nothing of one', () => {
  expect(syncBlock(having({}))).toEqual([])
  expect(withResults(readme, having({}))).not.toContain('### Sync')
})

test('what a device takes for a server stands beside what it may take', () => {
  const text = withResults(
    readme,
    having({
      'catchup': { ms: 20_000, perSecond: 5000, localPerSecond: 8000 },
      'rebase': { ms: 1234, longestTaskMs: 0 },
      'redecide': { ms: 999, longestTaskMs: 61 },
      'firstsync': { ms: 9000, shortMs: 2000, ratio: 4.5 },
      'local-seq': { 'off.perSecond': 1200, 'off.p99Ms': 2, 'on.perSecond': 1000, 'on.p99Ms': 3.4 },
    }),
  )
  expect(text).toContain('0.63 × the rate at which the device takes their Commands (5,000/s; 8,000/s) | at least 0.5 × |')
  expect(text).toContain('| 1.2 s, no task of the main thread took 50 ms | at most 2 s, no task of 50 ms |')
  expect(text).toContain('| 999 ms, the longest task of the main thread took 61 ms |')
  expect(text).toContain('| 9 s, 4.5 × as long as with 5,000 | 4 × is linear')
  expect(text).toContain('| 1.20 × (1,000/s, p99 3.4 ms; without sync 1,200/s, p99 2 ms) | at most 1.2 × |')
})

test('what a server gives is told of each kind of it, and what listeners take', () => {
  const text = withResults(
    readme,
    having({
      'pglite': { perSecond: 4321, p50Ms: 40, p99Ms: 95, aloneP50Ms: 3, aloneP99Ms: 9 },
      'postgres-two-16': { perSecond: 7654, p50Ms: 20, p99Ms: 50 },
      'listeners': { memoryMB: 150, ofListenersMB: 30, toldMs: 80 },
    }),
  )
  expect(text).toContain('| PGlite, 1 space | 4,321/s | 40 ms (p99 95 ms) | 3 ms (p99 9 ms) |')
  expect(text).toContain('| PostgreSQL, 16 spaces, 2 processes | 7,654/s | 20 ms (p99 50 ms) |  |')
  expect(text).toContain('1,000 idle listeners take 30 MB of a server process that has 150 MB with them (on PostgreSQL);\n80 ms after')
})

test('what a long log costs stands beside a short one', () => {
  const long = having({
    'scale-seq': {
      'empty.perSecond': 1000,
      'short.perSecond': 800,
      'long.perSecond': 760,
      'byHand.empty.perSecond': 500,
      'byHand.short.perSecond': 350,
    },
    'scale-coldstart': { 'short.ms': 80, 'long.ms': 100, 'long.heapMB': 45.2 },
    'scale-rebuild': { perSecond: 61_234, seqP50Ms: 1.2, idleP50Ms: 0.8 },
    'scale-watchers': { p50Ms: 1.1, p99Ms: 4, aloneP50Ms: 1 },
  })
  const text = withResults(readme, long)
  expect(text).toContain('### Long logs and many watchers')
  expect(text).toContain('with 1,000,000 Events stored, beside 50,000 | 0.95 × (760/s; 50,000 Events 800/s) | at least 0.85 × |')
  expect(text).toContain('| … beside nothing stored | 0.76 × (760/s; nothing 1,000/s) | at least 0.85 × |')
  expect(text).toContain('stored, beside nothing | 0.70 × (350/s; nothing 500/s) |')
  expect(text).toContain('| 1.25 × (100 ms; 50,000 Events 80 ms) | at most 1.2 × |')
  expect(text).toContain('| 45 MB | at most 200 MB |')
  expect(text).toContain('| 61,234 Events/s | at least 50,000 Events/s |')
  expect(text).toContain('| 1.50 × (1.2 ms; else 0.8 ms) | at most 2 × |')
  expect(text).toContain('| 1.1 ms (p99 4 ms; with that query alone 1 ms) | at most 5 ms |')
  expect(scaleBlock({ ...kept, runs: kept.runs.filter(({ workload }) => !atScale.includes(workload)) })).toEqual([])
})

test('what a kill leaves and what a page weighs are counts and bytes', () => {
  const text = withResults(readme, having({ crash: { kept: 200 }, size: { minified: 250_000, gzip: 81_234, brotli: 70_000 } }))
  expect(text).toContain('killed at once | 200 |')
  expect(text).toContain('| 81.2 kB |')
})

describe('of two trees', () => {
  const pairs = (own: readonly number[], other: readonly number[], metric = 'perSecond') =>
    own.map((value, run) => ({ workload: 'seq', own: { [metric]: value }, other: { [metric]: other[run] as number } }))

  test('medians, ratios within each pair and how far they lie apart are told', () => {
    const [head, , line] = comparison(pairs([100, 120, 110], [100, 100, 100]), 'main (abc)').split('\n')
    expect(head).toBe('| | this tree | main (abc) | how many times as good | |')
    expect(line).toBe('| seq perSecond | 110/s (100/s–120/s) | 100/s | 1.10 × (1.00 ×–1.20 ×) | noise |')
  })
  test.each([
    { own: [110, 120, 130], other: [100, 100, 100], metric: 'perSecond', verdict: 'better' },
    { own: [110, 120, 130], other: [100, 100, 100], metric: 'p50Ms', verdict: 'worse' },
    // The machine was slower each time, for both alike.
    { own: [110, 55, 11], other: [100, 50, 10], metric: 'perSecond', verdict: 'better' },
    { own: [110, 90, 130], other: [100, 100, 100], metric: 'perSecond', verdict: 'noise' },
    { own: [80, 80, 80], other: [80, 80, 80], metric: 'gzip', verdict: 'same' },
    { own: [0, 0, 0], other: [0, 0, 0], metric: 'longestTaskMs', verdict: 'same' },
    { own: [200], other: [100], metric: 'perSecond', verdict: 'too few runs to tell' },
  ])('$own beside $other $metric is $verdict', ({ own, other, metric, verdict }) => {
    expect(comparison(pairs(own, other, metric), 'main')).toMatch(new RegExp(`\\| ${verdict} \\|$`))
  })
  test('what has no better and worse is left out', () => {
    expect(comparison(pairs([1, 2, 3], [1, 2, 3], 'seqCount'), 'main').split('\n')).toHaveLength(2)
  })
})

test('a changed figure changes the README', () => {
  const [first, ...others] = kept.runs.filter(({ workload, subject }) => workload === 'seq' && subject === 'outpost')
  const rest = kept.runs.filter((run) => run !== first && !others.includes(run))
  const slower = {
    ...kept,
    runs: [...rest, { workload: 'seq', subject: 'outpost' as const, run: 0, metrics: { perSecond: 12.3, p99Ms: 4567 } }],
  }
  expect(withResults(readme, slower)).toContain('12/s (p99 4.6 s)')
})

test('a median lies in the middle, or between the two that do', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, undefined])
})

test('figures are rounded to what they can tell', () => {
  expect([0.526, 9.94, 83.4, 641.7, 12_345.6].map(round)).toEqual(['0.53', '9.9', '83', '642', '12,346'])
})

test('other browsers stand below Chromium, each with what is done by hand in it', () => {
  const run = (subject: Run['subject'], perSecond: number): Run => ({ workload: 'seq', subject, run: 0, metrics: { perSecond } })
  const runs = { 'Chromium 1': [run('outpost', 100), run('put', 200)], 'Firefox 2': [run('outpost', 50), run('worker', 40)] }
  const text = withResults(readme, { ...kept, browsers: { date: '2026-01-02', runs } })
  expect(text).toContain('### Other browsers')
  expect(text).toContain('| 500 Commands, each awaited | Chromium 1 | 100/s | 200/s | 0.50 × |  |  |')
  expect(text).toContain('|  | Firefox 2 | 50/s |  |  | 40/s | 1.25 × |')
})

test('a page that nobody drives does what it is told, in order, also where it asks before there is anything, and leaves without an answer', async () => {
  const switchboard = new Switchboard()
  const server = createServer((request, response) => void (switchboard.respond(request, response) || response.writeHead(404).end()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = async (): Promise<unknown> => (await fetch(`${url}/next?page`, { method: 'POST' })).json()
  const answer = (value: object) => fetch(`${url}/done?page`, { method: 'POST', body: JSON.stringify(value) })

  const asked = ask()
  const count = switchboard.call('page', 'run', ['seq', 0])
  expect(await asked).toEqual({ method: 'run', args: ['seq', 0] })
  await answer({ value: { perSecond: 2 } })
  expect(await count).toEqual({ perSecond: 2 })

  const broken = switchboard.call('page', 'open').catch((error: unknown) => error)
  expect(await ask()).toEqual({ method: 'open', args: [] })
  await answer({ problem: 'broken is not defined' })
  expect(await broken).toEqual(new Error('broken is not defined'))

  switchboard.leave('page', '/other')
  expect(await ask()).toEqual({ url: '/other' })
})
