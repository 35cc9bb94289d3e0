/** What a build still tells of a log that holds Events it does not understand: all that comes before the first of them. */
import { aggregate, domain, event, reactor } from 'outpost'
import { testApp } from 'outpost/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { EngineStatus } from '../../src/engine/engine.ts'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { allEvents, openEngine } from '../support/engine.ts'

const commands = { make: z.object({}), extend: z.object({}) }
const thing = aggregate('thing', {
  state: z.object({}),
  events: { made: z.object({}) },
  commands,
  create: { made: () => ({}) },
  evolve: {},
  decide: { make: (_state, _payload, { emit }) => emit.made({}), extend: () => [] },
})
const newerThing = aggregate('thing', {
  state: z.object({}),
  events: { made: z.object({}), extended: z.object({}) },
  commands,
  create: { made: () => ({}) },
  evolve: { extended: (state) => state },
  decide: { make: (_state, _payload, { emit }) => emit.made({}), extend: (_state, _payload, { emit }) => emit.extended({}) },
})
/** Its upcaster throws on all that was recorded before. */
const brokenThing = aggregate('thing', {
  state: z.object({}),
  events: {
    made: z.object({}),
    extended: event(z.object({}), {
      version: 2,
      upcast: {
        1: () => {
          throw new Error('no upcasting today')
        },
      },
    }),
  },
  commands,
  create: { made: () => ({}) },
  evolve: { extended: (state) => state },
  decide: { make: () => [], extend: () => [] },
})

/** A log of five Events that every build knows, and a sixth that only the newer one does; none of its states is saved. */
async function logOfNewerBuild(): Promise<MemoryStorage> {
  const storage = createMemoryStorage()
  const app = testApp(domain('d', { aggregates: [newerThing] }), { space: 'hall-7', actor: 'ann', storage: storage.tab() })
  for (let n = 0; n < 5; n++) await app.commands.thing.make(`t-${n}`, {})
  await app.commands.thing.extend('t-0', {})
  await app.close()
  return storage
}
const upToFive = [1, 2, 3, 4, 5]

test('`events$` tells all that it understands, and then that the build is outdated', async () => {
  const app = testApp(domain('d', { aggregates: [thing] }), { space: 'hall-7', actor: 'ann', storage: await logOfNewerBuild() })
  const told: number[] = []
  const ended = new Promise((resolve) =>
    app.events$({ after: 0 }).subscribe({ next: ({ position }) => told.push(position), error: resolve }),
  )
  expect(await ended).toMatchObject({ code: 'outdated' })
  expect(told).toEqual(upToFive)
  await app.close()
})

test('reading from the first Event that it does not understand fails', async () => {
  const engine = await openEngine(await logOfNewerBuild(), { domain: domain('d', { aggregates: [thing] }) })
  expect((await allEvents(engine)).map(({ position }) => position)).toEqual(upToFive)
  await expect(engine.readEvents(5, 1)).rejects.toMatchObject({ code: 'outdated' })
})

test.each([
  ['does not know', thing],
  ['cannot upcast', brokenThing],
])('a reactor takes all Events before one that its build %s, and parks there', async (_, aggregateOfBuild) => {
  const taken: number[] = []
  const listen = reactor('listen', {
    from: [aggregateOfBuild as typeof thing],
    startAt: 'beginning',
    on: { 'thing.made': ({ position }) => void taken.push(position) },
  })
  const clock = createTestClock()
  const engine = await openEngine(await logOfNewerBuild(), {
    clock,
    domain: domain('d', { aggregates: [aggregateOfBuild as typeof thing], reactors: [listen] }),
  })
  await clock.advance(1000)
  expect(taken).toEqual(upToFive)
  let handlers: EngineStatus['handlers'] = []
  engine.status$.subscribe((status) => (handlers = status.handlers)).unsubscribe()
  await engine.close()
  expect(handlers).toMatchObject([{ state: 'parked', position: 5, parked: [{ position: 6, eventType: 'thing.extended' }] }])
})
