/** The README tells what the benchmark's results say, no more and no less. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { median, round } from '../demo/src/measure/figures.ts'
import results from './bench/results.json' with { type: 'json' }
import type { Results, Run } from './bench/results.ts'
import { syncBlock } from './bench/sync-table.ts'
import { withResults } from './bench/table.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const kept = results as unknown as Results

const workloads = ['seq', 'burst', 'update', 'bulk', 'coldstart', 'watch', 'fanout', 'import']
const ofDevices = ['catchup', 'fastpath', 'rebase', 'redecide', 'outbox', 'firstsync', 'local-seq', 'local-burst']
const ofServers = ['pglite', 'pglite-16', 'postgres', 'postgres-16', 'postgres-two', 'postgres-two-16', 'listeners']
const withServer = [...ofDevices, ...ofServers]

/** One run of these workloads, beside those that are kept of others. */
const having = (metrics: Readonly<Record<string, Run['metrics']>>): Results => {
  const measured = Object.entries(metrics).map(([workload, each]): Run => ({ workload, subject: 'outpost', run: 0, metrics: each }))
  return { ...kept, runs: [...kept.runs.filter(({ workload }) => !withServer.includes(workload)), ...measured] }
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
