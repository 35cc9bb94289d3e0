import { aggregate, domain, processManager } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { allEvents, give, openEngine } from '../support/engine.ts'

const thing = aggregate('thing', {
  state: z.object({}),
  events: { made: z.object({ n: z.number() }) },
  commands: { make: z.object({ n: z.number() }) },
  create: { made: () => ({}) },
  evolve: { made: (s) => s },
  decide: { make: (_s, p, { emit }) => emit.made(p) },
})
const manager = processManager('pm', {
  version: 1,
  state: z.object({}),
  from: [thing],
  on: {
    'thing.made': {
      key: (e) => e.aggregateId,
      handle: (_s, { data: { n } }) => {
        if (n === 0) throw new Error('broken')
        return { state: {}, timers: [{ timer: 'due', afterMs: n < 0 ? NaN : n }] }
      },
    },
  },
  timers: { due: (s) => ({ state: s }) },
})
const watched = domain('d', { aggregates: [thing], processManagers: [manager] })
const fired = async (engine: Awaited<ReturnType<typeof openEngine>>) =>
  (await allEvents(engine)).filter(({ type }) => type === '$pm.timerFired').length

test('64 parked instances do not keep the timers of others from firing after a restart', async () => {
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const first = await openEngine(storage, { domain: watched, clock })
  for (let i = 0; i < 70; i++) await give(first, 'thing.make', `p${i}`, { n: 0 }, { at: clock.now() })
  await give(first, 'thing.make', 'good', { n: 60_000 }, { at: clock.now() })
  await clock.advance(10_000)
  await first.close()
  const second = await openEngine(storage, { domain: watched, clock })
  await clock.advance(4_000_000)
  expect(await fired(second)).toBe(1) // with 10 parked instances it is 1, with 70 it is 0
})

test('a timer set after NaN ms parks its instance, and stops no other timer', async () => {
  const clock = createTestClock()
  const engine = await openEngine(createMemoryStorage(), { domain: watched, clock })
  await give(engine, 'thing.make', 'bad', { n: -1 }, { at: clock.now() })
  await give(engine, 'thing.make', 'good', { n: 1000 }, { at: clock.now() })
  await clock.advance(4_000_000)
  expect(await fired(engine)).toBe(1) // is 0: next = Math.min(next, NaN)
})
