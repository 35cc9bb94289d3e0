import { aggregate, domain } from 'outpost'
import { testApp } from 'outpost/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockItem } from '../fixtures/stock.ts'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'

const thing = aggregate('thing', {
  state: z.any(),
  events: { made: z.any() },
  commands: { make: z.object({ bad: z.boolean() }) },
  create: { made: () => ({}) },
  evolve: {},
  decide: { make: (_s, { bad }, { emit }) => emit.made(bad ? { f: () => 1 } : { f: 1 }) },
})
test('a Command whose Event cannot be stored fails alone', async () => {
  const app = testApp(domain('d', { aggregates: [thing] }))
  const [good, bad] = (await app.commands.batch((c) => [c.thing.make('good', { bad: false }), c.thing.make('bad', { bad: true })])) as any[]
  await app.close()
  expect([good.ok, bad.fault?.code]).toEqual([true, 'decide-failed']) // both: storage-failed, DataCloneError, naming neither
})

test('one state that cannot be stored keeps no others from being saved, or its Command fails', async () => {
  const odd = aggregate('odd', {
    state: z.any(),
    events: { made: z.object({}) },
    commands: { make: z.object({}) },
    create: { made: () => ({ f: () => 1 }) },
    evolve: {},
    decide: { make: (_s, _p, { emit }) => emit.made({}) },
  })
  const disk = createMemoryStorage()
  const clock = createTestClock()
  const engine = await openEngine(disk, { domain: domain('d', { aggregates: [odd, stockItem] }), clock })
  const outcome: any = await give(engine, 'odd.make', 't', {}).catch((error: unknown) => error)
  for (let i = 0; i < 5; i++) {
    await give(engine, 'stockItem.register', `a${i}`, { name: 'x' })
    await clock.advance(10_000)
  }
  const saved = await (await disk.tab().openLog('d.hall-7.ann.log')).states.checkpoints()
  if (outcome.ok) expect(saved.size).toBeGreaterThan(0) // nothing is ever saved again, and status says storage: ok
})
