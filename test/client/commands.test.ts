import { afterEach, describe, expect, test, vi } from 'vitest'
import type { CommandMessage } from '../../src/engine/engine.ts'
import { OutpostError } from '../../src/errors.ts'
import { type Realm, type RealmOptions, startRealm } from '../channel/realm.ts'
import { turns } from '../channel/turns.ts'

let realm: Realm
const start = (options?: RealmOptions): Realm => (realm = startRealm(options))
afterEach(() => realm.app.close())

/** The Commands of each message, as they cross. */
const messages = (): readonly (readonly { readonly id: string }[])[] => realm.worker.messagesOf('commands').map(({ commands }) => commands)
/** The Commands as the engine gets them. */
const received = (): readonly CommandMessage[] => realm.worker.engine.received

const pickAs = (commandId: string) => realm.app.commands.stockItem.pick('a', { quantity: 1 }, { commandId })

describe('a Command', () => {
  test('crosses as plain data and comes back with its outcome', async () => {
    const { app } = start({ connect: { actor: 'ann', durability: 'strict' } })
    const outcome = await app.commands.stockItem.pick('sku-1', { quantity: 3 })
    const [message] = received() as [CommandMessage]
    expect(message).toEqual({
      type: 'stockItem.pick',
      aggregateId: 'sku-1',
      payload: { quantity: 3 },
      id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/),
      fresh: true,
      call: 1,
      at: expect.any(Number),
      actor: 'ann',
      correlationId: message.id,
      durability: 'strict',
    })
    expect(outcome).toEqual({ ok: true, commandId: message.id, position: 1, events: [] })
    // An option that is not set says nothing.
    await app.commands.stockItem.pick('sku-1', { quantity: 3 }, { durability: undefined } as object)
    expect(received()[1]).toMatchObject({ durability: 'strict' })
  })

  test('of a use case takes its payload first', async () => {
    const { app } = start()
    await app.commands.fulfilment.placeOrder({ orderId: 'o1', lines: { a: 1 } }, { correlationId: 'tour' })
    expect(received()[0]).toMatchObject({
      type: 'fulfilment.placeOrder',
      payload: { orderId: 'o1', lines: { a: 1 } },
      correlationId: 'tour',
    })
    expect(received()[0]).not.toHaveProperty('aggregateId')
  })

  test('carries its options, those of them that say something', async () => {
    const { app } = start()
    const options = { commandId: 'c1', correlationId: 'co', causationId: 'ca', durability: 'relaxed' } as const
    await app.commands.stockItem.pick('a', { quantity: 1 }, { ...options, expectedVersion: 'new', expiresAt: new Date(5000) })
    await app.commands.stockItem.pick('a', { quantity: 1 }, { expectedVersion: 'any' })
    expect(received()[0]).toMatchObject({
      id: 'c1',
      correlationId: 'co',
      causationId: 'ca',
      durability: 'relaxed',
      expectedVersion: 'new',
      expiresAt: 5000,
    })
    expect(received()[1]).not.toHaveProperty('expectedVersion')
  })

  test('is fresh only under an id made here', async () => {
    const { app } = start()
    await app.commands.stockItem.pick('a', { quantity: 1 }, { commandId: 'mine' })
    await app.commands.stockItem.pick('a', { quantity: 1 })
    expect(received().map(({ fresh }) => fresh)).toEqual([false, true])
  })

  test('that faults rejects with the fault, and only it', async () => {
    const { app } = start({
      decide: ({ aggregateId }) => {
        if (aggregateId === 'bad') throw new OutpostError('decide-failed', 'It threw.', { aggregateId }, new TypeError('no such thing'))
        return undefined
      },
    })
    const [good, bad, other] = await Promise.allSettled(['a', 'bad', 'b'].map((id) => app.commands.stockItem.pick(id, { quantity: 1 })))
    expect(good?.status).toBe('fulfilled')
    expect(bad).toMatchObject({ reason: { code: 'decide-failed', details: { aggregateId: 'bad' }, cause: { name: 'TypeError' } } })
    expect(other?.status).toBe('fulfilled')
  })

  test('whose payload cannot cross fails alone', async () => {
    const { app } = start()
    const payload = { quantity: (() => 1) as unknown as number }
    const [bad, good] = await Promise.allSettled([
      app.commands.stockItem.pick('a', payload, { commandId: 'bad' }),
      app.commands.stockItem.pick('b', { quantity: 1 }),
    ])
    expect(bad).toMatchObject({ reason: { code: 'invalid-command', message: expect.stringContaining('stockItem.pick') } })
    expect(good).toMatchObject({ value: { ok: true } })
    expect(realm.storage.decided).toHaveLength(1)
  })

  test('is the same function each time, so that effects may depend on it', () => {
    const { app } = start()
    expect(app.commands.stockItem.pick).toBe(app.commands.stockItem.pick)
    expect(app.commands.stockItem.pick).not.toBe(app.commands.stockItem.receive)
  })
})

describe('Commands given in one tick', () => {
  test('cross in order, 250 a message at most', async () => {
    const { app, storage } = start()
    const ids = Array.from({ length: 600 }, (_, i) => `c${i}`)
    await Promise.all(ids.map((commandId) => app.commands.stockItem.pick('a', { quantity: 1 }, { commandId })))
    expect(messages().map(({ length }) => length)).toEqual([250, 250, 100])
    expect(storage.decided).toEqual(ids)
  })

  test('keep their order where one among them cannot cross, however many messages they take', async () => {
    const { app, storage } = start()
    const ids = Array.from({ length: 600 }, (_, i) => `c${i}`)
    const settled = await Promise.allSettled(
      ids.map((commandId) =>
        app.commands.stockItem.pick('a', { quantity: commandId === 'c100' ? ((() => 1) as unknown as number) : 1 }, { commandId }),
      ),
    )
    expect(settled.flatMap(({ status }, i) => (status === 'rejected' ? [ids[i]] : []))).toEqual(['c100'])
    expect(storage.decided).toEqual(ids.filter((id) => id !== 'c100'))
  })

  test('given in another tick cross in another message', async () => {
    const { app } = start()
    await app.commands.stockItem.pick('a', { quantity: 1 })
    await app.commands.stockItem.pick('a', { quantity: 1 })
    expect(messages().map(({ length }) => length)).toEqual([1, 1])
  })
})

describe('a batch', () => {
  test('crosses in one message however long, each Command with its own outcome or fault', async () => {
    const { app } = start({
      decide: ({ id, aggregateId }) => {
        if (aggregateId === 'i7') throw new RangeError('seven')
        return aggregateId === 'i8' ? { ok: false, commandId: id, refusal: 'expired', details: { expiresAt: 1 } } : undefined
      },
    })
    const alone = app.commands.stockItem.receive('alone', { quantity: 1 })
    const outcomes = await app.commands.batch((commands) =>
      Array.from({ length: 600 }, (_, i) => commands.stockItem.pick(`i${i}`, { quantity: 1 })),
    )
    await alone
    expect(messages().map(({ length }) => length)).toEqual([1, 600])
    expect(outcomes).toHaveLength(600)
    expect(outcomes[0]).toMatchObject({ ok: true })
    expect(outcomes[7]).toMatchObject({ ok: false, fault: { name: 'RangeError', message: 'seven' } })
    expect(outcomes[8]).toMatchObject({ ok: false, refusal: 'expired' })
    expect(outcomes[599]).toMatchObject({ ok: true, position: 599 })
  })

  describe('with payloads among them that cannot cross', () => {
    const uncloneable = { quantity: (() => 1) as unknown as number }
    const ids = Array.from({ length: 600 }, (_, i) => `b${i}`)
    const isBad = (id: string): boolean => ['b0', 'b300', 'b599'].includes(id)
    const good = ids.filter((id) => !isBad(id))
    const batch = () =>
      realm.app.commands.batch((commands) =>
        ids.map((commandId) => commands.stockItem.pick('a', isBad(commandId) ? uncloneable : { quantity: 1 }, { commandId })),
      )

    test('fails those alone, and gives the others in order, in few messages', async () => {
      start()
      const outcomes = await batch()
      expect(
        outcomes.map((outcome, i) => (outcome.ok ? outcome.position : `${ids[i]} ${'fault' in outcome && outcome.fault.name}`)),
      ).toEqual(ids.map((id) => (isBad(id) ? `${id} OutpostError` : good.indexOf(id) + 1)))
      expect(outcomes[300]).toMatchObject({ fault: { code: 'invalid-command', message: expect.stringContaining('b300') } })
      expect(messages().length).toBeLessThan(40)
      expect(realm.storage.decided).toEqual(good)
    })

    test('keeps its place between what was given before and after, in the same tick and in the next', async () => {
      start()
      const given = [pickAs('before'), batch(), pickAs('after')]
      await Promise.resolve()
      given.push(pickAs('next'))
      await Promise.resolve()
      given.push(pickAs('last'))
      await Promise.all(given)
      expect(realm.storage.decided).toEqual(['before', ...good, 'after', 'next', 'last'])
    })

    test('takes none of the tries that its others have, should the worker die', async () => {
      start({
        decide: ({ id }, _engine, worker) => (worker === realm.workers[0] && id === 'b500' ? new Promise(() => undefined) : undefined),
      })
      const settled = batch()
      await turns()
      realm.worker.kill()
      expect((await settled).filter(({ ok }) => ok)).toHaveLength(597)
      expect(realm.workers[0]?.engine.received.every(({ id }) => !isBad(id))).toBe(true)
      expect(realm.storage.decided.toSorted()).toEqual([...good, 'b500'].toSorted())
    })
  })

  test('of nothing comes to nothing, without a message', async () => {
    const { app } = start()
    expect(await app.commands.batch(() => [])).toEqual([])
    expect(messages()).toEqual([])
  })
})

describe('an AbortSignal', () => {
  test('that fired before takes the Command back unsent', async () => {
    const { app } = start()
    const taken = app.commands.stockItem.pick('a', { quantity: 1 }, { signal: AbortSignal.abort() })
    await expect(taken).rejects.toMatchObject({ code: 'aborted' })
    expect(messages()).toEqual([])
  })

  test('that fires in the same tick takes it back unsent, and leaves its neighbours', async () => {
    const { app, storage } = start()
    const abort = new AbortController()
    const taken = app.commands.stockItem.pick('a', { quantity: 1 }, { signal: abort.signal })
    const other = app.commands.stockItem.pick('b', { quantity: 1 })
    abort.abort()
    await expect(taken).rejects.toMatchObject({ code: 'aborted' })
    await other
    expect(storage.decided).toHaveLength(1)
  })

  test('that fires while the Command waits in the worker takes it back there', async () => {
    const { app } = start({ decide: () => new Promise(() => undefined) })
    const abort = new AbortController()
    const taken = app.commands.stockItem.pick('a', { quantity: 1 }, { commandId: 'c1', signal: abort.signal })
    await turns()
    abort.abort()
    await expect(taken).rejects.toMatchObject({ code: 'aborted', message: expect.stringContaining('c1') })
    expect(realm.worker.engine.cancelled).toEqual(['c1'])
  })

  test('takes back its own call, not another one with the same id', async () => {
    const { app } = start({ decide: () => new Promise(() => undefined) })
    const abort = new AbortController()
    void app.commands.stockItem.pick('a', { quantity: 1 }, { commandId: 'c1' }).catch(() => undefined)
    void app.commands.stockItem.pick('a', { quantity: 1 }, { commandId: 'c1', signal: abort.signal }).catch(() => undefined)
    await turns()
    abort.abort()
    await turns()
    expect(realm.worker.messagesOf('cancel')).toEqual([{ kind: 'cancel', call: received()[1]?.call }])
  })

  test('that fires when the Command is in a commit comes too late', async () => {
    let finish: () => void = () => undefined
    const { app } = start({
      decide: async (command, engine) => {
        const outcome = engine.storage.record(command)
        await new Promise<void>((resolve) => (finish = resolve))
        return outcome
      },
    })
    const abort = new AbortController()
    const kept = app.commands.stockItem.pick('a', { quantity: 1 }, { signal: abort.signal })
    await turns()
    abort.abort()
    await turns()
    finish()
    await expect(kept).resolves.toMatchObject({ ok: true })
  })

  test('is let go of when the Command is answered', async () => {
    const { app } = start()
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    const given = app.commands.stockItem.pick('a', { quantity: 1 }, { signal })
    expect(added).toHaveBeenCalledTimes(1)
    await given
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(added.mock.calls.map(([, listener]) => listener))
  })
})

describe('after an acknowledged Command', () => {
  test('this client’s queries ask for a result that includes it', async () => {
    const { app } = start()
    await app.read.stockList.first()
    await app.commands.stockItem.pick('a', { quantity: 1 })
    await app.commands.stockItem.pick('a', { quantity: 1 })
    await app.read.stockList.first()
    expect(realm.worker.engine.runs.map(({ after }) => after)).toEqual([0, 2])
  })

  test('this client’s watches begin with a result that includes it', async () => {
    const { app } = start()
    await app.commands.stockItem.pick('a', { quantity: 1 })
    realm.worker.engine.resultsAt = 0
    const positions: number[] = []
    app.read.stockList.snapshots().subscribe(({ position }) => positions.push(position))
    await turns()
    expect(positions).toEqual([1])
  })
})

describe('while traces are watched', () => {
  test('Commands carry when they were asked for and when they reached the worker, else not', async () => {
    const { app } = start()
    await app.commands.stockItem.pick('a', { quantity: 1 })
    const watching = app.trace$.subscribe()
    const before = performance.timeOrigin + performance.now()
    await app.commands.stockItem.pick('a', { quantity: 1 })
    watching.unsubscribe()
    await app.commands.stockItem.pick('a', { quantity: 1 })
    const [first, traced, last] = realm.worker.engine.received
    expect(first).not.toHaveProperty('requestedAt')
    expect(last).not.toHaveProperty('receivedAt')
    expect(traced?.requestedAt).toBeGreaterThanOrEqual(before)
    expect(traced?.receivedAt).toBeGreaterThanOrEqual(traced?.requestedAt as number)
  })
})
