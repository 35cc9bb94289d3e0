import { test } from 'vitest'
import { appendFileSync } from 'node:fs'
const log = (...a: unknown[]) => appendFileSync('/tmp/w/sim-out.log', a.map(String).join(' ') + '\n')
import { hallRun, runOf } from './hall-run.ts'

test('runs', { timeout: 600000 }, async () => {
  const from = Number(process.env.FROM ?? 1),
    count = Number(process.env.COUNT ?? 3)
  const total = new Map<string, number>()
  let bad = 0
  for (let seed = from; seed < from + count; seed++) {
    const t0 = performance.now()
    try {
      const seen = await hallRun(runOf(seed))
      for (const [k, v] of seen) total.set(k, (total.get(k) ?? 0) + v)
      log(seed, 'ok', performance.now() - t0)
    } catch (e) {
      bad++
      log(seed, performance.now() - t0, (e as Error).stack?.slice(0, 1500))
    }
  }
  log('bad', bad, JSON.stringify(Object.fromEntries([...total].sort())))
})
