/** What TypeScript infers from declarations, and what must not compile. Checked by the compiler; run only to be counted. */
import {
  aggregate,
  applicationService,
  domain,
  processManager,
  query,
  readModel,
  useCase,
  type Outcome,
  type RowOf,
  type StateOf,
} from 'outpost'
import type { App, EventNews, RecordedEvent } from 'outpost/client'
import { given, past } from 'outpost/testing'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { order, purchaseOrder, reorder, stock, stockItem, stockList } from '../fixtures/stock.ts'

declare const app: App<typeof stock>
/** The compiler reads what is inside; it is never run. */
const compiled = (_: () => unknown): void => expect(true).toBe(true)

test('states and rows have the types of their schemas', () => {
  expectTypeOf<StateOf<typeof stockItem>>().toEqualTypeOf<{ name: string; onHand: number }>()
  expectTypeOf<RowOf<typeof stockList>>().toEqualTypeOf<{ sku: string; name: string; onHand: number }>()
  expectTypeOf<StateOf<typeof order>['status']>().toEqualTypeOf<'placed' | 'declined'>()
})

test('a receipt narrows by how far its Command has come', () =>
  compiled(async () => {
    const receipt = await app.sync.receipt('c')
    if (receipt?.state === 'changed') expectTypeOf(receipt.returned.payload).toEqualTypeOf<unknown>()
    if (receipt?.state === 'refused') {
      expectTypeOf(receipt.refusal).toEqualTypeOf<string | undefined>()
      expectTypeOf(receipt.returned?.now.ok).toEqualTypeOf<boolean | undefined>()
    }
    if (receipt?.state === 'confirmed') expectTypeOf(receipt).toEqualTypeOf<{ readonly state: 'confirmed' }>()
  }))

test('a Command’s outcome narrows by refusal', () =>
  compiled(async () => {
    const outcome = await app.commands.stockItem.pick('a', { quantity: 1 })
    if (outcome.ok) expectTypeOf(outcome.position).toEqualTypeOf<number>()
    else if (outcome.refusal === 'outOfStock') expectTypeOf(outcome.details).toEqualTypeOf<{ onHand: number }>()
    else if (outcome.refusal === 'versionConflict') expectTypeOf(outcome.details.actual).toEqualTypeOf<number>()
    expectTypeOf<Extract<Outcome, { ok: false }>['refusal']>().toEqualTypeOf<'versionConflict' | 'expired' | 'invariantViolated'>()
    const placed = await app.commands.fulfilment.placeOrder({ orderId: 'o', lines: { a: 1 } })
    if (!placed.ok && placed.refusal === 'alreadyPlaced') expectTypeOf(placed.details).toEqualTypeOf<{ orderId: string }>()
  }))

test('a batch gives each Command its own outcome', () =>
  compiled(async () => {
    const [first, second] = await app.commands.batch((commands) => [
      commands.stockItem.register('a', { name: 'A' }),
      commands.fulfilment.placeOrder({ orderId: 'o', lines: {} }),
    ])
    if (!first.ok && 'refusal' in first && first.refusal === 'outOfStock') expectTypeOf(first.details.onHand).toEqualTypeOf<number>()
    if (!second.ok && 'fault' in second) expectTypeOf(second.fault).toEqualTypeOf<Error>()
  }))

test('queries give rows, and take only what can be asked', () =>
  compiled(async () => {
    expectTypeOf(
      await app.read.stockList
        .where({ onHand: { below: 3 }, name: { prefix: 'A' } })
        .orderBy('name')
        .limit(5),
    ).toEqualTypeOf<readonly { sku: string; name: string; onHand: number }[]>()
    expectTypeOf(await app.read.stockList.count()).toEqualTypeOf<number>()
    expectTypeOf(await app.read.stockList.get('a')).toEqualTypeOf<{ sku: string; name: string; onHand: number } | undefined>()
    expectTypeOf(await app.read.lowStock({ below: 1 })).toEqualTypeOf<{ sku: string; onHand: number; ordered: boolean }[]>()
    // @ts-expect-error `change` is in no index: only `filter` takes it
    app.read.movements.where({ change: 1 })
    // @ts-expect-error a number has no prefix
    app.read.stockList.where({ onHand: { prefix: '1' } })
    // @ts-expect-error no such field
    app.read.stockList.orderBy('price')
    // @ts-expect-error no such Read Model
    app.read.nothing.count()
  }))

test('Events are told with their state only where tentative ones are asked for', () =>
  compiled(() => {
    app.events$({ after: 0 }).subscribe((event) => expectTypeOf(event).toEqualTypeOf<RecordedEvent>())
    app.events$({ after: 0, tentative: false }).subscribe((event) => expectTypeOf(event).toEqualTypeOf<RecordedEvent>())
    app.events$({ tentative: true }).subscribe((news) => {
      expectTypeOf(news).toEqualTypeOf<EventNews>()
      if (news.state === 'confirmed') expectTypeOf(news.event.position).toEqualTypeOf<number>()
      // @ts-expect-error it has no place yet
      else void news.event.position
    })
  }))

test('Commands take only their payload and target', () =>
  compiled(() => {
    // @ts-expect-error quantity is a number
    void app.commands.stockItem.pick('a', { quantity: '1' })
    // @ts-expect-error a Command of an Aggregate needs its id
    void app.commands.stockItem.pick({ quantity: 1 })
    // @ts-expect-error no such Command
    void app.commands.stockItem.steal('a', {})
    // @ts-expect-error a use case has no version to expect
    void app.commands.fulfilment.placeOrder({ orderId: 'o', lines: {} }, { expectedVersion: 1 })
  }))

test('an Aggregate that forgets something does not compile', () =>
  compiled(() => {
    const base = { state: z.object({ n: z.number() }), commands: { go: z.object({}) } }
    aggregate('a', {
      ...base,
      events: { begun: z.object({}), grown: z.object({ by: z.number() }) },
      create: { begun: () => ({ n: 0 }) },
      // @ts-expect-error `grown` is not folded
      evolve: {},
      decide: { go: () => [] },
    })
    aggregate('a', {
      ...base,
      events: { begun: z.object({}) },
      create: { begun: () => ({ n: 0 }) },
      evolve: {},
      // @ts-expect-error `go` is not decided
      decide: {},
    })
    aggregate('a', {
      ...base,
      events: { begun: z.object({}) },
      // @ts-expect-error not the state
      create: { begun: () => ({ n: 'zero' }) },
      evolve: {},
      decide: { go: () => [] },
    })
    aggregate('a', {
      ...base,
      events: { begun: z.object({}) },
      create: { begun: () => ({ n: 0 }) },
      evolve: {},
      // @ts-expect-error no such Event
      decide: { go: (_, __, { emit }) => emit.vanished({}) },
    })
    aggregate('a', {
      ...base,
      events: { begun: z.object({ n: z.number() }) },
      create: { begun: ({ n }) => ({ n }) },
      evolve: {},
      // @ts-expect-error the Event's data is of another type
      decide: { go: (_, __, { emit }) => emit.begun({ n: 'zero' }) },
    })
    aggregate('a', {
      ...base,
      events: { begun: z.object({}) },
      refusals: { full: z.object({ max: z.number() }) },
      create: { begun: () => ({ n: 0 }) },
      evolve: {},
      // @ts-expect-error no such refusal
      decide: { go: (_, __, { refuse }) => refuse.empty({}) },
    })
  }))

test('a use case knows what it loaded', () =>
  compiled(() =>
    applicationService('s', {
      go: useCase({
        payload: z.object({ id: z.string() }),
        loads: ({ id }) => ({ item: stockItem.one(id), orders: order.many([id]) }),
        decide: ({ item, orders }, { id }) => {
          expectTypeOf(item.state).toEqualTypeOf<{ name: string; onHand: number } | undefined>()
          expectTypeOf(orders.get(id).state?.status).toEqualTypeOf<'placed' | 'declined' | undefined>()
          // @ts-expect-error no such Event of that Aggregate
          item.emit.placed({ lines: {} })
          return item.emit.received({ quantity: 1 })
        },
      }),
    }),
  ))

test('a Read Model handles or ignores every Event', () =>
  compiled(() => {
    const row = z.object({ sku: z.string(), n: z.number() })
    readModel('m', {
      version: 1,
      from: [purchaseOrder],
      row,
      key: 'sku',
      // @ts-expect-error `received` is neither handled nor ignored
      on: { 'purchaseOrder.opened': ({ data }, rows) => rows.put({ sku: data.sku, n: data.quantity }) },
    })
    readModel('m', {
      version: 1,
      from: [purchaseOrder],
      row,
      key: 'sku',
      ignores: ['purchaseOrder.received'],
      on: {
        // @ts-expect-error not a row
        'purchaseOrder.opened': ({ data }, rows) => rows.put({ sku: data.sku }),
      },
    })
    readModel('m', {
      version: 1,
      from: [purchaseOrder],
      row,
      // @ts-expect-error no such field
      key: 'id',
      ignores: ['purchaseOrder.received', 'purchaseOrder.opened'],
      on: {},
    })
  }))

test('a process manager sends only Commands of what it names', () =>
  compiled(() => {
    processManager('m', {
      version: 1,
      state: z.object({ open: z.boolean() }),
      from: [purchaseOrder],
      sends: [stockItem],
      ignores: ['purchaseOrder.received'],
      on: {
        'purchaseOrder.opened': {
          key: ({ data }) => data.sku,
          handle: (state, { data }, { send }) => {
            expectTypeOf(state).toEqualTypeOf<{ open: boolean } | undefined>()
            // @ts-expect-error not among `sends`
            send.order.cancel('o', {})
            // @ts-expect-error payload of another type
            send.stockItem.receive(data.sku, { quantity: 'x' })
            return { state: { open: true }, commands: [send.stockItem.receive(data.sku, { quantity: 1 })] }
          },
        },
      },
    })
  }))

test('a test expects of a process manager only Commands of what it names', () =>
  compiled(() => {
    const { then } = given(reorder).when(past(stockItem, 'a', { picked: { quantity: 1 } }))
    then(({ send, newId }) => {
      expectTypeOf(send.purchaseOrder.open).parameters.toEqualTypeOf<[string, { sku: string; quantity: number }]>()
      return [send.purchaseOrder.open(newId(), { sku: 'a', quantity: 1 })]
    })
    // @ts-expect-error not among its `sends`
    then(({ send }) => [send.stockItem.pick('a', { quantity: 1 })])
    given(stockItem)
      .when({ register: { name: 'A' } })
      // @ts-expect-error no such Event
      .then(({ newId }) => [{ opened: { name: newId() } }])
  }))

test('a named query reads what it names', () =>
  compiled(() => {
    const q = query('q', {
      reads: [stockList],
      input: z.object({ below: z.number().default(3) }),
      run: async (read, { below }) => {
        expectTypeOf(below).toEqualTypeOf<number>()
        // @ts-expect-error not among `reads`
        void read.orderList
        return (await read.stockList.where({ onHand: { below } })).map((row) => row.sku)
      },
    })
    const asked = domain('d', { aggregates: [stockItem], readModels: [stockList], queries: [q] })
    const handle = undefined as unknown as App<typeof asked>
    expectTypeOf(handle.read.q({})).resolves.toEqualTypeOf<string[]>()
  }))
