import { expect, test } from 'vitest'
import { aggregate, domain, readModel } from 'outpost'
import { z } from 'zod'
import { from } from './queries.ts'
import { type GivenEvent, type Tab, soon, turns, until, watchAll, World } from './world.ts'

const Any = z.record(z.string(), z.unknown())
const note = aggregate('note', {
  state: z.object({}),
  events: { written: Any, changed: Any, other: Any },
  commands: {},
  create: { written: () => ({}) },
  evolve: { changed: () => ({}), other: () => ({}) },
  decide: {},
})
const written = (aggregateId: string, data: Record<string, unknown> = { words: 1 }): GivenEvent => ({
  type: 'note.written',
  aggregateId,
  data,
})
const changed = (aggregateId: string, data: Record<string, unknown> = {}): GivenEvent => ({ type: 'note.changed', aggregateId, data })

interface NoteRow {
  readonly id: string
  readonly words: number
}

/** Stops at whatever `fails` says, unless the build is mended. */
const notesOf = (fails: (data: Record<string, unknown>) => boolean, version = 1) =>
  readModel('notes', {
    version,
    from: [note],
    row: z.object({ id: z.string(), words: z.number() }),
    key: 'id',
    indexes: ['words'],
    ignores: ['note.other'],
    on: {
      'note.written': ({ aggregateId, data }, rows) => {
        rows.put({ id: aggregateId, words: data['words'] as number })
        if (fails(data)) throw new Error('no such word')
      },
      'note.changed': ({ aggregateId, data }, rows) => {
        rows.update(aggregateId, (row) => {
          if (fails(data)) throw new Error('no such change')
          return { ...row, words: row.words + 1 }
        })
      },
    },
  })

/** Never stops. */
const ids = readModel('ids', {
  version: 1,
  from: [note],
  row: z.object({ id: z.string() }),
  key: 'id',
  ignores: ['note.changed', 'note.other'],
  on: { 'note.written': ({ aggregateId }, rows) => rows.put({ id: aggregateId }) },
})

const isBad = (data: Record<string, unknown>): boolean => data['bad'] === true
const bad = { words: 9, bad: true }
const notes = notesOf(isBad)
const broken = domain('notes', { aggregates: [note], readModels: [notes, ids] })
const mended = domain('notes', { aggregates: [note], readModels: [notesOf(() => false), ids] })

const all = from(notes).description
const ask = (tab: Tab): Promise<readonly NoteRow[]> => tab.ask(all)
const isParked = (tab: Tab) => (): boolean => tab.status('notes').state === 'parked'

test('a handler that throws stops its Read Model at that Event, and nothing else', async () => {
  const world = new World()
  const tab = await world.tab(broken)
  await tab.append(written('a'), written('b'), written('c', bad), written('d'))
  await tab.append(written('e'))
  await until(isParked(tab))
  expect(await ask(tab)).toEqual([
    { id: 'a', words: 1 },
    { id: 'b', words: 1 },
  ])
  expect(await tab.ask<number>(from(ids).count().description)).toBe(5)
  expect(tab.status('notes')).toMatchObject({
    state: 'parked',
    position: 2,
    lag: 3,
    parked: { position: 3, eventType: 'note.written', error: 'no such word', attempts: 1, retryAt: world.clock.now + 1_000 },
  })
  expect(tab.status('ids')).toMatchObject({ state: 'live', position: 5, lag: 0 })
})

test('a change that throws takes back nothing of the Events before it, not even in its own record', async () => {
  const world = new World()
  const tab = await world.tab(broken)
  await tab.append(written('a'))
  await tab.append(changed('a'), changed('a'), changed('a', { bad: true }), changed('a'))
  await until(isParked(tab))
  expect(await ask(tab)).toEqual([{ id: 'a', words: 3 }])
  await tab.side.flush()
  await world.clock.advance(5_000)
  await tab.close()
  const again = await world.tab(mended)
  expect(await ask(again)).toEqual([{ id: 'a', words: 5 }])
})

test('a parked Read Model answers at once and says that it is stale', async () => {
  const world = new World()
  const tab = await world.tab(broken)
  await tab.append(written('a'), written('b', bad))
  await until(isParked(tab))
  const { data, stale, position } = await tab.side.run(all, 2, 60_000)
  expect({ data, stale, position }).toEqual({ data: [{ id: 'a', words: 1 }], stale: true, position: 1 })
})

test('watchers of a parked Read Model see all before the Event, marked stale, and the rest when it passes', async () => {
  let isMended = false
  const flaky = notesOf((data) => isBad(data) && !isMended)
  const world = new World()
  const tab = await world.tab(domain('notes', { aggregates: [note], readModels: [flaky, ids] }))
  const snapshots: unknown[] = []
  const watched = await tab.side.watch(all, () => snapshots.push(watched.snapshot))
  await tab.append(written('a'), written('b', bad), written('c'))
  await until(isParked(tab))
  await until(() => snapshots.length === 1)
  expect(snapshots).toEqual([{ data: [{ id: 'a', words: 1 }], position: 1, stale: true }])
  isMended = true
  await tab.side.retry('notes')
  await until(() => snapshots.length >= 2)
  await turns()
  expect(watched.snapshot).toEqual({
    data: [
      { id: 'a', words: 1 },
      { id: 'b', words: 9 },
      { id: 'c', words: 1 },
    ],
    position: 3,
    stale: false,
  })
})

test('it is tried again by itself, more and more rarely, and goes on when it passes', async () => {
  let isMended = false
  let tries = 0
  const flaky = notesOf((data) => {
    if (isBad(data)) tries++
    return isBad(data) && !isMended
  })
  const world = new World()
  const tab = await world.tab(domain('notes', { aggregates: [note], readModels: [flaky, ids] }))
  await tab.append(written('a', bad))
  await until(isParked(tab))
  const delays: number[] = []
  for (let attempt = 1; attempt <= 8; attempt++) {
    const { parked } = tab.status('notes')
    expect(parked).toMatchObject({ attempts: attempt })
    delays.push((parked?.retryAt ?? 0) - world.clock.now)
    await world.clock.advance(delays.at(-1) as number)
  }
  expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  expect(tries).toBe(9)
  isMended = true
  await world.clock.advance(60_000)
  expect(tab.status('notes')).toMatchObject({ state: 'live', position: 1 })
  expect(await ask(tab)).toEqual([{ id: 'a', words: 9 }])
})

test('a start with a mended handler goes on from the checkpoint by itself', async () => {
  const world = new World()
  const tab = await world.tab(broken)
  await tab.append(written('a'))
  await tab.append(written('b', bad))
  await tab.append(written('c'))
  await until(isParked(tab))
  await tab.side.flush()
  await tab.close()
  const again = await world.tab(mended)
  expect(await ask(again)).toEqual([
    { id: 'a', words: 1 },
    { id: 'b', words: 9 },
    { id: 'c', words: 1 },
  ])
  expect(again.status('notes')).toMatchObject({ state: 'live', lag: 0 })
})

test('a parked tab goes on behind one whose handler passes', async () => {
  const world = new World()
  const old = await world.tab(broken)
  await old.append(written('a', bad))
  await until(isParked(old))
  const fresh = await world.tab(mended)
  await fresh.append(written('b'))
  await fresh.side.flush()
  await old.hear()
  await world.clock.advance(1_000)
  expect(old.status('notes')).toMatchObject({ state: 'live', position: 2 })
  expect(await ask(old)).toHaveLength(2)
})

test('an update of a row that is not there names Read Model, key and Event', async () => {
  const world = new World()
  const tab = await world.tab(broken)
  await tab.append(written('a'), changed('missing'))
  await until(isParked(tab))
  expect(tab.status('notes').parked).toMatchObject({
    position: 2,
    error:
      'Read Model "notes", at Event "note.changed" (position 2): there is no row "missing" to update. Use `upsert`, or put it at an earlier Event.',
  })
})

test('a row that violates its schema is never stored; the error says which field', async () => {
  const world = new World()
  const tab = await world.tab(broken)
  await tab.append(written('a', { words: 'many' }))
  await until(isParked(tab))
  expect(tab.status('notes').parked?.error).toMatch(
    /^Read Model "notes", at Event "note.written" \(position 1\): field "words" of its row does not fit its schema: .*number/,
  )
  expect(await ask(tab)).toEqual([])
})

/** A domain with one Read Model whose handler does as it is told. */
function domainOf(
  handler: (
    data: Record<string, unknown>,
    rows: { put(row: never): void; update(key: never, change: (row: never) => never): void; remove(key: never): void },
  ) => unknown,
) {
  const model = readModel('notes', {
    version: 1,
    from: [note],
    row: z.object({ id: z.any(), words: z.any() }),
    key: 'id',
    indexes: ['words'],
    ignores: ['note.changed', 'note.other'],
    on: { 'note.written': ({ data }, rows) => handler(data, rows as never) as void },
  })
  return domain('notes', { aggregates: [note], readModels: [model] })
}

async function errorOf(handler: Parameters<typeof domainOf>[0], ...events: readonly GivenEvent[]): Promise<string | undefined> {
  const world = new World()
  const tab = await world.tab(domainOf(handler))
  await tab.append(...(events.length > 0 ? events : [written('a')]))
  await until(isParked(tab))
  const { parked } = tab.status('notes')
  await tab.close()
  return parked?.error
}

test('a key or index that IndexedDB cannot index stops at its Event and names the field', async () => {
  expect(await errorOf((_, rows) => rows.put({ id: true, words: 1 } as never))).toContain(
    'field "id" of its row is true, which IndexedDB cannot index',
  )
  expect(await errorOf((_, rows) => rows.put({ id: 'a', words: null } as never))).toContain('field "words" of its row is null')
  expect(await errorOf((_, rows) => rows.put({ id: 'a', words: Number.NaN } as never))).toContain('field "words" of its row is NaN')
  expect(await errorOf((_, rows) => rows.put({ id: 'a' } as never))).toContain('field "words" of its row does not fit')
  expect(await errorOf((_, rows) => rows.remove(null as never))).toContain('field "id" of its row cannot be null')
})

test('a change that gives its row another key stops there', async () => {
  const error = await errorOf(
    (data, rows) =>
      data['first'] ? rows.put({ id: 'a', words: 1 } as never) : rows.update('a' as never, (row: object) => ({ ...row, id: 'b' }) as never),
    written('a', { first: true }),
    written('a'),
  )
  expect(error).toContain('field "id" of its row became "b" in the row of "a"')
})

test('a handler that changes a row in place is stopped: others hold that row', async () => {
  const error = await errorOf(
    (data, rows) =>
      data['first']
        ? rows.put({ id: 'a', words: 1 } as never)
        : rows.update('a' as never, (row: { words: number }) => {
            row.words++
            return row as never
          }),
    written('a', { first: true }),
    written('a'),
  )
  expect(error).toMatch(/read only/)
})

test('an asynchronous handler is stopped before it can do harm', async () => {
  expect(await errorOf(async () => {})).toContain('The handler of "note.written" is asynchronous')
})

test('`rows` kept beyond its handler is of no use', async () => {
  let kept: { put(row: never): void } | undefined
  const world = new World()
  const tab = await world.tab(
    domainOf((_, rows) => {
      kept = rows
    }),
  )
  await tab.append(written('a'))
  await tab.ask(all)
  expect(() => kept?.put({ id: 'a', words: 1 } as never)).toThrow('`rows` was used after its handler had returned')
})

test('a handler that swallows the error of a row has failed all the same', async () => {
  const error = await errorOf((_, rows) => {
    try {
      rows.put({ id: true, words: 1 } as never)
    } catch {
      // as careless code does
    }
  })
  expect(error).toContain('field "id"')
})

test('a value that storage cannot keep is found at the Event that made it', async () => {
  const model = readModel('notes', {
    version: 1,
    from: [note],
    row: z.object({ id: z.string(), extra: z.unknown() }),
    key: 'id',
    ignores: ['note.changed', 'note.other'],
    on: { 'note.written': ({ aggregateId, data }, rows) => rows.put({ id: aggregateId, extra: data['bad'] ? () => 1 : 1 }) },
  })
  const fresh = new World()
  const working = await fresh.tab(domain('notes', { aggregates: [note], readModels: [model] }))
  await working.append(written('a'))
  await working.append(written('b', bad))
  await working.append(written('c'))
  await working.ask(all)
  await fresh.clock.advance(5_000)
  expect(working.status('notes')).toMatchObject({
    state: 'parked',
    parked: { position: 2, error: expect.stringMatching(/field "extra" of its row cannot be stored/) },
  })
  await fresh.clock.advance(5_000)
  await working.close()
  const again = await fresh.tab(domain('notes', { aggregates: [note], readModels: [model] }))
  expect(await again.ask(from(model).get('a').description)).toEqual({ id: 'a', extra: 1 })
})

test('an Event that this build does not know halts the Read Model, and is not tried again by itself', async () => {
  const world = new World()
  const tab = await world.tab(broken)
  await tab.append(written('a'), { type: 'note.burnt', aggregateId: 'a', data: {} }, written('b'))
  await until(isParked(tab))
  expect(tab.status('notes').parked).toMatchObject({ position: 2, eventType: 'note.burnt' })
  expect(tab.status('notes').parked).not.toHaveProperty('retryAt')
  expect(await ask(tab)).toEqual([{ id: 'a', words: 1 }])
  await world.clock.advance(600_000)
  expect(tab.status('notes').parked).toMatchObject({ attempts: 1 })
})

test('how a log is cut into records changes neither where it parks nor what is shown', async () => {
  const events = [written('a'), changed('a'), written('b'), changed('b', { bad: true }), changed('a'), written('c', bad)]
  const results: unknown[] = []
  for (const cut of [1, 2, 3, 6]) {
    const world = new World()
    const tab = await world.tab(broken)
    for (let i = 0; i < events.length; i += cut) await tab.append(...events.slice(i, i + cut))
    await world.clock.advance(soon)
    await until(isParked(tab))
    results.push({ rows: await ask(tab), parked: tab.status('notes').parked?.position })
  }
  expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(
    new Set([
      JSON.stringify({
        rows: [
          { id: 'a', words: 2 },
          { id: 'b', words: 1 },
        ],
        parked: 4,
      }),
    ]),
  )
})

test('a Read Model that does not exist cannot be retried; the error names those that do', async () => {
  const tab = await new World().tab(broken)
  await expect(tab.side.retry('nothing')).rejects.toMatchObject({ code: 'unknown-read-model', details: { known: ['notes', 'ids'] } })
  await expect(watchAll(tab, { ...(all as object), model: 'nothing' } as typeof all)).rejects.toMatchObject({ code: 'unknown-read-model' })
})
