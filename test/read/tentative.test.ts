/** The pending tail as readers see it: laid over confirmed rows, in memory alone. */
import { describe, expect, test } from 'vitest'
import { domain, readModel } from 'outpost'
import { z } from 'zod'
import type { Snapshot } from '../../src/domain/query.ts'
import { from } from './queries.ts'
import { thing, type ThingRow, things, thingsDomain } from './things.ts'
import { type GivenEvent, type Tab, soon, turns, until, World } from './world.ts'

const put = (id: string, a: number, b = ''): GivenEvent => ({ type: 'thing.put', aggregateId: id, data: { a, b } })
const add = (id: string, by: number): GivenEvent => ({ type: 'thing.changed', aggregateId: id, data: { by } })
const remove = (id: string): GivenEvent => ({ type: 'thing.removed', aggregateId: id, data: {} })
const row = (id: string, a: number, b = ''): ThingRow => ({ id, a, b })

const all = from(things).description
const ask = (tab: Tab, query = all): Promise<Snapshot<unknown>> => tab.side.run(query, tab.head.position, 10_000)

/** What storage has, read past every tab. */
async function storedRows(world: World, generation = 1) {
  const store = await world.storage.openReadStore(`app.space.ann.read.things@1#${generation}`, { key: 'id', indexes: [] })
  const { rows, checkpoint } = await store.scan({})
  store.close()
  return { rows, record: checkpoint?.record ?? 0 }
}

/** Each snapshot of a watched query as it was told. */
async function watch(tab: Tab, query: Parameters<Tab['ask']>[0] = all) {
  const frames: Snapshot<unknown>[] = []
  const watched = await tab.side.watch(query, () => frames.push(watched.snapshot))
  return { frames, watched, data: () => watched.snapshot.data }
}

/** A synced log with these confirmed rows, stored. */
async function synced(world = new World(), ...events: readonly GivenEvent[]): Promise<{ readonly world: World; readonly tab: Tab }> {
  const tab = await world.tab(thingsDomain)
  await tab.append(...events)
  await tab.join()
  await tab.side.flush()
  return { world, tab }
}

test('what is pending shows at once and says so; nothing of it is stored', async () => {
  const { world, tab } = await synced(undefined, put('a', 1), put('b', 1))
  const { frames } = await watch(tab)
  await tab.append(add('b', 1), put('c', 3))
  await turns()
  expect(frames).toEqual([{ data: [row('a', 1), row('b', 2), row('c', 3)], position: 4, stale: false, pending: [1, 2] }])
  expect(await ask(tab)).toEqual(frames[0])
  expect(await ask(tab, from(things).get('b').description)).toMatchObject({ data: row('b', 2), pending: [0] })
  expect(await ask(tab, from(things).where({ a: 2 }).first().description)).toMatchObject({ data: row('b', 2), pending: [0] })
  expect(await ask(tab, from(things).get('a').description)).not.toHaveProperty('pending')
  expect(await ask(tab, from(things).where({ a: 2 }).count().description)).toEqual({ data: 1, position: 4, stale: false })
  expect(await ask(tab, { kind: 'named', query: 'backwards', input: {} })).toMatchObject({
    data: [row('c', 3), row('b', 2), row('a', 1)],
    pending: [0, 1],
  })
  await tab.side.flush()
  await world.clock.advance(60_000)
  expect(await storedRows(world)).toEqual({ rows: [row('a', 1), row('b', 1)], record: 2 })
})

test('a row that the tail removes is gone, and comes to light again where the tail is void, also from storage', async () => {
  const { world } = await synced(undefined, put('a', 1), put('b', 1))
  // A tab that has not read these rows.
  const tab = await world.tab(thingsDomain)
  await tab.append(remove('a'), put('b', 2), put('c', 1))
  const rows = await watch(tab)
  const count = await watch(tab, from(things).where({ a: 1 }).count().description)
  const one = await watch(tab, from(things).get('a').description)
  expect([rows.data(), count.data(), one.data()]).toEqual([[row('b', 2), row('c', 1)], 1, undefined])
  await tab.rebase({ slice: [[]], processed: 1, again: [] })
  await turns(20)
  expect([rows.frames.length, count.frames.length, one.frames.length]).toEqual([1, 1, 1])
  expect([rows.data(), count.data(), one.data()]).toEqual([[row('a', 1), row('b', 1)], 2, row('a', 1)])
  expect(rows.watched.snapshot).not.toHaveProperty('pending')
})

test('a confirmation only takes the mark away: one frame for those who show the row, which is the same object', async () => {
  const { world, tab } = await synced(undefined, put('a', 1))
  await tab.append(put('b', 2))
  await tab.append(put('c', 3))
  const rows = await watch(tab)
  const [others, same] = [await watch(tab, from(things).where({ a: 1 }).description), await watch(tab, from(things).get('c').description)]
  const before = rows.data() as readonly ThingRow[]
  await tab.confirm(1)
  await turns()
  expect(rows.frames.map(({ pending }) => pending)).toEqual([[2]])
  expect(rows.data()).toBe(before)
  await tab.confirm(1)
  await turns()
  expect(rows.frames.map(({ pending }) => pending)).toEqual([[2], undefined])
  expect(rows.data()).toBe(before)
  expect([others.frames.length, same.frames.length]).toEqual([0, 1])
  await world.clock.advance(10_000)
  expect(await storedRows(world)).toEqual({ rows: [row('a', 1), row('b', 2), row('c', 3)], record: tab.head.checkpoint.record })
})

test('the first rows that a start shows have the tail in them', async () => {
  const { world, tab } = await synced(undefined, put('a', 1))
  for (let i = 0; i < 200; i++) await tab.append(add('a', 1), put(`b${i}`, 0))
  await tab.close()
  const again = await world.tab(thingsDomain)
  const first = await watch(again, from(things).get('a').description)
  expect(first.watched.snapshot).toEqual({ data: row('a', 1), position: again.head.position, stale: false, pending: [0] })
  expect(await ask(again, from(things).count().description)).toMatchObject({ data: 201 })
})

test('a start answers nothing before the tail lies over the rows, however long that takes', async () => {
  const { world, tab } = await synced(undefined, put('a', 1), put('b', 1))
  await tab.append(add('a', 1))
  await tab.close()
  const holds: (() => void)[] = []
  const again = await world.tab(thingsDomain, (storage) => {
    const held = storage.faults.pause('rows.load', 'before')
    holds.push(() => held.release())
  })
  let answer: unknown
  void again.side.run(from(things).orderBy('a').description, 0, 60_000).then(({ data }) => (answer = data))
  for (let i = 0; i < 5; i++) await world.clock.advance(100)
  expect(answer).toBeUndefined()
  for (const release of holds) release()
  await until(() => answer !== undefined)
  expect(answer).toEqual([row('b', 1), row('a', 2)])
})

test('a start whose tail cannot be folded says why, and goes on when it can', async () => {
  const { world, tab } = await synced(undefined, put('a', 1))
  await tab.append(add('a', 1))
  await tab.close()
  const again = await world.tab(thingsDomain, (storage) => storage.faults.fail('rows.load', 'UnknownError'))
  await turns(20)
  expect(again.status('things').problem).toMatch(/UnknownError/)
  const asked = again.side.run(all, 0, 60_000)
  await world.clock.advance(1_000)
  expect(await asked).toMatchObject({ data: [row('a', 2)], pending: [0] })
})

test('what a confirmation and much of a tail come to is one frame, also where it is folded in several batches', async () => {
  const { world, tab } = await synced()
  const late = await world.tab(thingsDomain)
  await tab.append(put('a', 0))
  await late.hear()
  const watched = await watch(late, from(things).get('a').description)
  await tab.confirm(1)
  for (let i = 0; i < 201; i++) await tab.append(add('a', 1))
  await late.hear()
  await until(() => late.status('things').lag === 0)
  expect(watched.frames).toEqual([{ data: row('a', 1), position: 202, stale: false, pending: [0] }])
})

test('a tail that goes on where the confirmed rows went past what was folded of it', async () => {
  const { world, tab } = await synced(undefined, put('a', 0))
  const late = await world.tab(thingsDomain)
  await tab.append(add('a', 1))
  await late.hear()
  expect(await ask(late)).toMatchObject({ data: [row('a', 1)], pending: [0] })
  await tab.append(add('a', 1))
  await tab.confirm(2)
  await tab.append(add('a', 1))
  await late.hear()
  expect(await ask(late)).toMatchObject({ data: [row('a', 3)], pending: [0] })
})

describe('a query under way', () => {
  test('finds a row that only the tail had hidden when it began', async () => {
    const { world, tab } = await synced(undefined, put('a', 1), put('b', 1))
    await tab.append(remove('a'))
    await ask(tab)
    const held = tab.storage.faults.pause('rows.scan', 'after')
    const asked = ask(tab, from(things).where({ a: 1 }).description)
    await held.reached
    await tab.rebase({ slice: [[]], processed: 1, again: [] })
    await world.clock.advance(soon)
    held.release()
    expect((await asked).data).toEqual([row('a', 1), row('b', 1)])
  })

  test('counts a row once that the tail changes meanwhile', async () => {
    const { tab } = await synced(undefined, put('a', 1), put('b', 1))
    const held = tab.storage.faults.pause('rows.count', 'after')
    const asked = ask(tab, from(things).where({ a: 1 }).count().description)
    await held.reached
    await tab.append(put('b', 1, 'x'))
    await turns(20)
    held.release()
    expect((await asked).data).toBe(2)
  })
})

test('a row that storage cannot keep stops the rows at its Event, also where a tail that lay over them is confirmed then', async () => {
  const kept = readModel('kept', {
    version: 1,
    from: [thing],
    row: z.object({ id: z.string(), extra: z.unknown() }),
    key: 'id',
    ignores: ['thing.changed', 'thing.merged', 'thing.removed', 'thing.noted'],
    on: { 'thing.put': ({ aggregateId, data }, rows) => rows.put({ id: aggregateId, extra: data.b === 'bad' ? () => 1 : 1 }) },
  })
  const world = new World()
  const tab = await world.tab(domain('kept', { aggregates: [thing], readModels: [kept] }))
  await tab.append(put('a', 1))
  await tab.join()
  await tab.side.flush()
  await tab.append(put('b', 2, 'bad'))
  await tab.confirm(1)
  await tab.append(put('c', 3))
  const { watched } = await watch(tab, from(kept).description)
  expect(watched.snapshot).toMatchObject({ data: [{ id: 'a' }, { id: 'b' }, { id: 'c' }], pending: [2] })
  await world.clock.advance(5_000)
  expect(tab.status('kept')).toMatchObject({ state: 'parked', parked: { position: 2 } })
  await tab.confirm(1)
  await world.clock.advance(60_000)
  expect(tab.status('kept')).toMatchObject({ state: 'parked', parked: { position: 2 } })
  expect(watched.snapshot).toMatchObject({ data: [{ id: 'a' }], stale: true })
})

test('a query waits for what this tab did, and positions never go back', async () => {
  const { tab } = await synced(undefined, put('a', 1))
  await tab.append(put('b', 2))
  const { position } = await ask(tab)
  expect(position).toBe(2)
  const watched = await watch(tab)
  await tab.rebase({ slice: [[put('x', 0)]], again: [[put('b', 2)]] })
  const after = await ask(tab)
  expect(after).toMatchObject({ position: 4, data: [row('a', 1), row('b', 2), row('x', 0)], stale: false })
  expect(watched.watched.snapshot.position).toBe(4)
  // All that was pending is void, and nothing came in its place: the same position, other rows.
  await tab.rebase({ slice: [[]], processed: 1, again: [] })
  expect(await ask(tab)).toEqual({ position: 4, data: [row('a', 1), row('x', 0)], stale: false })
})

test('however many rows are pending, none waits for storage, and all of them show', async () => {
  const { world, tab } = await synced()
  const many = (first: number) => Array.from({ length: 3_000 }, (_, i) => put(`t${first + i}`, i % 5))
  for (let i = 0; i < 7; i++) await tab.append(...many(3_000 * i))
  const count = from(things).count().description
  expect(await ask(tab, count)).toMatchObject({ data: 21_000, stale: false })
  await world.clock.advance(60_000)
  expect((await storedRows(world)).rows).toEqual([])
  await tab.confirm(7)
  expect(await ask(tab, count)).toMatchObject({ data: 21_000, stale: false })
  await tab.side.flush()
  expect((await storedRows(world)).rows).toHaveLength(21_000)
})

describe('a handler that throws', () => {
  const picky = readModel('picky', {
    version: 1,
    from: [thing],
    row: z.object({ id: z.string(), a: z.number() }),
    key: 'id',
    ignores: ['thing.changed', 'thing.merged', 'thing.removed', 'thing.noted'],
    on: {
      'thing.put': ({ aggregateId, data }, rows) => {
        rows.put({ id: aggregateId, a: data.a })
        if (data.b === 'bad') throw new Error('I do not like it')
      },
    },
  })
  const pickyDomain = domain('picky', { aggregates: [thing], readModels: [picky] })
  const rows = from(picky).description

  async function stopped() {
    const world = new World()
    const tab = await world.tab(pickyDomain)
    await tab.append(put('a', 1))
    await tab.join()
    await tab.append(put('b', 2))
    await tab.append(put('c', 3), put('d', 4, 'bad'), put('e', 5))
    const watched = await watch(tab, rows)
    return { world, tab, watched }
  }

  test('at a tentative Event stops the tail there: what came before shows', async () => {
    const { world, tab, watched } = await stopped()
    const before = [
      { id: 'a', a: 1 },
      { id: 'b', a: 2 },
      { id: 'c', a: 3 },
    ]
    expect(watched.watched.snapshot).toEqual({ data: before, position: 3, stale: true, pending: [1, 2] })
    expect(tab.status('picky')).toMatchObject({ state: 'parked', parked: { position: 4, attempts: 1 } })
    await world.clock.advance(1_500)
    expect(tab.status('picky')).toMatchObject({ parked: { attempts: 2 } })
    // What is confirmed before it is taken and stored meanwhile.
    await tab.confirm(1)
    await turns()
    expect(watched.watched.snapshot).toEqual({ data: before, position: 3, stale: true, pending: [2] })
  })

  test('at a tentative Event is tried again at once when another tail has begun', async () => {
    const { tab, watched } = await stopped()
    await tab.rebase({ slice: [[put('x', 9)]], processed: 1, again: [[put('d', 4)]] })
    await turns()
    expect(watched.watched.snapshot).toEqual({
      data: [
        { id: 'a', a: 1 },
        { id: 'd', a: 4 },
        { id: 'x', a: 9 },
      ],
      position: 7,
      stale: false,
      pending: [1],
    })
    expect(tab.status('picky').state).toBe('live')
  })

  test('at an Event of the slice leaves nothing of the tail that is void, nor of the one behind it', async () => {
    const { tab, watched } = await stopped()
    await tab.rebase({ slice: [[put('x', 9)], [put('y', 9, 'bad')]], again: [[put('b', 2)]] })
    await turns()
    expect(watched.watched.snapshot).toMatchObject({
      data: [
        { id: 'a', a: 1 },
        { id: 'x', a: 9 },
      ],
      stale: true,
    })
    expect(watched.watched.snapshot).not.toHaveProperty('pending')
  })

  test('stops the confirmed rows when its Event is confirmed', async () => {
    const { tab, watched } = await stopped()
    await tab.confirm(2)
    await turns()
    expect(watched.watched.snapshot).toMatchObject({ position: 3, stale: true })
    expect(watched.watched.snapshot).not.toHaveProperty('pending')
    expect(tab.status('picky')).toMatchObject({ state: 'parked', parked: { position: 4 } })
  })
})

describe('several tabs', () => {
  test('one that has not heard of a confirmation reads rows that another one has stored since', async () => {
    const { world, tab } = await synced(undefined, put('a', 1))
    const late = await world.tab(thingsDomain)
    const watched = await watch(late)
    await tab.append(put('b', 2))
    await tab.append(put('c', 3))
    await late.hear()
    await turns()
    await tab.confirm(1)
    await tab.side.flush()
    expect((await storedRows(world)).rows).toEqual([row('a', 1), row('b', 2)])
    expect(await late.ask(from(things).where({ b: '' }).count().description)).toBe(3)
    await until(() => watched.watched.snapshot.pending?.length === 1)
    expect(watched.frames.map(({ data, pending }) => [(data as unknown[]).length, pending])).toEqual([
      [3, [1, 2]],
      [3, [2]],
    ])
  })

  test('one that has to go over to rebuilt rows shows none of them before they are as far as what it showed', async () => {
    const { world, tab } = await synced(undefined, put('a', 0))
    const other = await world.tab(thingsDomain)
    await tab.append(add('a', 1))
    await other.hear()
    const watched = await watch(other, from(things).get('a').description)
    await tab.rebase({ slice: [[]], again: [[add('a', 1)]] })
    const held = other.storage.faults.pause('openReadStore', 'before')
    await tab.side.rebuild('things')
    await held.reached
    // By now all is confirmed, but the rebuilt rows are stored as of a record before that.
    await tab.confirm(1)
    held.release()
    await until(() => other.status('things').position === 3)
    await turns(20)
    expect(watched.frames.map(({ data, pending }) => [(data as ThingRow).a, pending])).toEqual([[1, undefined]])
  })

  test('rows stored of what a power loss has made unconfirmed again are built anew', async () => {
    const { world, tab } = await synced(undefined, put('a', 1))
    await tab.append(put('b', 2))
    await tab.append(put('c', 3))
    await tab.confirm(1)
    await tab.side.flush()
    await tab.close()
    expect((await storedRows(world)).record).toBe(3)
    // The rows are durable, the record that confirms them is not.
    world.losePower(1)
    const again = await world.tab(thingsDomain)
    await until(() => again.status('things').state === 'live' && again.status('things').position === 3)
    expect(await ask(again)).toEqual({ data: [row('a', 1), row('b', 2), row('c', 3)], position: 3, stale: false, pending: [1, 2] })
    expect(await storedRows(world, 2)).toEqual({ rows: [row('a', 1)], record: 2 })
  })
})

describe('ways to lose or double something', () => {
  test('hazard 14, confirmed behind the checkpoint: what was shown as tentative is stored once it is confirmed, and once only', async () => {
    const { world, tab } = await synced(undefined, put('a', 0))
    await tab.append(add('a', 1))
    await tab.append(add('a', 1))
    await tab.side.flush()
    for (const expected of [1, 2]) {
      await tab.confirm(1)
      await tab.side.flush()
      expect((await storedRows(world)).rows).toEqual([row('a', expected)])
    }
    expect(await ask(await world.tab(thingsDomain))).toMatchObject({ data: [row('a', 2)] })
  })

  test('hazard 15, counted twice: what is void and decided again at new positions counts once', async () => {
    const { tab } = await synced(undefined, put('a', 0))
    const watched = await watch(tab, from(things).get('a').description)
    await tab.append(add('a', 1))
    await tab.append(add('a', 1))
    for (let i = 0; i < 3; i++) await tab.rebase({ slice: [[]], again: [[add('a', 1)], [add('a', 1)]] })
    await turns()
    expect(watched.frames.map(({ data }) => (data as ThingRow).a)).toEqual([1, 2])
    await tab.rebase({ slice: [[add('a', 1)], [add('a', 1)]], processed: 2, again: [] })
    await turns()
    expect(watched.frames.map(({ data, pending }) => [(data as ThingRow).a, pending])).toEqual([
      [1, [0]],
      [2, [0]],
      [2, undefined],
    ])
  })

  test('hazard 18, torn page: a rebase of several batches is one frame, and no query answers in between', async () => {
    const { world, tab } = await synced(undefined, put('mine', 0), put('theirs', 0))
    await tab.append(add('mine', 1))
    const other = await world.tab(thingsDomain)
    const watched = await watch(other)
    const query = from(things).where({ id: { anyOf: ['mine', 'theirs', 'new0', 'new299'] } }).description
    const asked = async () => ((await other.side.run(query, 0, 0)).data as ThingRow[]).map(({ id, a }) => [id, a])
    // Rows that were stored meanwhile would have to wait for the tail that is laid over them.
    tab.storage.faults.pause('rows.save', 'before')
    // The last of five batches is long in coming.
    const { records } = other
    let release = (): void => {}
    let isReached = false
    const held = new Promise<void>((resolve) => (release = resolve))
    other.records = async (after, limit) => {
      if (after > 250) {
        isReached = true
        await held
      }
      return records.call(other, after, limit)
    }
    const slice = Array.from({ length: 300 }, (_, i) => [put(`new${i}`, 0), ...(i === 0 ? [add('theirs', 1)] : [])])
    await tab.rebase({ slice, again: [[add('mine', 1)]] })
    await other.hear()
    await until(() => isReached)
    const answer = asked()
    // It waits for no deadline longer than this.
    for (let i = 0; i < 3; i++) await world.clock.advance(100)
    expect(await answer).toEqual([
      ['mine', 1],
      ['theirs', 0],
    ])
    expect(watched.frames).toEqual([])
    release()
    await until(() => watched.frames.length > 0)
    expect(await asked()).toEqual([
      ['mine', 1],
      ['new0', 0],
      ['new299', 0],
      ['theirs', 1],
    ])
    expect(watched.frames).toHaveLength(1)
    expect(watched.frames[0]?.data).toHaveLength(302)
    expect(watched.frames[0]?.pending).toEqual([0])
  })

  test('hazard 25, rebuild beside during a rebase: what is built holds nothing that was void by then', async () => {
    const { world, tab } = await synced(undefined, put('a', 0))
    await tab.append(add('a', 1))
    await tab.append(put('gone', 1))
    const watched = await watch(tab)
    const held = tab.storage.faults.pause('rows.save', 'before')
    await tab.side.rebuild('things')
    await held.reached
    await tab.rebase({ slice: [[put('theirs', 2)]], again: [[add('a', 1)]] })
    await tab.append(add('a', 1))
    held.release()
    await until(() => tab.status('things').state === 'live')
    await turns()
    expect(watched.watched.snapshot).toEqual({ data: [row('a', 2), row('theirs', 2)], position: 6, stale: false, pending: [0] })
    for (const { data } of watched.frames) expect((data as ThingRow[])[0]?.a, 'never without mine').toBeGreaterThan(0)
    await tab.side.flush()
    expect((await storedRows(world, 2)).rows).toEqual([row('a', 0), row('theirs', 2)])
  })

  test('hazard 26, mixed flush: of a row with a confirmed and a tentative change the confirmed one is stored', async () => {
    const { world, tab } = await synced(undefined, put('a', 0))
    await tab.append(add('a', 1))
    await tab.append(add('a', 2))
    await tab.confirm(1)
    await tab.side.flush()
    expect((await storedRows(world)).rows).toEqual([row('a', 1)])
    expect(await ask(tab)).toMatchObject({ data: [row('a', 3)], pending: [0] })
    await tab.rebase({ slice: [[]], processed: 1, again: [] })
    expect(await ask(tab)).toMatchObject({ data: [row('a', 1)] })
  })

  test('hazard 34, flush across the base: between what one tab stores of a rebase no other shows the server’s rows without mine', async () => {
    const { world, tab } = await synced(undefined, put('mine', 0), put('theirs', 0))
    const other = await world.tab(thingsDomain)
    await tab.append(add('mine', 1))
    await other.hear()
    const watched = await watch(other)
    await tab.rebase({ slice: [[add('theirs', 1)]], again: [[add('mine', 1)]] })
    await tab.side.flush()
    expect((await storedRows(world)).rows).toEqual([row('mine', 0), row('theirs', 1)])
    // It finds them in storage before it has heard of the rebase.
    expect(await other.side.run(from(things).where({ b: '' }).description, 0, 1_000)).toMatchObject({
      data: [row('mine', 1), row('theirs', 1)],
    })
    await turns()
    expect(watched.frames.map(({ data, pending }) => [data, pending])).toEqual([[[row('mine', 1), row('theirs', 1)], [0]]])
  })
})
