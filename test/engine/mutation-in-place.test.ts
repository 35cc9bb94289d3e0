/**
 * Handlers that change in place what they were given. States, rows and Event data are shared with caches, watchers and other
 * handlers, so they are frozen: such a handler fails where it stands, every time, instead of spoiling what others see.
 */
import { aggregate, domain, processManager, readModel } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { from } from '../read/queries.ts'
import { createTestClock } from '../support/clock.ts'
import { give, message, openEngine, statusOf } from '../support/engine.ts'

const Tag = z.object({ tag: z.string() })
const note = aggregate('note', {
  state: z.object({ tags: z.array(z.string()) }),
  events: { written: z.object({}), tagged: Tag, filed: z.object({ folders: z.array(z.string()) }) },
  commands: { write: z.object({}), tag: Tag, spoil: Tag, file: z.object({ folders: z.array(z.string()) }) },
  refusals: { spoilt: z.object({}) },
  create: { written: () => ({ tags: [] }) },
  evolve: { tagged: (state, { tag }) => ({ tags: [...state.tags, tag] }), filed: (state) => state },
  decide: {
    write: (_, __, { emit }) => emit.written({}),
    tag: (_, payload, { emit }) => emit.tagged(payload),
    spoil: (state, { tag }, { refuse }) => {
      state?.tags.push(tag)
      return refuse.spoilt({})
    },
    file: (_, payload, { emit }) => emit.filed(payload),
  },
})

test('a Command Handler fails on a state that was loaded from disk as on one that was never away', async () => {
  const options = { domain: domain('notes', { aggregates: [note] }) }
  const storage = createMemoryStorage()
  const first = await openEngine(storage, options)
  await give(first, 'note.write', 'x', {})
  await expect(give(first, 'note.spoil', 'x', { tag: 'a' })).rejects.toMatchObject({ code: 'decide-failed' })
  await first.close()
  const second = await openEngine(storage, options)
  await expect(give(second, 'note.spoil', 'x', { tag: 'a' })).rejects.toMatchObject({ code: 'decide-failed' })
  expect(await second.load('note', 'x')).toEqual({ state: { tags: [] }, version: 1 })
})

test('a process manager counts nothing for a Command whose commit failed', async () => {
  const seen: number[] = []
  const tagging = processManager('tagging', {
    version: 1,
    state: z.object({ tags: z.array(z.string()) }),
    from: [note],
    ignores: ['note.filed'],
    on: {
      'note.written': { key: (event) => event.aggregateId, handle: () => ({ state: { tags: [] } }) },
      'note.tagged': {
        key: (event) => event.aggregateId,
        handle: (state, { data }) => {
          state?.tags.push(data.tag)
          seen.push(state?.tags.length ?? 0)
          return state && { state }
        },
      },
    },
  })
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const engine = await openEngine(storage, { domain: domain('notes', { aggregates: [note], processManagers: [tagging] }), clock })
  await give(engine, 'note.write', 'x', {})
  storage.faults.fail('events.append', 'QuotaExceededError')
  await expect(give(engine, 'note.tag', 'x', { tag: 'a' })).rejects.toMatchObject({ code: 'storage-full' })
  expect(await give(engine, 'note.tag', 'x', { tag: 'a' })).toMatchObject({ ok: true })
  expect(seen).toEqual([])
  await clock.advance(100)
  expect(statusOf(engine).handlers).toMatchObject([{ name: 'tagging', state: 'parked', parked: [{ key: 'x', position: 2 }] }])
})

test.each([
  ['was just put', false],
  ['was loaded from disk', true],
])('a Read Model parks on a nested part of a row that %s: who watches it would not be told', async (_, restarts) => {
  const tags = readModel('tags', {
    version: 1,
    from: [note],
    row: z.object({ id: z.string(), tags: z.array(z.string()) }),
    key: 'id',
    ignores: ['note.filed'],
    on: {
      'note.written': ({ aggregateId }, rows) => rows.put({ id: aggregateId, tags: [] }),
      'note.tagged': ({ aggregateId, data }, rows) =>
        rows.update(aggregateId, (row) => {
          row.tags.push(data.tag)
          return row
        }),
    },
  })
  const clock = createTestClock()
  const options = { domain: domain('notes', { aggregates: [note], readModels: [tags] }), clock }
  const storage = createMemoryStorage()
  let engine = await openEngine(storage, options)
  await give(engine, 'note.write', 'x', {})
  if (restarts) {
    await engine.close()
    engine = await openEngine(storage, options)
  }
  const all = from(tags).description
  const watched = await engine.watch(all, () => undefined)
  await expect.poll(() => watched.snapshot.data).toEqual([{ id: 'x', tags: [] }])
  await give(engine, 'note.tag', 'x', { tag: 'a' })
  await clock.advance(10_000)
  expect(statusOf(engine).readModels).toMatchObject([{ name: 'tags', state: 'parked', parked: { position: 2 } }])
  expect(watched.snapshot.data).toEqual([{ id: 'x', tags: [] }])
  expect((await engine.run(all, 0, 1_000)).data).toEqual(watched.snapshot.data)
})

test('a Read Model parks on the data of an Event, which stays as it is for others', async () => {
  const counting = (name: string, spoil: (folders: string[]) => void) =>
    readModel(name, {
      version: 1,
      from: [note],
      row: z.object({ id: z.string(), folders: z.number() }),
      key: 'id',
      ignores: ['note.written', 'note.tagged'],
      on: {
        'note.filed': ({ aggregateId, data }, rows) => {
          spoil(data.folders)
          rows.put({ id: aggregateId, folders: data.folders.length })
        },
      },
    })
  const careless = counting('careless', (folders) => void folders.push('all'))
  const careful = counting('careful', () => undefined)
  const disk = createMemoryStorage()
  const writer = await openEngine(disk.tab(), { domain: domain('notes', { aggregates: [note] }) })
  // The tab that reads has the data from the log: nobody there has made it.
  const clock = createTestClock()
  const reader = await openEngine(disk.tab(), {
    domain: domain('notes', { aggregates: [note], readModels: [careless, careful] }),
    clock,
  })
  await Promise.all(writer.dispatch([message('note.write', 'x', {}), message('note.file', 'x', { folders: ['home'] })]))
  await reader.catchUp()
  await clock.advance(10_000)
  expect(statusOf(reader).readModels).toMatchObject([
    { name: 'careless', state: 'parked' },
    { name: 'careful', state: 'live' },
  ])
  expect((await reader.run(from(careful).description, 2, 1_000)).data).toEqual([{ id: 'x', folders: 1 }])
  expect((await reader.readEvents(1, 1)).map(({ data }) => data)).toEqual([{ folders: ['home'] }])
})
