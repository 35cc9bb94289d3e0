import { aggregate, domain, processManager } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { allEvents, give, openEngine } from '../support/engine.ts'

test('an Aggregate whose state becomes undefined keeps counting its versions over a restart', async () => {
  const thing = aggregate('thing', {
    state: z.object({ n: z.number() }).optional(),
    events: { made: z.object({}), gone: z.object({}) },
    commands: { make: z.object({}), drop: z.object({}) },
    create: { made: () => ({ n: 1 }) },
    evolve: { gone: () => undefined },
    decide: { make: (_s, _p, { emit }) => emit.made({}), drop: (_s, _p, { emit }) => emit.gone({}) },
  })
  const options = { domain: domain('d', { aggregates: [thing] }) }
  const storage = createMemoryStorage()
  const a = await openEngine(storage, options)
  await give(a, 'thing.make', 'x', {})
  await give(a, 'thing.drop', 'x', {})
  await a.close()
  const b = await openEngine(storage, options)
  await give(b, 'thing.make', 'x', {})
  expect((await allEvents(b)).map(({ version }) => version)).toEqual([1, 2, 3]) // is [1, 2, 1]
})

test('the same for a process manager instance that ended', async () => {
  const thing = aggregate('thing', {
    state: z.object({}),
    events: { made: z.object({}) },
    commands: { make: z.object({}) },
    create: { made: () => ({}) },
    evolve: { made: (s) => s },
    decide: { make: (_s, _p, { emit }) => emit.made({}) },
  })
  const manager = processManager('pm', {
    version: 1,
    state: z.object({}),
    from: [thing],
    on: { 'thing.made': { key: (e) => e.aggregateId, handle: () => ({ state: {}, timers: [{ timer: 'due', afterMs: 1000 }] }) } },
    timers: { due: () => ({ state: undefined }) },
  })
  const clock = createTestClock()
  const options = { domain: domain('d', { aggregates: [thing], processManagers: [manager] }), clock }
  const storage = createMemoryStorage()
  let versions: number[] = []
  for (let life = 0; life < 2; life++) {
    const engine = await openEngine(storage, options)
    await give(engine, 'thing.make', 'x', {}, { at: clock.now() })
    await clock.advance(5000)
    versions = (await allEvents(engine)).filter(({ type }) => type === '$pm.timerFired').map(({ version }) => version)
    await engine.close()
  }
  expect(versions).toEqual([1, 2]) // is [1, 1]
})
