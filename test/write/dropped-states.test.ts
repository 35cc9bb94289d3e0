import { aggregate, domain } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { allEvents, give, message, openEngine } from '../support/engine.ts'

const build = (v: 1 | 2) => {
  const thing = aggregate('thing', {
    state: (v === 1 ? z.object({ n: z.number() }) : z.object({ n: z.number(), extra: z.string().optional() })) as any,
    events: { made: z.object({}), poked: z.object({}) },
    commands: { make: z.object({}), poke: z.object({}) },
    refusals: { there: z.object({}), none: z.object({}) },
    create: { made: () => ({ n: 1 }) },
    evolve: { poked: (s: any) => ({ ...s, n: s.n + 1 }) },
    decide: {
      make: (s, _, { emit, refuse }) => (s ? refuse.there({}) : emit.made({})),
      poke: (s, _, { emit, refuse }) => (s ? emit.poked({}) : refuse.none({})),
    },
  })
  return domain('d', { aggregates: [thing] })
}

test('a tab of an old build that opens while a newer one drops its saved states still knows its streams', async () => {
  const disk = createMemoryStorage()
  const clock = createTestClock()
  const seed = await openEngine(disk, { domain: build(1), clock })
  await give(seed, 'thing.make', 'x', {})
  await give(seed, 'thing.poke', 'x', {})
  await seed.close()
  const newer = disk.tab()
  const pause = newer.faults.pause('states.drop')
  await openEngine(newer, { domain: build(2), clock }) // alone when it asked: begins to drop what build 1 saved
  await pause.reached
  const old = await openEngine(disk.tab(), { domain: build(1), clock }) // build 1 opens in that moment
  await settle()
  pause.release()
  await settle()
  await give(old, 'thing.make', 'x', {}).catch(() => 0)
  expect((await allEvents(old)).map(({ version }) => version)).toEqual([1, 2]) // is [1, 2, 1]
})

test('two tabs that are reopened after a power loss keep all streams', async () => {
  const disk = createMemoryStorage()
  const clock = createTestClock()
  const seed = await openEngine(disk, { domain: build(1), clock })
  await Promise.all(seed.dispatch(Array.from({ length: 9000 }, (_, i) => message('thing.make', `t${i}`, {}))))
  await give(seed, 'thing.make', 'last', {})
  await seed.close()
  disk.powerLoss('d.hall-7.ann.log', 1) // the states are saved as of a record that is lost
  const [one, two] = [disk.tab(), disk.tab()]
  const pause = two.faults.pause('states.drop')
  const opening = openEngine(two, { domain: build(1), clock })
  await pause.reached
  const a = await openEngine(one, { domain: build(1), clock })
  await give(a, 'thing.poke', 't8999', {})
  await clock.advance(20_000) // a has saved its states anew, and forgotten the oldest of them
  pause.release() // the other tab drops them: `drop` is no compare
  await opening
  await settle(200)
  expect((await give(a, 'thing.make', 't0', {})).ok).toBe(false) // is accepted, as version 1 again
}, 60_000)
