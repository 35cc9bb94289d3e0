/** Deciding Commands, as an app sees it: outcomes, receipts, conditions, faults. */
import { aggregate, applicationService, domain, isOutpostError, useCase } from 'outpost'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { allEvents, give, message, openEngine } from '../support/engine.ts'

const register = (engine: Awaited<ReturnType<typeof openEngine>>, sku: string, onHand = 0) =>
  Promise.all(
    engine.dispatch([
      message('stockItem.register', sku, { name: sku }),
      ...(onHand > 0 ? [message('stockItem.receive', sku, { quantity: onHand })] : []),
    ]),
  )

describe('an accepted Command', () => {
  test('records its Events with contiguous versions and positions', async () => {
    const engine = await openEngine(createMemoryStorage())
    expect(await give(engine, 'stockItem.register', 'a', { name: 'A' })).toMatchObject({
      ok: true,
      position: 1,
      events: [{ type: 'stockItem.registered', aggregateId: 'a', version: 1 }],
    })
    await give(engine, 'stockItem.receive', 'a', { quantity: 9 })
    await give(engine, 'stockItem.pick', 'a', { quantity: 2 })
    expect((await allEvents(engine)).map(({ type, version, position }) => [type, version, position])).toEqual([
      ['stockItem.registered', 1, 1],
      ['stockItem.received', 2, 2],
      ['stockItem.picked', 3, 3],
    ])
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { name: 'A', onHand: 7 }, version: 3 })
  })

  test('that decides nothing is accepted without Events, at the position before', async () => {
    const engine = await openEngine(createMemoryStorage())
    await register(engine, 'a')
    expect(await give(engine, 'stockItem.register', 'a', { name: 'again' })).toMatchObject({ ok: true, position: 1, events: [] })
  })

  test('is answered ahead of all that its Events wake', async () => {
    const engine = await openEngine(createMemoryStorage())
    const heard: string[] = []
    engine.recorded$.subscribe(({ position }) => heard.push(`${position} rung`))
    for (const sku of ['a', 'b']) {
      const { position } = (await give(engine, 'stockItem.register', sku, { name: sku })) as { readonly position: number }
      // What the worker posts goes out at the end of the turn in which it is answered.
      queueMicrotask(() => heard.push(`${position} answered`))
    }
    await new Promise(setImmediate)
    expect(heard).toEqual(['1 answered', '1 rung', '2 answered', '2 rung'])
  })

  test('sees those before it in the same batch', async () => {
    const engine = await openEngine(createMemoryStorage())
    const outcomes = await Promise.all(
      engine.dispatch([
        message('stockItem.register', 'a', { name: 'A' }),
        message('stockItem.receive', 'a', { quantity: 5 }),
        message('stockItem.pick', 'a', { quantity: 4 }),
        message('stockItem.pick', 'a', { quantity: 4 }),
      ]),
    )
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true, false])
    expect(outcomes[3]).toMatchObject({ refusal: 'outOfStock', details: { onHand: 1 } })
  })
})

describe('a use case', () => {
  test('decides over several Aggregates, all or nothing, in one record', async () => {
    const engine = await openEngine(createMemoryStorage())
    await register(engine, 'a', 50)
    await register(engine, 'b', 10)
    const placed = await give(engine, 'fulfilment.placeOrder', undefined, { orderId: 'o-1', lines: { a: 2, b: 1 } })
    expect(placed.ok && placed.events.map(({ type, aggregateId }) => `${type} ${aggregateId}`)).toEqual([
      'order.placed o-1',
      'stockItem.picked a',
      'stockItem.picked b',
    ])
    const declined = await give(engine, 'fulfilment.placeOrder', undefined, { orderId: 'o-2', lines: { a: 1, b: 10 } })
    expect(declined.ok && declined.events).toEqual([{ type: 'order.declined', aggregateId: 'o-2', version: 1 }])
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 48 } })
    expect(await give(engine, 'fulfilment.placeOrder', undefined, { orderId: 'o-1', lines: { a: 1 } })).toMatchObject({
      refusal: 'alreadyPlaced',
      details: { orderId: 'o-1' },
    })
  })
})

describe('the same command id again', () => {
  test('gives the recorded outcome, also of a refusal, and records nothing', async () => {
    const engine = await openEngine(createMemoryStorage())
    await register(engine, 'a', 5)
    const first = await give(engine, 'stockItem.pick', 'a', { quantity: 2 }, { id: 'click-1' })
    const refused = await give(engine, 'stockItem.pick', 'a', { quantity: 9 }, { id: 'click-2' })
    const before = engine.position
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 2 }, { id: 'click-1' })).toEqual(first)
    await give(engine, 'stockItem.receive', 'a', { quantity: 100 }, { id: 'delivery' })
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 9 }, { id: 'click-2' })).toEqual(refused)
    expect(engine.position).toBe(before + 1)
  })

  test('twice in one batch is decided once', async () => {
    const engine = await openEngine(createMemoryStorage())
    await register(engine, 'a', 5)
    const twice = message('stockItem.pick', 'a', { quantity: 2 }, { id: 'click-1' })
    const [first, second] = await Promise.all(engine.dispatch([twice, twice]))
    expect(second).toEqual(first)
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 3 } })
  })

  test('is answered after a restart, when what is in memory is gone', async () => {
    const storage = createMemoryStorage()
    const first = await openEngine(storage)
    await register(first, 'a', 5)
    const outcome = await give(first, 'stockItem.pick', 'a', { quantity: 2 }, { id: 'click-1' })
    for (let i = 0; i < 50; i++) await give(first, 'stockItem.receive', 'a', { quantity: 1 })
    await first.close()
    const second = await openEngine(storage)
    expect(await give(second, 'stockItem.pick', 'a', { quantity: 2 }, { id: 'click-1' })).toEqual(outcome)
    expect(await second.load('stockItem', 'a')).toMatchObject({ state: { onHand: 53 }, version: 53 })
  })
})

describe('conditions', () => {
  test('expectedVersion is compared with the stream, `new` with an empty one', async () => {
    const engine = await openEngine(createMemoryStorage())
    expect(await give(engine, 'stockItem.register', 'a', { name: 'A' }, { expectedVersion: 'new' })).toMatchObject({ ok: true })
    expect(await give(engine, 'stockItem.receive', 'a', { quantity: 1 }, { expectedVersion: 'new' })).toMatchObject({
      ok: false,
      refusal: 'versionConflict',
      details: { expected: 'new', actual: 1 },
    })
    expect(await give(engine, 'stockItem.receive', 'a', { quantity: 1 }, { expectedVersion: 1 })).toMatchObject({ ok: true })
    expect(await give(engine, 'stockItem.receive', 'a', { quantity: 1 }, { expectedVersion: 1 })).toMatchObject({
      refusal: 'versionConflict',
      details: { expected: 1, actual: 2 },
    })
  })

  test('expiresAt is judged once, and the verdict is kept', async () => {
    const clock = createTestClock(5_000)
    const engine = await openEngine(createMemoryStorage(), { clock })
    await register(engine, 'a', 5)
    const late = { id: 'late', expiresAt: 4_999 }
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 1 }, late)).toMatchObject({
      refusal: 'expired',
      details: { expiresAt: 4_999 },
    })
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { id: 'late' })).toMatchObject({ refusal: 'expired' })
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { expiresAt: 5_000 })).toMatchObject({ ok: true })
  })

  test('a state that breaks an invariant is refused, naming it', async () => {
    const careless = aggregate('account', {
      state: z.object({ balance: z.number() }),
      events: { opened: z.object({}), drawn: z.object({ amount: z.number() }) },
      commands: { open: z.object({}), draw: z.object({ amount: z.number() }) },
      create: { opened: () => ({ balance: 10 }) },
      evolve: { drawn: (state, { amount }) => ({ balance: state.balance - amount }) },
      decide: { open: (_, __, { emit }) => emit.opened({}), draw: (_, payload, { emit }) => [emit.drawn(payload), emit.drawn(payload)] },
      invariants: { neverOverdrawn: (state) => state.balance >= 0 },
    })
    const engine = await openEngine(createMemoryStorage(), { domain: domain('bank', { aggregates: [careless] }) })
    await give(engine, 'account.open', 'x', {})
    expect(await give(engine, 'account.draw', 'x', { amount: 6 })).toMatchObject({
      ok: false,
      refusal: 'invariantViolated',
      details: { invariant: 'neverOverdrawn', aggregate: 'account', aggregateId: 'x' },
    })
    expect(await engine.load('account', 'x')).toMatchObject({ state: { balance: 10 }, version: 1 })
    expect(await give(engine, 'account.draw', 'x', { amount: 5 })).toMatchObject({ ok: true })
  })
})

describe('a fault', () => {
  test('of the payload is `invalid-command` with zod’s issues, and nothing is stored', async () => {
    const engine = await openEngine(createMemoryStorage())
    const error = await give(engine, 'stockItem.register', 'a', { name: '' }).catch((reason: unknown) => reason)
    expect(isOutpostError(error, 'invalid-command') && error.details['issues']).toMatchObject([{ path: ['name'], code: 'too_small' }])
    expect(engine.position).toBe(0)
    expect(await allEvents(engine)).toEqual([])
  })

  test('of the name lists the known ones', async () => {
    const engine = await openEngine(createMemoryStorage())
    await expect(give(engine, 'stockItem.steal', 'a', {})).rejects.toMatchObject({
      code: 'unknown-command',
      message: expect.stringContaining('stockItem.pick') as string,
    })
    await expect(give(engine, '$timer', 'a', {})).rejects.toMatchObject({ code: 'unknown-command' })
    await expect(engine.load('shelf', 'a')).rejects.toMatchObject({ code: 'unknown-aggregate' })
  })

  const faulty = aggregate('faulty', {
    state: z.object({ n: z.number().max(3) }),
    events: { begun: z.object({ n: z.number() }), grown: z.object({ by: z.number() }) },
    commands: { begin: z.object({ n: z.number() }), explode: z.object({}), grow: z.object({ by: z.number() }), spoil: z.object({}) },
    create: { begun: ({ n }) => ({ n }) },
    evolve: { grown: (state, { by }) => ({ n: state.n + by }) },
    decide: {
      begin: (_, payload, { emit }) => emit.begun(payload),
      explode: () => {
        throw new Error('boom')
      },
      grow: (_, payload, { emit }) => emit.grown(payload),
      // A handler that changes its state in place must not harm what is shared.
      spoil: (state, _, { emit }) => {
        if (state) (state as { n: number }).n = 99
        return emit.grown({ by: 0 })
      },
    },
  })
  const faultyDomain = domain('faulty', { aggregates: [faulty] })

  test('in `decide` names the Command; nothing is stored and the others of the batch go on', async () => {
    const engine = await openEngine(createMemoryStorage(), { domain: faultyDomain })
    const results = await Promise.allSettled(
      engine.dispatch([
        message('faulty.begin', 'a', { n: 1 }),
        message('faulty.explode', 'a', {}, { id: 'bad' }),
        message('faulty.spoil', 'a', {}),
        message('faulty.grow', 'a', { by: 1 }),
      ]),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({
      reason: { code: 'decide-failed', message: expect.stringMatching(/faulty\.explode.*bad.*boom/) as string },
    })
    expect(await engine.load('faulty', 'a')).toMatchObject({ state: { n: 2 }, version: 2 })
  })

  test('of the state’s schema, or of a stream that cannot begin so, stores nothing', async () => {
    const engine = await openEngine(createMemoryStorage(), { domain: faultyDomain })
    await give(engine, 'faulty.begin', 'a', { n: 1 })
    await expect(give(engine, 'faulty.grow', 'a', { by: 5 })).rejects.toMatchObject({ code: 'evolve-failed' })
    await expect(give(engine, 'faulty.grow', 'b', { by: 1 })).rejects.toMatchObject({ code: 'evolve-failed' })
    await expect(give(engine, 'faulty.begin', 'a', { n: 1 })).rejects.toMatchObject({ code: 'evolve-failed' })
    expect(engine.position).toBe(1)
  })

  test('of storage reaches those of its commit alone; the next ones go on', async () => {
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    await register(engine, 'a', 15)
    storage.faults.fail('events.append', 'QuotaExceededError')
    await expect(give(engine, 'stockItem.pick', 'a', { quantity: 1 })).rejects.toMatchObject({ code: 'storage-full' })
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 15 } })
    expect(await give(engine, 'stockItem.pick', 'a', { quantity: 1 })).toMatchObject({ ok: true })
    expect((await allEvents(engine)).map(({ version }) => version)).toEqual([1, 2, 3])
  })
})

test('a fault that comes of states that another tab has changed is none: the Command is decided again', async () => {
  const counter = aggregate('counter', {
    state: z.object({ n: z.number() }),
    events: { begun: z.object({}), added: z.object({ n: z.number() }) },
    commands: { begin: z.object({}), add: z.object({ n: z.number() }) },
    create: { begun: () => ({ n: 0 }) },
    evolve: { added: (state, { n }) => ({ n: state.n + n }) },
    decide: { begin: (_state, _payload, { emit }) => emit.begun({}), add: (_state, payload, { emit }) => emit.added(payload) },
  })
  const pair = applicationService('pair', {
    level: useCase({
      payload: z.object({}),
      loads: () => ({ left: counter.one('left'), right: counter.one('right') }),
      decide: ({ left, right }) => {
        if ((left.state?.n ?? 0) < (right.state?.n ?? 0)) throw new Error('left is never behind right')
        return right.emit.added({ n: 1 })
      },
    }),
  })
  const options = { domain: domain('counting', { aggregates: [counter], applicationServices: [pair] }), clock: createTestClock() }
  const disk = createMemoryStorage()
  const one = await openEngine(disk.tab(), options)
  for (const id of ['left', 'right']) await give(one, 'counter.begin', id, {})
  await one.close()
  const two = await openEngine(disk.tab(), options)
  const three = await openEngine(disk.tab(), options)
  await two.load('counter', 'left')
  for (const id of ['left', 'right']) await give(three, 'counter.add', id, { n: 500 })
  await three.close() // and saves its states: what loads `right` from now on knows of all this
  // As many as are loaded for together: `right` is loaded when these are decided.
  const adding = Array.from({ length: 64 }, () => message('counter.add', 'left', { n: 1 }))
  const outcomes = await Promise.all(two.dispatch([...adding, message('pair.level', undefined, {})]))
  expect(outcomes.every(({ ok }) => ok)).toBe(true)
  expect(await two.load('counter', 'right')).toMatchObject({ state: { n: 501 } })
})

describe('taking back', () => {
  test('works until the Command is in a commit', async () => {
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    await register(engine, 'a', 5)
    const hold = storage.faults.pause('events.append')
    const committing = give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { id: 'first', call: 1 })
    await hold.reached
    const waiting = give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { id: 'second', call: 2 })
    expect(engine.cancel(1)).toBe(false)
    expect(engine.cancel(2)).toBe(true)
    hold.release()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
    expect(await committing).toMatchObject({ ok: true })
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 4 } })
  })

  test('a Command that was given before and is in the log tells its outcome: it is too late', async () => {
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    await register(engine, 'a', 5)
    const stored = await give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { id: 'stored' })
    const hold = storage.faults.pause('events.append')
    const committing = give(engine, 'stockItem.pick', 'a', { quantity: 1 })
    await hold.reached
    // As a page gives them that has another worker now: whether the one before had stored them it cannot know.
    const again = ['stored', 'lost'].map((id, call) => give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { id, call }))
    for (const call of [0, 1]) expect(engine.cancel(call)).toBe(true)
    hold.release()
    await committing
    expect(await again[0]).toEqual(stored)
    await expect(again[1]).rejects.toMatchObject({ code: 'aborted' })
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 3 } })
  })

  test.each([1, 2])('one of two calls with the same id, the other goes on (call %i)', async (call) => {
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    await register(engine, 'a', 5)
    const hold = storage.faults.pause('events.append')
    const committing = give(engine, 'stockItem.pick', 'a', { quantity: 1 })
    await hold.reached
    const calls = [1, 2].map((each) => give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { id: 'same', call: each }))
    expect(engine.cancel(call)).toBe(true)
    hold.release()
    await committing
    await expect(calls[call - 1]).rejects.toMatchObject({ code: 'aborted' })
    expect(await calls[2 - call]).toMatchObject({ ok: true, commandId: 'same' })
    expect(await engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 3 } })
  })
})

describe('the Repository', () => {
  test('loads an Aggregate as of a version or a time, and tells its history', async () => {
    const engine = await openEngine(createMemoryStorage())
    await give(engine, 'stockItem.register', 'a', { name: 'A' }, { at: 100 })
    await give(engine, 'stockItem.receive', 'a', { quantity: 9 }, { at: 200 })
    await register(engine, 'b', 3)
    await give(engine, 'stockItem.pick', 'a', { quantity: 2 }, { at: 300 })
    expect(await engine.loadAt('stockItem', 'a', { version: 2 })).toEqual({ state: { name: 'A', onHand: 9 }, version: 2 })
    expect(await engine.loadAt('stockItem', 'a', { at: 299 })).toEqual({ state: { name: 'A', onHand: 9 }, version: 2 })
    expect(await engine.loadAt('stockItem', 'a', { at: 99 })).toEqual({ state: undefined, version: 0 })
    expect(await engine.loadAt('stockItem', 'a', { version: 99 })).toEqual({ state: { name: 'A', onHand: 7 }, version: 3 })
    expect((await engine.history('stockItem', 'a')).map(({ type }) => type)).toEqual([
      'stockItem.registered',
      'stockItem.received',
      'stockItem.picked',
    ])
    expect(await engine.history('stockItem', 'nobody')).toEqual([])
  })
})
