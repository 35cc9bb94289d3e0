/**
 * Whatever is given on whichever device, and whatever network, tabs, machines and servers do meanwhile: all come to the server's
 * history, every Command ends once, nothing forbidden is true at any position, and nobody is shown what never was.
 */
import { expect, test } from 'vitest'
import { randomSchedule } from 'outpost/testing'
import { hallProperty, inOrder, wanted } from '../simulation/hall-property.ts'
import { command, hallRun, runOf } from '../simulation/hall-run.ts'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 300)
const first = Number(process.env['PROPERTY_SEED'] ?? 1)

test('all devices come to the history of the server, and every Command ends once', { timeout: 3_600_000 }, async () => {
  const seen = await hallProperty({ seeds: Array.from({ length: runs }, (_, i) => first + i) })
  console.log(`Seeds ${first} to ${first + runs - 1}:`, inOrder(seen))
  for (const what of wanted) expect(seen.get(what) ?? 0, what).toBeGreaterThan(0)
})

test('a seed says everything: run again, the very same happens', async () => {
  const run = runOf(8)
  expect(inOrder(await hallRun(run))).toEqual(inOrder(await hallRun(run)))
})

test('each schedule has 50 Commands and 5 faults at least', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const schedule = randomSchedule(seed, { devices: 3, command })
    expect(schedule.filter((step) => step.do === 'give').length).toBeGreaterThanOrEqual(50)
    expect(
      schedule.filter((step) => !['give', 'run', 'withdraw', 'join', 'openTab', 'showTab'].includes(step.do)).length,
    ).toBeGreaterThanOrEqual(5)
  }
})
