/**
 * Saved states are a shortcut: whoever saves or drops them, and whatever state a stream ends in, its next Event has the next
 * version. Each test counts the versions of a stream, because a wrong one is all that is left to see in the log.
 */
import { aggregate, domain, processManager } from 'outpost'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { LOG_START } from '../../src/storage/record.ts'
import { stockItem } from '../fixtures/stock.ts'
import { createTestClock } from '../support/clock.ts'
import { allEvents, give, message, openEngine } from '../support/engine.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

const LOG = 'counting.hall-7.ann.log'
const versionsOf = async (engine: Engine, id: string) =>
  (await allEvents(engine)).filter(({ aggregateId }) => aggregateId === id).map(({ version }) => version)

/** @param state builds whose schemas differ keep their saved states apart */
const countingWith = (state: z.ZodType<{ n: number }>) =>
  domain('counting', {
    aggregates: [
      aggregate('counter', {
        state,
        events: { begun: z.object({}), raised: z.object({}) },
        commands: { begin: z.object({}), raise: z.object({}) },
        refusals: { alreadyBegun: z.object({}), notBegun: z.object({}) },
        create: { begun: () => ({ n: 1 }) },
        evolve: { raised: (counter) => ({ ...counter, n: counter.n + 1 }) },
        decide: {
          begin: (counter, _, { emit, refuse }) => (counter ? refuse.alreadyBegun({}) : emit.begun({})),
          raise: (counter, _, { emit, refuse }) => (counter ? emit.raised({}) : refuse.notBegun({})),
        },
      }),
    ],
  })
const older = countingWith(z.object({ n: z.number() }))
const newer = countingWith(z.object({ n: z.number(), label: z.string().optional() }))

test('an Aggregate that another tab begins while it is asked whether it is new is not taken for new', async () => {
  const [disk, clock] = [createMemoryStorage(), createTestClock()]
  const seed = await openEngine(disk, { clock })
  await give(seed, 'stockItem.register', 'bolt', { name: 'Bolt' })
  await give(seed, 'stockItem.receive', 'bolt', { quantity: 9 })
  const place = (engine: Engine, orderId: string) => give(engine, 'fulfilment.placeOrder', undefined, { orderId, lines: { bolt: 2 } })
  await place(seed, 'order 0')
  await seed.close() // which saves

  const engine = await openEngine(disk.tab(), { clock })
  const { ready, index, log } = engine.inside
  await ready
  const other = await openEngine(disk.tab(), { clock })
  await place(other, 'order 1')
  await other.close()
  // The items, which are loaded beside the order, find that the other tab has saved, and catch up.
  const mayHave = index.mayHave.bind(index)
  const asked = vi.spyOn(index, 'mayHave').mockImplementationOnce(async (...given) => {
    const answer = await mayHave(...given)
    await log.pull()
    return answer
  })
  const placed = place(engine, 'order 1')
  expect(await placed).toMatchObject({ refusal: 'alreadyPlaced' })
  expect(asked.mock.calls[0]).toEqual(['order', ['order 1']])
  expect(await versionsOf(engine, 'order 1')).toEqual([1])
})

describe('saved states that another tab drops', () => {
  test('because its build has no use for them leave an older build that opens meanwhile knowing its streams', async () => {
    const disk = createMemoryStorage()
    const clock = createTestClock()
    const seed = await openEngine(disk, { domain: older, clock })
    await give(seed, 'counter.begin', 'x', {})
    await give(seed, 'counter.raise', 'x', {})
    await seed.close()

    const storage = disk.tab()
    const dropping = storage.faults.pause('states.drop')
    const young = await openEngine(storage, { domain: newer, clock })
    await dropping.reached // it was alone when it asked
    const old = await openEngine(disk.tab(), { domain: older, clock })
    await old.load('counter', 'another') // it is usable, and has not loaded "x"
    dropping.release()
    await young.load('counter', 'x')

    expect(await give(old, 'counter.begin', 'x', {})).toMatchObject({ refusal: 'alreadyBegun' })
    expect(await versionsOf(old, 'x')).toEqual([1, 2])
  })

  test('while nothing is saved but that the log begins leave an engine that has yet to load a stream knowing it', async () => {
    const disk = createMemoryStorage()
    const clock = createTestClock()
    const seed = await openEngine(disk, { domain: older, clock })
    await give(seed, 'counter.begin', 'x', {})
    await give(seed, 'counter.raise', 'x', {})
    await seed.close()
    const { states } = await disk.tab().openLog(LOG)
    const [[fold, expected] = ['', LOG_START]] = [...(await states.checkpoints())]
    // As after a power loss that took all that was saved later on.
    expect(await states.save([{ fold, expected, checkpoint: LOG_START, puts: [], removes: ['x'] }])).toBe('saved')

    const engine = await openEngine(disk.tab(), { domain: older, clock })
    await engine.load('counter', 'another') // it is usable, and has not loaded "x"
    await states.drop(fold)
    expect(await give(engine, 'counter.raise', 'x', {})).toMatchObject({ ok: true })
    expect(await versionsOf(engine, 'x')).toEqual([1, 2, 3])
  })

  test('because the log has lost their record leave one that has saved anew meanwhile knowing its streams', async () => {
    const disk = createMemoryStorage()
    const clock = createTestClock()
    const seed = await openEngine(disk, { domain: older, clock })
    // More than are kept in memory: the first of them will have to come from what is saved.
    await Promise.all(seed.dispatch(Array.from({ length: 18_000 }, (_, n) => message('counter.begin', `c${n}`, {}))))
    await give(seed, 'counter.begin', 'lost', {})
    await seed.close()
    disk.powerLoss(LOG, 1)

    const storage = disk.tab()
    const dropping = storage.faults.pause('states.drop')
    const late = await openEngine(storage, { domain: older, clock })
    await dropping.reached
    const early = await openEngine(disk.tab(), { domain: older, clock })
    await give(early, 'counter.raise', 'c8999', {})
    await clock.advance(20_000) // it saves, and forgets the oldest
    dropping.release() // a drop does not compare: what was just saved goes as well
    await late.load('counter', 'c0')

    expect(await give(early, 'counter.begin', 'c0', {})).toMatchObject({ refusal: 'alreadyBegun' })
    expect(await versionsOf(early, 'c0')).toEqual([1])
  })
})

test('a stream that never was is begun without a look at what is saved, one that was is not', async () => {
  const disk = createMemoryStorage()
  const clock = createTestClock()
  const seed = await openEngine(disk, { domain: older, clock })
  await give(seed, 'counter.begin', 'x', {})
  await seed.close()

  const storage = disk.tab()
  const engine = await openEngine(storage, { domain: older, clock })
  await engine.load('counter', 'y') // the filters are in memory from now on
  storage.faults.fail('states.load', 'UnknownError', Infinity)
  expect(await give(engine, 'counter.begin', 'new', {})).toMatchObject({ ok: true })
  await expect(give(engine, 'counter.begin', 'x', {})).rejects.toMatchObject({ code: 'storage-failed' })
})

describe('a stream whose state has ended', () => {
  test('goes on counting after a restart, of an Aggregate', async () => {
    const guest = aggregate('guest', {
      state: z.object({ room: z.number() }).optional(),
      events: { arrived: z.object({}), left: z.object({}) },
      commands: { arrive: z.object({}), leave: z.object({}) },
      create: { arrived: () => ({ room: 1 }) },
      evolve: { left: () => undefined },
      decide: { arrive: (_, __, { emit }) => emit.arrived({}), leave: (_, __, { emit }) => emit.left({}) },
    })
    const guests = domain('guests', { aggregates: [guest] })
    const storage = createMemoryStorage()
    const first = await openEngine(storage, { domain: guests })
    await give(first, 'guest.arrive', 'x', {})
    await give(first, 'guest.leave', 'x', {})
    await first.close()
    const second = await openEngine(storage, { domain: guests })
    await give(second, 'guest.arrive', 'x', {})
    expect(await versionsOf(second, 'x')).toEqual([1, 2, 3])
  })

  test('goes on counting after a restart, of a process manager', async () => {
    // Its own Events, such as that a timer has fired, are a stream a key.
    const reminder = processManager('reminder', {
      version: 1,
      state: z.object({}),
      from: [stockItem],
      ignores: ['stockItem.registered', 'stockItem.picked'],
      on: {
        'stockItem.received': {
          key: (event) => event.aggregateId,
          handle: () => ({ state: {}, timers: [{ timer: 'due', afterMs: 1_000 }] }),
        },
      },
      timers: { due: () => ({ state: undefined }) },
    })
    const clock = createTestClock()
    const options = { domain: domain('stock', { aggregates: [stockItem], processManagers: [reminder] }), clock }
    const storage = createMemoryStorage()
    const fired = async (engine: Engine) =>
      (await allEvents(engine)).filter(({ type }) => type === '$reminder.timerFired').map(({ version }) => version)
    const first = await openEngine(storage, options)
    await give(first, 'stockItem.register', 'a', { name: 'A' })
    await give(first, 'stockItem.receive', 'a', { quantity: 1 }, { at: clock.now() })
    await clock.advance(5_000)
    expect(await fired(first)).toEqual([1])
    await first.close()
    const second = await openEngine(storage, options)
    await give(second, 'stockItem.receive', 'a', { quantity: 1 }, { at: clock.now() })
    await clock.advance(5_000)
    expect(await fired(second)).toEqual([1, 2])
  })
})

test('a flush that catches up on its way saves every state of the record that it names', async () => {
  // Without Read Models, which would catch up by themselves.
  const bare = domain('stock', { aggregates: [stockItem] })
  const disk = createMemoryStorage()
  const [clock, otherClock] = [createTestClock(), createTestClock()]
  const writer = await openEngine(disk.tab(), { domain: bare, clock })
  await give(writer, 'stockItem.register', 'a', { name: 'A' })
  await clock.advance(4_000) // "a" is saved
  const other = await openEngine(disk.tab(), { domain: bare, clock: otherClock })
  await give(writer, 'stockItem.register', 'b', { name: 'B' })
  await other.catchUp() // it will save "b" some seconds later
  await give(writer, 'stockItem.register', 'c', { name: 'C' })
  await clock.advance(4_000) // the writer saves "b" and "c"
  await give(writer, 'stockItem.register', 'd', { name: 'D' })
  await otherClock.advance(15_000) // the other one, which has not heard of "c" and "d", saves

  const third = await openEngine(disk.tab(), { domain: bare, clock })
  expect(await third.load('stockItem', 'd')).toEqual({ state: { name: 'D', onHand: 0 }, version: 1 })
  await give(third, 'stockItem.register', 'd', { name: 'D again' })
  expect(await versionsOf(third, 'd')).toEqual([1])
})

/** What is saved of the log, read past every tab: records. */
async function savedUpTo(disk: ReturnType<typeof createMemoryStorage>) {
  const log = await disk.openLog(LOG)
  const [states] = [...(await log.states.checkpoints()).values()]
  const { checkpoint: index } = await log.segments.catalogue()
  log.close()
  return { states: states?.record, index: index?.record }
}

describe('while Commands keep coming', () => {
  test('a commit that takes long is no pause: states wait until it is through', async () => {
    const disk = createMemoryStorage()
    const storage = disk.tab()
    const clock = createTestClock()
    const engine = await openEngine(storage, { domain: older, clock })
    await give(engine, 'counter.begin', 'x', {})
    const appending = storage.faults.pause('events.append')
    const slow = give(engine, 'counter.raise', 'x', {})
    await appending.reached
    await clock.advance(4_000)
    appending.release()
    await slow
    await new Promise((resolve) => setTimeout(resolve, 20)) // what was due meanwhile has had its turn
    expect(await savedUpTo(disk)).toEqual({})
    await clock.advance(4_000)
    expect(await savedUpTo(disk)).toEqual({ states: 2, index: 2 })
  })

  test('what comes while many states are written is written after them, once all is quiet', async () => {
    const disk = createMemoryStorage()
    const clock = createTestClock()
    const tab = disk.tab()
    const engine = await openEngine(tab, { domain: older, clock })
    const saving = tab.faults.pause('states.save')
    const begin = (from: number, to: number) =>
      engine.dispatch(Array.from({ length: to - from }, (_, n) => message('counter.begin', `c${from + n}`, {})))
    await Promise.all(begin(0, 33_000))
    await saving.reached
    await Promise.all(begin(33_000, 33_100))
    saving.release()
    await clock.advance(60_000)
    const { events } = await disk.tab().openLog(LOG)
    expect((await savedUpTo(disk)).states).toBe((await events.last())?.number)
  })

  test('the index of many streams is written without their states, which the next Command may touch again', async () => {
    const disk = createMemoryStorage()
    const engine = await openEngine(disk.tab(), { domain: older })
    await Promise.all(engine.dispatch(Array.from({ length: 18_000 }, (_, n) => message('counter.begin', `c${n}`, {}))))
    const { states, index } = await savedUpTo(disk)
    expect(states).toBeUndefined()
    expect(index).toBeGreaterThan(0)
  })
})

test('what a Command asks for stays in memory until it is decided, however much else is loaded', async () => {
  const storage = createMemoryStorage()
  const first = await openEngine(storage)
  const skus = Array.from({ length: 18_500 }, (_, n) => `sku-${n}`)
  const all = (engine: typeof first, type: string, payload: (sku: string) => object, of: readonly string[]) =>
    Promise.all(engine.dispatch(of.map((sku) => message(type, sku, payload(sku)))))
  await all(first, 'stockItem.register', (name) => ({ name }), skus)
  await all(first, 'stockItem.receive', () => ({ quantity: 9 }), skus)
  await first.close()

  const clock = createTestClock()
  const engine = await openEngine(storage, { clock })
  const asked = skus.slice(0, 16_384)
  await all(engine, 'stockItem.receive', () => ({ quantity: 1 }), asked)
  await clock.advance(60_000) // all of them are saved
  // Of each order one item was asked for longest ago, and one never; so has its process manager.
  const placed: boolean[] = []
  for (let n = 0; n < 3; n++) {
    const lines = { [skus[n] as string]: 1, [skus[18_000 + n] as string]: 1 }
    placed.push((await give(engine, 'fulfilment.placeOrder', undefined, { orderId: `order-${n}`, lines })).ok)
  }
  expect(placed).toEqual(placed.map(() => true))
  await engine.close()
})
