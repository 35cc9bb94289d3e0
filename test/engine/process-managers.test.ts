/** Process managers, through the engine; their timers are in timers.test.ts. */
import { aggregate, domain, processManager } from 'outpost'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { allEvents, give, message, openEngine, statusOf } from '../support/engine.ts'
import { purchaseOrder, reorder, stock, stockItem } from '../fixtures/stock.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>
const types = async (engine: Engine) => (await allEvents(engine)).map(({ type, aggregateId }) => `${type} ${aggregateId}`)

describe('a process manager', () => {
  test('issues its Command in the commit of the one that caused it, once an instance', async () => {
    const engine = await openEngine(createMemoryStorage())
    await Promise.all(
      engine.dispatch([message('stockItem.register', 'a', { name: 'A' }), message('stockItem.receive', 'a', { quantity: 8 })]),
    )
    let records = 0
    engine.recorded$.subscribe(() => records++)
    await give(engine, 'stockItem.pick', 'a', { quantity: 4 }, { id: 'cause', correlationId: 'walk' })
    expect(records).toBe(1)
    const [picked, opened] = (await allEvents(engine)).slice(-2)
    expect(opened).toMatchObject({
      type: 'purchaseOrder.opened',
      data: { sku: 'a' },
      correlationId: 'walk',
      causationId: picked?.id,
      actor: undefined,
    })
    expect(picked?.id).toBe('cause.0')
    await give(engine, 'stockItem.pick', 'a', { quantity: 1 })
    expect((await types(engine)).filter((type) => type.startsWith('purchaseOrder'))).toHaveLength(1)
  })

  test('derives ids from causes: deciding the same Commands elsewhere gives the same Events', async () => {
    const run = async (): Promise<unknown> => {
      const engine = await openEngine(createMemoryStorage())
      await give(engine, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
      await give(engine, 'stockItem.receive', 'a', { quantity: 5 }, { id: '2' })
      await give(engine, 'stockItem.pick', 'a', { quantity: 2 }, { id: '3' })
      return allEvents(engine)
    }
    expect(await run()).toEqual(await run())
  })

  test('keeps its state over a restart', async () => {
    const storage = createMemoryStorage()
    const first = await openEngine(storage)
    await Promise.all(
      first.dispatch([message('stockItem.register', 'a', { name: 'A' }), message('stockItem.receive', 'a', { quantity: 6 })]),
    )
    await give(first, 'stockItem.pick', 'a', { quantity: 2 })
    await first.close()
    const second = await openEngine(storage)
    await give(second, 'stockItem.pick', 'a', { quantity: 1 })
    expect((await types(second)).filter((type) => type.startsWith('purchaseOrder'))).toHaveLength(1)
  })
})

/** A manager whose handler can be mended while the test runs. */
function mendable() {
  const state = { broken: true }
  const watcher = processManager('watcher', {
    version: 1,
    state: z.object({ seen: z.number() }),
    from: [stockItem],
    sends: [stockItem],
    ignores: ['stockItem.received'],
    on: {
      'stockItem.registered': { key: (event) => event.aggregateId, handle: () => ({ state: { seen: 0 } }) },
      'stockItem.picked': {
        key: (event) => event.aggregateId,
        handle: (instance, event, { send }) => {
          if (state.broken) throw new Error('not today')
          return instance && { state: { seen: instance.seen + 1 }, commands: [send.stockItem.receive(event.aggregateId, { quantity: 1 })] }
        },
      },
    },
  })
  return { state, domain: domain('stock', { aggregates: [stockItem], processManagers: [watcher] }) }
}

describe('a process manager that throws', () => {
  test('parks that instance alone, the root stands, and a retry resumes it exactly once', async () => {
    const { state, domain: watched } = mendable()
    const clock = createTestClock()
    const engine = await openEngine(createMemoryStorage(), { domain: watched, clock })
    for (const id of ['a', 'b']) {
      await give(engine, 'stockItem.register', id, { name: id })
      await give(engine, 'stockItem.receive', id, { quantity: 10 })
    }
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 1 })).toMatchObject({ ok: true })
    await clock.advance(100)
    expect(statusOf(engine).handlers).toMatchObject([
      { name: 'watcher', state: 'parked', parked: [{ key: 'a', position: 5, eventType: 'stockItem.picked', error: 'not today' }] },
    ])
    await expect(engine.retry('watcher')).rejects.toMatchObject({ code: 'handler-failed' })
    await give(engine, 'stockItem.pick', 'a', { quantity: 1 })
    state.broken = false
    await give(engine, 'stockItem.pick', 'b', { quantity: 1 })
    expect(await engine.load('stockItem', 'b')).toMatchObject({ state: { onHand: 10 } })
    await engine.retry('watcher')
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 10 } })
    await engine.retry('watcher')
    await give(engine, 'stockItem.pick', 'a', { quantity: 3 })
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 8 } })
    await clock.advance(100)
    expect(statusOf(engine).handlers).toMatchObject([{ state: 'live', parked: [] }])
  })

  test('is resumed by itself at the next start with a mended handler', async () => {
    const storage = createMemoryStorage()
    const { state, domain: watched } = mendable()
    const first = await openEngine(storage, { domain: watched })
    await give(first, 'stockItem.register', 'a', { name: 'A' })
    await give(first, 'stockItem.receive', 'a', { quantity: 10 })
    await give(first, 'stockItem.pick', 'a', { quantity: 4 })
    await first.close()
    state.broken = false
    const second = await openEngine(storage, { domain: watched })
    await settle()
    expect(await second.load('stockItem', 'a')).toMatchObject({ state: { onHand: 7 } })
  })

  test('whose Command is faulty parks at the Event, without half of its Commands', async () => {
    const sender = processManager('sender', {
      version: 1,
      state: z.object({}),
      from: [stockItem],
      sends: [stockItem],
      ignores: ['stockItem.received', 'stockItem.registered'],
      on: {
        'stockItem.picked': {
          key: (event) => event.aggregateId,
          handle: (_, event, { send }) => ({
            state: {},
            commands: [
              send.stockItem.receive(event.aggregateId, { quantity: 1 }),
              send.stockItem.receive(event.aggregateId, { quantity: -1 }),
            ],
          }),
        },
      },
    })
    const engine = await openEngine(createMemoryStorage(), {
      domain: domain('stock', { aggregates: [stockItem], processManagers: [sender] }),
    })
    await give(engine, 'stockItem.register', 'a', { name: 'A' })
    await give(engine, 'stockItem.receive', 'a', { quantity: 10 })
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 1 })).toMatchObject({ ok: true })
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 9 }, version: 3 })
  })
})

test('reactions that go round in a circle fail the root, which names itself', async () => {
  const ping = aggregate('ping', {
    state: z.object({ n: z.number() }),
    events: { hit: z.object({}) },
    commands: { hit: z.object({}) },
    create: { hit: () => ({ n: 1 }) },
    evolve: { hit: (state) => ({ n: state.n + 1 }) },
    decide: { hit: (_, __, { emit }) => emit.hit({}) },
  })
  const pong = processManager('pong', {
    version: 1,
    state: z.object({}),
    from: [ping],
    sends: [ping],
    on: {
      'ping.hit': {
        key: (event) => event.aggregateId,
        handle: (_, event, { send }) => ({ state: {}, commands: [send.ping.hit(event.aggregateId, {})] }),
      },
    },
  })
  const engine = await openEngine(createMemoryStorage(), { domain: domain('pingpong', { aggregates: [ping], processManagers: [pong] }) })
  await expect(give(engine, 'ping.hit', 'x', {})).rejects.toMatchObject({
    code: 'handler-failed',
    message: expect.stringContaining('ping.hit') as string,
  })
  expect(engine.position).toBe(0)
})

test('the example domain keeps one open purchase order an item under random load', async () => {
  const engine = await openEngine(createMemoryStorage(), { domain: stock })
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  await give(engine, 'stockItem.receive', 'a', { quantity: 500 })
  await Promise.all(engine.dispatch(Array.from({ length: 499 }, () => message('stockItem.pick', 'a', { quantity: 1 }))))
  expect((await types(engine)).filter((type) => type.startsWith('purchaseOrder.opened'))).toHaveLength(1)
})

test('a process manager that is new to a log folds all of it before the first Command is decided', async () => {
  const storage = createMemoryStorage()
  const plain = await openEngine(storage, { domain: domain('stock', { aggregates: [stockItem, purchaseOrder] }) })
  await give(plain, 'stockItem.register', 'a', { name: 'A' })
  await give(plain, 'stockItem.receive', 'a', { quantity: 30_000 })
  for (let n = 0; n < 25; n++)
    await Promise.all(plain.dispatch(Array.from({ length: 1000 }, () => message('stockItem.pick', 'a', { quantity: 1 }))))
  await plain.close()
  const engine = await openEngine(storage, {
    domain: domain('stock', { aggregates: [stockItem, purchaseOrder], processManagers: [reorder] }),
  })
  expect(await give(engine, 'stockItem.pick', 'a', { quantity: 4995 })).toMatchObject({ ok: true })
  expect(await types(engine)).not.toContain(expect.stringContaining('purchaseOrder'))
  await give(engine, 'stockItem.pick', 'a', { quantity: 2 })
  expect((await types(engine)).filter((type) => type.startsWith('purchaseOrder'))).toHaveLength(1)
}, 30_000)
