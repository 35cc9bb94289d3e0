/**
 * Two builds on one log: what one has written, the other may know under another name, may fail to upcast, or may not know at
 * all. A build that cannot tell what an Event says decides and saves nothing that rests on it.
 */
import { aggregate, domain, event } from 'outpost'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockItem } from '../fixtures/stock.ts'
import { visits, visitsAtDesks, visitsJoined, visitsRenamed } from '../fixtures/visits.ts'
import { createTestClock } from '../support/clock.ts'
import { give, message, openEngine, statusOf } from '../support/engine.ts'

const Nothing = z.object({})

describe('an upcaster that throws', () => {
  const commands = { add: Nothing }
  const before = domain('contacts', {
    aggregates: [
      aggregate('contact', {
        state: Nothing,
        events: { added: z.object({ address: z.object({ city: z.string() }).optional() }) },
        commands,
        create: { added: () => ({}) },
        evolve: {},
        decide: { add: (_, __, { emit }) => emit.added({}) },
      }),
      stockItem,
    ],
  })
  /** Forgets that an address was optional. */
  const after = domain('contacts', {
    aggregates: [
      aggregate('contact', {
        state: Nothing,
        events: {
          added: event(z.object({ city: z.string() }), {
            version: 2,
            upcast: { 1: (data: { readonly address: { readonly city: string } }) => ({ city: data.address.city }) },
          }),
        },
        commands,
        create: { added: () => ({}) },
        evolve: {},
        decide: { add: (_, __, { emit }) => emit.added({ city: 'Basel' }) },
      }),
      stockItem,
    ],
  })

  test('on an Event of the log leaves Commands of other Aggregates working after a start', async () => {
    const disk = createMemoryStorage()
    const first = await openEngine(disk.tab(), { domain: before })
    await give(first, 'contact.add', 'x', {}) // the tab dies before it saves states: the next one has to fold this Event
    const second = await openEngine(disk.tab(), { domain: after })
    expect(await give(second, 'stockItem.register', 'a', { name: 'A' })).toMatchObject({ ok: true })
    await expect(give(second, 'contact.add', 'x', {})).rejects.toMatchObject({
      code: 'upcast-failed',
      message: expect.stringContaining('"contact.added" at position 1') as string,
    })
  })

  test('on an Event of another tab leaves the versions of other streams in its record as they are', async () => {
    const disk = createMemoryStorage()
    const old = await openEngine(disk.tab(), { domain: before })
    await give(old, 'stockItem.register', 'a', { name: 'A' })
    const young = await openEngine(disk.tab(), { domain: after })
    await give(young, 'stockItem.receive', 'a', { quantity: 1 })
    await old.catchUp()
    // One record, whose first Event the other tab cannot upcast; its second one has to be counted all the same.
    await Promise.all(old.dispatch([message('contact.add', 'x', {}), message('stockItem.receive', 'a', { quantity: 10 })]))
    expect(await give(young, 'stockItem.receive', 'a', { quantity: 1 })).toMatchObject({ ok: true })
    expect(await give(young, 'stockItem.receive', 'a', { quantity: 1 })).toMatchObject({ ok: true })
    await old.catchUp()
    expect((await old.history('stockItem', 'a')).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
    expect(await old.load('stockItem', 'a')).toMatchObject({ state: { onHand: 13 } })
  })
})

describe('a process manager', () => {
  test('of an older build neither reacts with nor saves a state that lacks an Event it does not know', async () => {
    const disk = createMemoryStorage()
    const clock = createTestClock()
    const older = visits()
    const old = await openEngine(disk.tab(), { domain: older.domain, clock })
    const storage = disk.tab()
    storage.faults.fail('states.save', 'UnknownError', Infinity) // this tab dies before it saves its own
    const young = await openEngine(storage, { domain: visitsJoined().domain, clock })
    await give(young, 'visit.begin', 'x', { who: 'ann' })
    await give(young, 'visit.join', 'x', { who: 'ann' })
    await old.catchUp()
    expect(await give(old, 'visit.begin', 'y', { who: 'ann' })).toMatchObject({ ok: true })
    expect(older.seen).toEqual([0]) // folded before the unknown one; none is reacted on with a count of 1
    await clock.advance(30_000)
    await old.close()

    // What waited is resumed by the build that knows the Event, on the state that it has folded from the log itself.
    const newer = visitsJoined()
    const next = await openEngine(disk.tab(), { domain: newer.domain, clock })
    await give(next, 'visit.begin', 'z', { who: 'ann' })
    await vi.waitFor(() => expect(newer.seen.at(-1)).toBe(3))
  })

  test('of an older build parks rather than take an instance for new, one of whose Events it cannot read', async () => {
    const disk = createMemoryStorage()
    const clock = createTestClock()
    const older = visits()
    const old = await openEngine(disk.tab(), { domain: older.domain, clock })
    const young = await openEngine(disk.tab(), { domain: visitsAtDesks().domain, clock })
    await give(young, 'visit.begin', 'x', { who: 'ann' })
    await old.catchUp()
    expect(await give(old, 'visit.begin', 'y', { who: 'ann' })).toMatchObject({ ok: true })
    expect(older.seen).toEqual([])
    await clock.advance(100)
    expect(statusOf(old).handlers).toMatchObject([{ name: 'visitors', state: 'parked', parked: [{ key: 'ann', position: 2 }] }])
  })

  test('that is folded anew takes Events that were recorded under a former name', async () => {
    const storage = createMemoryStorage()
    const before = await openEngine(storage, { domain: visits().domain })
    await give(before, 'visit.begin', 'x', { who: 'ann' })
    await before.close()
    const renamed = visitsRenamed()
    const after = await openEngine(storage, { domain: renamed.domain })
    await give(after, 'visit.begin', 'y', { who: 'ann' })
    expect(renamed.seen).toEqual([0, 1])
  })
})
