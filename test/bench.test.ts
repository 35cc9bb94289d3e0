/** The README tells what the benchmark's results say, no more and no less. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import results from './bench/results.json' with { type: 'json' }
import { median, type Results } from './bench/results.ts'
import { round, withResults } from './bench/table.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const kept = results as unknown as Results

const workloads = ['seq', 'burst', 'update', 'bulk', 'coldstart', 'watch', 'fanout', 'import']

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
