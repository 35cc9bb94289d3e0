/**
 * Interleavings that lose or double something in naive versions of this design, each a test. Tabs are engines on one
 * storage, held at chosen points; what needs a real browser is in test/browser.
 */
import { aggregate, domain, event, processManager, reactor } from 'outpost'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage, type MemoryStorage } from '../src/storage/memory/memory-storage.ts'
import type { RowsQuery } from '../src/domain/query.ts'
import { createTestClock, settle } from './support/clock.ts'
import { allEvents, createRoles, give, message, openEngine, pagesOf } from './support/engine.ts'
import { stockItem } from './fixtures/stock.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

const LOG = 'stock.hall-7.ann.log'
const stockRows: RowsQuery = { kind: 'rows', model: 'stockList', where: {}, filter: {}, orderBy: [], result: 'all' }
const rows = async (engine: Engine) =>
  (await engine.run(stockRows, engine.position, 1000)).data as readonly { sku: string; onHand: number }[]
const onHand = async (engine: Engine, sku = 'a') => (await rows(engine)).find((row) => row.sku === sku)?.onHand

/** Two tabs on one log that already holds an item with 100 on hand, both at its head. */
async function twoTabs() {
  const shared = createMemoryStorage()
  const storages: [MemoryStorage, MemoryStorage] = [shared.tab(), shared.tab()]
  const clock = createTestClock()
  const roles = createRoles()
  const one = await openEngine(storages[0], { clock, roles })
  await give(one, 'stockItem.register', 'a', { name: 'A' })
  await give(one, 'stockItem.receive', 'a', { quantity: 100 })
  const two = await openEngine(storages[1], { clock, roles })
  await two.catchUp()
  await two.load('stockItem', 'a')
  return { shared, storages, one, two, clock }
}
const versions = async (engine: Engine) => (await engine.history('stockItem', 'a')).map(({ version }) => version)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

describe('hazard 1, freed key', () => {
  test('a log that was deleted and made anew under a tab is never written over', async () => {
    const { shared, one, two, clock } = await twoTabs()
    await one.destroy()
    await clock.advance(100)
    await expect(give(two, 'stockItem.pick', 'a', { quantity: 1 })).rejects.toMatchObject({ code: 'closed' })
    const fresh = await openEngine(shared.tab())
    expect(fresh.logEpoch).not.toBe(one.logEpoch)
    expect(await allEvents(fresh)).toEqual([])
  })
})

test('hazard 2, record without Events: refusals and no-ops are kept one after another at the same position', async () => {
  const { one, two } = await twoTabs()
  const refused = await Promise.all([1, 2, 3].map((n) => give(one, 'stockItem.pick', 'a', { quantity: 1000 + n }, { id: `r-${n}` })))
  for (const n of [1, 2, 3]) {
    expect(await give(two, 'stockItem.pick', 'a', { quantity: 1000 + n }, { id: `r-${n}` })).toEqual(refused[n - 1])
    expect(await give(two, 'stockItem.register', 'a', { name: 'again' }, { id: `n-${n}` })).toMatchObject({ ok: true, events: [] })
  }
  expect(await give(one, 'stockItem.pick', 'a', { quantity: 1 })).toMatchObject({ ok: true, position: 3 })
})

describe('hazard 3, append in doubt', () => {
  test('a commit whose answer was lost is answered from the log, not decided again', async () => {
    const { storages, one } = await twoTabs()
    storages[0].faults.failInDoubt('events.append')
    expect(await give(one, 'stockItem.pick', 'a', { quantity: 30 })).toMatchObject({ ok: true, position: 3 })
    expect(await one.load('stockItem', 'a')).toMatchObject({ state: { onHand: 70 }, version: 3 })
    expect(await versions(one)).toEqual([1, 2, 3])
  })

  test('a commit that really failed is appended by the next try', async () => {
    const { storages, one } = await twoTabs()
    storages[0].faults.fail('events.append', 'UnknownError')
    const outcome = await give(one, 'stockItem.pick', 'a', { quantity: 30 }, { id: 'once' }).catch((error: unknown) => error)
    // Either it was tried again by itself, or the caller is told; asking with the same id settles it.
    expect(await give(one, 'stockItem.pick', 'a', { quantity: 30 }, { id: 'once' })).toMatchObject({ ok: true })
    expect(outcome).toBeDefined()
    expect(await one.load('stockItem', 'a')).toMatchObject({ state: { onHand: 70 } })
  })

  test('a worker that died after its commit: the call sent again to the next one gets the recorded outcome', async () => {
    const { shared, storages, one } = await twoTabs()
    const held = storages[0].faults.pause('events.append', 'after')
    void give(one, 'stockItem.pick', 'a', { quantity: 30 }, { id: 'lost' }).catch(() => undefined)
    await held.reached // committed, and the engine never hears of it
    const next = await openEngine(shared.tab())
    expect(await give(next, 'stockItem.pick', 'a', { quantity: 30 }, { id: 'lost' })).toMatchObject({ ok: true, position: 3 })
    expect(await next.load('stockItem', 'a')).toMatchObject({ state: { onHand: 70 }, version: 3 })
  })
})

test('hazard 5, old id: ten thousand ids of an old import are looked up without reading the log record by record', async () => {
  const storage = createMemoryStorage()
  const first = await openEngine(storage)
  const line = (n: number) => message('stockItem.register', `item-${n}`, { name: 'x' }, { id: `line-${n}` })
  await Promise.all(first.dispatch(upTo(10_000).map(line)))
  await first.close()
  const second = await openEngine(storage)
  const before = second.position
  const outcomes = await Promise.all(second.dispatch(upTo(10_000).map(line)))
  expect(outcomes.every(({ ok }) => ok)).toBe(true)
  expect(second.position).toBe(before)
  expect(await allEvents(second)).toHaveLength(10_000)
})

describe('hazards 6 and 7', () => {
  test('stale flush: a tab that flushes late does not count twice what another has flushed', async () => {
    const { storages, one, two, clock } = await twoTabs()
    await clock.advance(10_000)
    for (let n = 0; n < 8; n++) await give(one, 'stockItem.pick', 'a', { quantity: 1 })
    await two.catchUp()
    expect(await onHand(two)).toBe(92)
    const held = storages[1].faults.pause('rows.save')
    const waiting = clock.advance(10_000)
    await Promise.race([held.reached, waiting])
    for (let n = 0; n < 2; n++) await give(one, 'stockItem.pick', 'a', { quantity: 1 })
    await clock.advance(500)
    held.release()
    await waiting
    await clock.advance(20_000)
    await two.catchUp()
    expect([await onHand(one), await onHand(two)]).toEqual([90, 90])
    await Promise.all([one.close(), two.close()])
    expect(await onHand(await openEngine(storages[0]))).toBe(90)
  })

  test('future row: a tab that is behind does not fold onto rows of later records', async () => {
    const { one, two, clock } = await twoTabs()
    await clock.advance(10_000)
    for (let n = 0; n < 10; n++) await give(one, 'stockItem.pick', 'a', { quantity: 1 })
    await clock.advance(500) // written, while the other still stands before them
    expect(two.position).toBe(2)
    expect([90, 100]).toContain(await onHand(two))
    await give(two, 'stockItem.pick', 'a', { quantity: 1 })
    expect(await onHand(two)).toBe(89)
    await one.catchUp()
    expect(await onHand(one)).toBe(89)
  })

  test('future state: a tab that is behind decides on what is true now', async () => {
    const { one, two, clock } = await twoTabs()
    await give(one, 'stockItem.register', 'b', { name: 'B' })
    await give(one, 'stockItem.receive', 'b', { quantity: 10 })
    await give(one, 'stockItem.pick', 'b', { quantity: 9 })
    await clock.advance(4_000)
    expect(await give(two, 'stockItem.pick', 'b', { quantity: 2 })).toMatchObject({ refusal: 'outOfStock', details: { onHand: 1 } })
    expect(await two.load('stockItem', 'b')).toMatchObject({ version: 3 })
  })
})

test('hazard 8, late state: a state saved late does not overwrite what another tab has saved since', async () => {
  const { storages, one, two, clock } = await twoTabs()
  await give(one, 'stockItem.pick', 'a', { quantity: 1 })
  const held = storages[0].faults.pause('states.save')
  const waiting = clock.advance(4_000)
  await held.reached
  await give(two, 'stockItem.pick', 'a', { quantity: 50 })
  await clock.advance(0)
  held.release()
  await waiting
  await two.close()
  await one.close()
  const next = await openEngine(storages[0])
  expect(await next.load('stockItem', 'a')).toMatchObject({ state: { onHand: 49 }, version: 4 })
})

describe('hazard 9, power loss', () => {
  test('rows and states that are ahead of the log are made anew from it', async () => {
    const storage = createMemoryStorage()
    const first = await openEngine(storage)
    await give(first, 'stockItem.register', 'a', { name: 'A' })
    await give(first, 'stockItem.receive', 'a', { quantity: 10 })
    await give(first, 'stockItem.receive', 'a', { quantity: 5 })
    await first.close()
    storage.powerLoss(LOG, 1)
    const second = await openEngine(storage)
    await give(second, 'stockItem.receive', 'a', { quantity: 1 }) // takes the lost record's number
    expect(await second.load('stockItem', 'a')).toMatchObject({ state: { onHand: 11 }, version: 3 })
    await expect.poll(() => onHand(second)).toBe(11)
    expect(await versions(second)).toEqual([1, 2, 3])
  })

  test('an id that was lost with its record counts as new', async () => {
    const storage = createMemoryStorage()
    const first = await openEngine(storage)
    await give(first, 'stockItem.register', 'a', { name: 'A' })
    await give(first, 'stockItem.receive', 'a', { quantity: 10 }, { id: 'lost' })
    await first.close()
    storage.powerLoss(LOG, 1)
    const second = await openEngine(storage)
    expect(await give(second, 'stockItem.receive', 'a', { quantity: 10 }, { id: 'lost' })).toMatchObject({ ok: true, position: 2 })
    expect(await second.load('stockItem', 'a')).toMatchObject({ state: { onHand: 10 } })
  })
})

describe('hazard 10, two builds', () => {
  const build = (version: 1 | 2) =>
    domain('stock', {
      aggregates: [
        aggregate('counter', {
          state: z.object({ n: z.number() }),
          events: {
            begun: z.object({}),
            added:
              version === 1
                ? z.object({ by: z.number() })
                : event(z.object({ by: z.number(), unit: z.string() }), {
                    version: 2,
                    upcast: { 1: (data: object) => ({ ...data, unit: 'piece' }) },
                  }),
            ...(version === 2 ? { halved: z.object({}) } : {}),
          },
          commands: { begin: z.object({}), add: z.object({ by: z.number() }), halve: z.object({}) },
          refusals: { tooSmall: z.object({}) },
          create: { begun: () => ({ n: 0 }) },
          evolve: {
            added: (state: { n: number }, data: { by: number }) => ({ n: state.n + data.by }),
            ...(version === 2 ? { halved: (state: { n: number }) => ({ n: state.n / 2 }) } : {}),
          } as never,
          decide: {
            begin: (_, __, { emit }) => emit.begun({}),
            add: (state, { by }, { emit, refuse }) =>
              !state || state.n + by < 0 ? refuse.tooSmall({}) : emit.added((version === 1 ? { by } : { by, unit: 'box' }) as never),
            halve: (_, __, { emit }) => (emit as unknown as { halved: (data: object) => never }).halved({}),
          },
        }),
        stockItem,
      ],
    })

  test('the older one refuses what it cannot understand, and goes on with the rest', async () => {
    const shared = createMemoryStorage()
    const old = await openEngine(shared.tab(), { domain: build(1) })
    await give(old, 'counter.begin', 'x', {})
    await give(old, 'counter.add', 'x', { by: 8 })
    const young = await openEngine(shared.tab(), { domain: build(2) })
    await give(young, 'counter.halve', 'x', {})
    await old.catchUp()
    await expect(give(old, 'counter.add', 'x', { by: -5 })).rejects.toMatchObject({ code: 'outdated' })
    expect(await give(old, 'counter.begin', 'y', {})).toMatchObject({ ok: true })
    expect(await give(old, 'stockItem.register', 'a', { name: 'A' })).toMatchObject({ ok: true })
    await young.catchUp()
    expect(await young.load('counter', 'x')).toMatchObject({ state: { n: 4 } })
    expect(await give(young, 'counter.add', 'x', { by: -5 })).toMatchObject({ refusal: 'tooSmall' })
    await old.close()
    await young.close()
    const next = await openEngine(shared.tab(), { domain: build(2) })
    expect(await next.load('counter', 'x')).toMatchObject({ state: { n: 4 }, version: 3 })
  })

  test('also an Event of a known name in a newer version', async () => {
    const shared = createMemoryStorage()
    const young = await openEngine(shared.tab(), { domain: build(2) })
    await give(young, 'counter.begin', 'x', {})
    await give(young, 'counter.add', 'x', { by: 1 })
    const old = await openEngine(shared.tab(), { domain: build(1) })
    await expect(old.load('counter', 'x')).rejects.toMatchObject({ code: 'outdated' })
  })

  test('a log of a newer format is refused and left as it is', async () => {
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    await give(engine, 'stockItem.register', 'a', { name: 'A' })
    await engine.close()
    const log = await storage.openLog(LOG)
    await log.meta.update<object>('log', (meta) => ({ ...meta, format: 99 }))
    await expect(openEngine(storage)).rejects.toMatchObject({ code: 'storage-newer' })
    expect(await log.events.read(0, 10)).toHaveLength(1)
  })
})

/** A process manager that counts picks and sends for as many units; its build here may be a faulty one. */
function countingPicks(broken: boolean) {
  const build = { broken }
  const counting = processManager('counting', {
    version: 1,
    state: z.object({ picks: z.number() }),
    from: [stockItem],
    sends: [stockItem],
    ignores: ['stockItem.received'],
    on: {
      'stockItem.registered': { key: (event) => event.aggregateId, handle: () => ({ state: { picks: 0 } }) },
      'stockItem.picked': {
        key: (event) => event.aggregateId,
        handle: (instance, { aggregateId }, { send }) => {
          if (build.broken) throw new Error('not in this build')
          const picks = (instance?.picks ?? 0) + 1
          return { state: { picks }, commands: [send.stockItem.receive(aggregateId, { quantity: picks })] }
        },
      },
    },
  })
  return { build, domain: domain('stock', { aggregates: [stockItem], processManagers: [counting] }) }
}

describe('hazard 12, parked twice', () => {
  /** Two tabs, of one build or of two, on an item with 100 on hand. */
  async function tabs(first: ReturnType<typeof countingPicks>, second = first) {
    const shared = createMemoryStorage()
    const open = (domain = first.domain) => openEngine(shared.tab(), { domain })
    const one = await open()
    await give(one, 'stockItem.register', 'a', { name: 'A' })
    await give(one, 'stockItem.receive', 'a', { quantity: 100 })
    const two = await open(second.domain)
    return { one, two, open }
  }
  const pick = (engine: Engine) => give(engine, 'stockItem.pick', 'a', { quantity: 1 })
  /** Units sent for by the process manager, in order. */
  const sentFor = async (engine: Engine) =>
    (await allEvents(engine))
      .filter(({ type, causationId }) => type === 'stockItem.received' && causationId !== undefined)
      .map(({ data }) => (data as { quantity: number }).quantity)

  test('resumed in two tabs at once, twice in each, and at the next start, it takes effect once', async () => {
    const counting = countingPicks(true)
    const { one, two, open } = await tabs(counting)
    await pick(one)
    await pick(one)
    await two.catchUp()
    await expect(one.retry('counting')).rejects.toMatchObject({ code: 'handler-failed' })
    counting.build.broken = false
    await Promise.all([one, two, one, two].map((engine) => engine.retry('counting')))
    for (const engine of [one, two]) {
      await engine.catchUp()
      await pick(engine)
    }
    expect(await sentFor(two)).toEqual([1, 2, 3, 4])
    await Promise.all([one.close(), two.close()])
    const next = await open()
    await next.retry('counting')
    await pick(next)
    expect(await sentFor(next)).toEqual([1, 2, 3, 4, 5])
  })

  test('here only, while another build has reacted: resuming here does not react again', async () => {
    const faulty = countingPicks(true)
    const { one, two } = await tabs(faulty, countingPicks(false))
    await two.catchUp()
    await pick(two)
    await one.catchUp()
    await expect(one.retry('counting')).rejects.toMatchObject({ code: 'handler-failed' })
    faulty.build.broken = false
    await one.retry('counting')
    expect(await sentFor(one)).toEqual([1])
    await pick(one)
    await two.catchUp()
    await pick(two)
    expect(await sentFor(two)).toEqual([1, 2, 3])
  })

  test('resumed by another build, and still parked here: nothing that waited is lost, and nothing done again', async () => {
    const faulty = countingPicks(true)
    const { one, two } = await tabs(faulty, countingPicks(false))
    await pick(one)
    await pick(one)
    await two.catchUp()
    await two.retry('counting')
    await one.catchUp()
    await pick(two)
    await one.catchUp()
    faulty.build.broken = false
    await one.retry('counting')
    expect(await sentFor(one)).toEqual([1, 2, 3])
    await pick(one)
    await two.catchUp()
    await pick(two)
    expect(await sentFor(two)).toEqual([1, 2, 3, 4, 5])
  })
})

describe('hazard 14, confirmed behind the checkpoint', () => {
  /** Says what it handled, once it is mended; parks at the first failure. */
  function announcing(startAt: 'now' | 'beginning' = 'now', broken = false) {
    const build = { broken }
    const announced: string[] = []
    const announce = reactor('announce', {
      from: [stockItem],
      startAt,
      retry: { attempts: 1 },
      on: {
        'stockItem.registered': ({ aggregateId }) => {
          if (build.broken) throw new Error('no line')
          announced.push(aggregateId)
        },
      },
    })
    return { build, announced, domain: domain('stock', { aggregates: [stockItem], reactors: [announce] }) }
  }
  const register = (engine: Engine, ...ids: readonly string[]) =>
    Promise.all(engine.dispatch(ids.map((id) => message('stockItem.register', id, { name: id }))))

  test('a parked reactor passes nothing: what any tab records meanwhile is handled after its retry, in order, each once', async () => {
    const { build, announced, domain } = announcing('now', true)
    const [clock, roles, storage] = [createTestClock(), createRoles(), createMemoryStorage()]
    const one = await openEngine(storage.tab(), { domain, clock, roles })
    const two = await openEngine(storage.tab(), { domain, clock, roles })
    await settle()
    await register(one, 'a')
    await settle()
    await register(two, 'b')
    await one.catchUp()
    await register(one, 'c')
    await settle()
    build.broken = false
    await Promise.all([one.retry('announce'), two.retry('announce'), two.retry('announce')])
    await clock.advance(5_000)
    expect(announced).toEqual(['a', 'b', 'c'])
    await one.close()
    await two.catchUp()
    await clock.advance(5_000)
    expect(announced).toEqual(['a', 'b', 'c'])
  })

  test.each([
    ['now', ['new']],
    ['beginning', ['a', 'b', 'new']],
  ] as const)('a year of Events that come with an import has no side effects again: a reactor starts at %s', async (startAt, expected) => {
    const old = announcing()
    const origin = await openEngine(createMemoryStorage(), old)
    await register(origin, 'a', 'b')
    const { text } = await origin.exportPage()
    const [header = '', ...lines] = text.split('\n')

    const { announced, domain } = announcing(startAt)
    const storage = createMemoryStorage()
    const restored = await openEngine(storage, { domain })
    await settle()
    await restored.import(pagesOf([header], lines))
    await settle()
    await restored.close()
    const next = await openEngine(storage, { domain })
    await register(next, 'new')
    await settle()
    expect(announced).toEqual(expected)
  })
})

describe('hazard 15, counted twice by a subscriber', () => {
  test('without sync every recorded Event is told once, in order, whoever wrote it', async () => {
    const { one, two } = await twoTabs()
    let sum = 0
    let position = 0
    const pull = async () => {
      for (const { position: at, type, data } of await two.readEvents(position, 100)) {
        expect(at).toBe(position + 1)
        position = at
        if (type === 'stockItem.picked') sum += (data as { quantity: number }).quantity
      }
    }
    await pull()
    for (let n = 0; n < 10; n++) {
      await give(n % 2 ? one : two, 'stockItem.pick', 'a', { quantity: 1 })
      await two.catchUp()
      await pull()
    }
    expect(sum).toBe(10)
  })
})

describe('two tabs that write at the same time', () => {
  test('collide, decide again, and leave contiguous versions and one state', async () => {
    const { one, two } = await twoTabs()
    const picks = (engine: Engine) => Promise.all(upTo(60).map(() => give(engine, 'stockItem.pick', 'a', { quantity: 1 })))
    const outcomes = (await Promise.all([picks(one), picks(two)])).flat()
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(100)
    await Promise.all([one.catchUp(), two.catchUp()])
    expect(await one.load('stockItem', 'a')).toEqual(await two.load('stockItem', 'a'))
    expect(await versions(one)).toEqual(upTo(102))
    expect(await versions(two)).toEqual(upTo(102))
    await settle()
    expect([await onHand(one), await onHand(two)]).toEqual([0, 0])
  })

  test('the same command id in both takes effect once', async () => {
    const { one, two } = await twoTabs()
    const [a, b] = await Promise.all([one, two].map((engine) => give(engine, 'stockItem.pick', 'a', { quantity: 7 }, { id: 'same' })))
    expect(a).toEqual(b)
    await one.catchUp()
    expect(await one.load('stockItem', 'a')).toMatchObject({ state: { onHand: 93 } })
  })
})
