import { aggregate, domain, processManager, readModel } from 'outpost'
import { testApp } from 'outpost/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
test('a process manager that changes its state in place counts once although a commit failed', async () => {
  const thing = aggregate('thing', {
    state: z.object({}),
    events: { made: z.object({}), poked: z.object({}) },
    commands: { make: z.object({}), poke: z.object({}) },
    create: { made: () => ({}) },
    evolve: { poked: (s) => s },
    decide: { make: (_s, _p, { emit }) => emit.made({}), poke: (_s, _p, { emit }) => emit.poked({}) },
  })
  const seen: number[] = []
  const manager = processManager('pm', {
    version: 1,
    state: z.object({ list: z.array(z.number()) }),
    from: [thing],
    on: {
      'thing.made': { key: (e) => e.aggregateId, handle: () => ({ state: { list: [] } }) },
      'thing.poked': {
        key: (e) => e.aggregateId,
        handle: (s) => {
          s!.list.push(1)
          seen.push(s!.list.length)
          return { state: s! }
        },
      },
    },
  })
  const storage = createMemoryStorage()
  const engine = await openEngine(storage, { domain: domain('d', { aggregates: [thing], processManagers: [manager] }) })
  await give(engine, 'thing.make', 'x', {})
  storage.faults.fail('events.append', 'QuotaExceededError')
  await give(engine, 'thing.poke', 'x', {}).catch(() => 0) // nothing stored
  await give(engine, 'thing.poke', 'x', {}).catch(() => 0)
  expect(seen).not.toContain(2) // frozen, it would park with a sentence; so it counts twice
})

test('a Command Handler that changes the state in place fails after a restart as it does before', async () => {
  const thing = aggregate('thing', {
    state: z.object({ n: z.number() }),
    events: { made: z.object({}) },
    commands: { make: z.object({}), poke: z.object({}) },
    refusals: { no: z.object({}) },
    create: { made: () => ({ n: 10 }) },
    evolve: {},
    decide: {
      make: (_s, _p, { emit }) => emit.made({}),
      poke: (s, _p, { refuse }) => {
        s!.n -= 1
        return refuse.no({})
      },
    },
  })
  const options = { domain: domain('d', { aggregates: [thing] }) }
  const storage = createMemoryStorage()
  const a = await openEngine(storage, options)
  await give(a, 'thing.make', 'x', {})
  await expect(give(a, 'thing.poke', 'x', {})).rejects.toMatchObject({ code: 'decide-failed' })
  await a.close()
  const b = await openEngine(storage, options)
  await give(b, 'thing.poke', 'x', {}).catch(() => 0)
  expect((await b.load('thing', 'x')).state).toEqual({ n: 10 }) // is 9, without any Event
})

test('a row handler that changes a nested value in place parks, or its watchers are told', async () => {
  const thing = aggregate('thing', {
    state: z.object({}),
    events: { made: z.object({}), tagged: z.object({ tag: z.string() }) },
    commands: { make: z.object({}), tag: z.object({ tag: z.string() }) },
    create: { made: () => ({}) },
    evolve: { tagged: (s) => s },
    decide: { make: (_s, _p, { emit }) => emit.made({}), tag: (_s, p, { emit }) => emit.tagged(p) },
  })
  const list = readModel('list', {
    version: 1,
    from: [thing],
    row: z.object({ id: z.string(), tags: z.array(z.string()) }),
    key: 'id',
    on: {
      'thing.made': (e, rows) => rows.put({ id: e.aggregateId, tags: [] }),
      'thing.tagged': (e, rows) =>
        rows.update(e.aggregateId, (row) => {
          row.tags.push(e.data.tag)
          return row
        }),
    },
  })
  const app = testApp(domain('d', { aggregates: [thing], readModels: [list] }))
  await app.commands.thing.make('x', {})
  let told: unknown
  app.read.list
    .get('x')
    .watch()
    .subscribe((row) => (told = structuredClone(row)))
  await sleep(50)
  await app.commands.thing.tag('x', { tag: 'a' })
  await sleep(100)
  const asked = await app.read.list.get('x')
  await app.close()
  expect(told).toEqual(asked) // the watcher still has []
})

test('an Event that one Read Model changes is as it was for the others', async () => {
  const thing = aggregate('thing', {
    state: z.object({}),
    events: { made: z.object({ list: z.array(z.number()) }) },
    commands: { make: z.object({}) },
    create: { made: () => ({}) },
    evolve: {},
    decide: { make: (_s, _p, { emit }) => emit.made({ list: [1] }) },
  })
  const counting = (name: string, spoil: boolean) =>
    readModel(name, {
      version: 1,
      from: [thing],
      row: z.object({ id: z.string(), n: z.number() }),
      key: 'id',
      on: {
        'thing.made': (e, rows) => {
          if (spoil) e.data.list.push(99)
          rows.put({ id: e.aggregateId, n: e.data.list.length })
        },
      },
    })
  const disk = createMemoryStorage()
  const clock = createTestClock()
  const a = await openEngine(disk.tab(), { domain: domain('d', { aggregates: [thing] }), clock })
  const b = await openEngine(disk.tab(), {
    domain: domain('d', { aggregates: [thing], readModels: [counting('one', true), counting('two', false)] }),
    clock,
  })
  await settle()
  await give(a, 'thing.make', 'x', {})
  await b.catchUp()
  await clock.advance(10_000)
  await settle()
  // [1, 99]; and where `one` happens to fold first, `two` shows 2
  expect((await b.readEvents(0, 10)).map(({ data }) => data)).toEqual([{ list: [1] }])
})
