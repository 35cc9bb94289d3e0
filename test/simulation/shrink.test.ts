import { test } from 'vitest'
import { appendFileSync } from 'node:fs'
import { hallRun, runOf } from './hall-run.ts'
import { shrinkSchedule } from '../../src/testing/simulation/shrink.ts'
const log = (...a: unknown[]) => appendFileSync('/tmp/w/sim-shrink.log', a.map(String).join(' ') + '\n')
test('shrink', { timeout: 300000 }, async () => {
  for (const seed of (process.env.SEEDS ?? '').split(',').map(Number)) {
    const run = runOf(seed)
    const message = async (schedule: typeof run.schedule) => {
      try {
        await hallRun({ ...run, schedule })
        return ''
      } catch (e) {
        return (e as Error).message
      }
    }
    const first = await message(run.schedule)
    const kind = (m: string) => m.replace(/\d+|"[^"]*"/g, '#').slice(0, 60)
    const small = await shrinkSchedule(run.schedule, async (s) => kind(await message(s)) === kind(first))
    log('seed', seed, run.devices, run.tabs, run.servers, '\n', small.map((s) => JSON.stringify(s)).join('\n '), '\n', await message(small))
  }
})
