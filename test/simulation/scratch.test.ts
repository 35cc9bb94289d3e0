import { test } from 'vitest'
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
      if (count < 10) console.log(seed, 'ok', performance.now() - t0)
    } catch (e) {
      bad++
      console.log(seed, performance.now() - t0, (e as Error).stack?.slice(0, 1500))
    }
  }
  console.log('bad', bad, Object.fromEntries([...total].sort()))
})
