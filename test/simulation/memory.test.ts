/** Ten thousand schedules run in one process: what has ended must leave nothing behind. */
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { hallRun, runOf } from './hall-run.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

async function heapAfter(seeds: readonly number[]): Promise<number> {
  for (const seed of seeds) await hallRun(runOf(seed))
  await delay(50)
  collectGarbage()
  return process.memoryUsage().heapUsed / 1e6
}

test('simulations that have ended are let go of, with their devices, tabs and servers', async () => {
  const before = await heapAfter([1, 2, 3, 4, 5])
  const after = await heapAfter([6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
  // One of them holds 5 MB.
  expect(after - before).toBeLessThan(15)
})
