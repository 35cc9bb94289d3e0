/** given/when/then, where what is expected holds ids that the handlers make. */
import { aggregate, processManager, readModel } from 'outpost'
import { given, past } from 'outpost/testing'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { reorder, stockItem, stockList } from '../fixtures/stock.ts'

const parcel = aggregate('parcel', {
  state: z.object({ labels: z.array(z.string()) }),
  events: { packed: z.object({ label: z.string(), seal: z.string() }) },
  commands: { pack: z.object({ label: z.string() }), packTwice: z.object({}) },
  create: { packed: ({ label }) => ({ labels: [label] }) },
  evolve: { packed: (state, { label }) => ({ labels: [...state.labels, label] }) },
  decide: {
    pack: (_, { label }, { emit, newId }) => emit.packed({ label, seal: newId() }),
    packTwice: (_, __, { emit, newId }) => [newId(), newId()].map((label) => emit.packed({ label, seal: newId() })),
  },
})

/** Sends two parcels for each pick, with ids in their payloads. */
const packing = processManager('packing', {
  version: 1,
  state: z.object({ last: z.string() }),
  from: [stockItem],
  sends: [parcel],
  ignores: ['stockItem.registered', 'stockItem.received'],
  on: {
    'stockItem.picked': {
      key: (event) => event.aggregateId,
      handle: (_, __, { send, newId }) => {
        const label = newId()
        return { state: { last: label }, commands: [send.parcel.pack(newId(), { label }), send.parcel.pack('own', { label: newId() })] }
      },
    },
  },
})
const picked = past(stockItem, 'a', { picked: { quantity: 1 } })

describe('a process manager', () => {
  test('is held to Commands with the ids that its handler makes, in targets and in payloads', () => {
    given(packing)
      .when(picked)
      .then(({ send, newId }) => {
        const label = newId()
        return [send.parcel.pack(newId(), { label }), send.parcel.pack('own', { label: newId() })]
      })
    given(reorder, past(stockItem, 'a', { registered: { name: 'A' } }))
      .when(picked)
      .then(({ send, newId }) => [send.purchaseOrder.open(newId(), { sku: 'a', quantity: 20 })])
  })

  test('that makes other Commands, or its ids in another order, is told', () => {
    const { then } = given(packing).when(picked)
    expect(() =>
      then(({ send, newId }) => [send.parcel.pack(newId(), { label: newId() }), send.parcel.pack('own', { label: newId() })]),
    ).toThrow('Process manager "packing"')
    expect(() => then(() => [])).toThrow('parcel.pack')
    expect(() => then()).toThrow('parcel.pack')
  })

  test('makes other ids for another Event', () => {
    const labels = [[], [picked]].map((before) => {
      let made = ''
      given(packing, ...before)
        .when(picked)
        .then(({ send, newId }) => {
          made = newId()
          return [send.parcel.pack(newId(), { label: made }), send.parcel.pack('own', { label: newId() })]
        })
      return made
    })
    expect(labels[0]).not.toBe(labels[1])
  })
})

describe('an Aggregate', () => {
  test('is held to Events with the ids that its Command Handler makes', () => {
    given(parcel)
      .when({ packTwice: {} })
      .then(({ newId }) => [newId(), newId()].map((label) => ({ packed: { label, seal: newId() } })))
    expect(() =>
      given(parcel)
        .when({ pack: { label: 'x' } })
        .then(({ newId }) => [{ packed: { label: newId(), seal: 'x' } }]),
    ).toThrow('Command "parcel.pack"')
  })

  test('makes other ids for another Command', () => {
    const makes = (commandId: string): string => {
      let made = ''
      given(parcel)
        .when({ pack: { label: 'x' } }, { commandId })
        .then(({ newId }) => [{ packed: { label: 'x', seal: (made = newId()) } }])
      return made
    }
    expect(makes('1')).not.toBe(makes('2'))
  })
})

describe('a Read Model', () => {
  const listing = (received: (rows: { update(key: string, change: (row: Listed) => Listed): void }, sku: string) => unknown) =>
    readModel('listing', {
      version: 1,
      from: [stockItem],
      row: z.object({ sku: z.string(), onHand: z.number() }),
      key: 'sku',
      ignores: ['stockItem.picked'],
      on: {
        'stockItem.registered': ({ aggregateId }, rows) => rows.put({ sku: aggregateId, onHand: 0 }),
        'stockItem.received': ({ aggregateId }, rows) => received(rows, aggregateId),
      },
    })
  type Listed = { readonly sku: string; readonly onHand: number }
  const registered = (sku: string) => past(stockItem, sku, { registered: { name: sku } })
  const received = past(stockItem, 'a', { received: { quantity: 1 } })

  test('is held to its rows, in order of their key', () => {
    given(stockList, registered('b'), registered('a'), received, picked).then([
      { sku: 'a', name: 'a', onHand: 0 },
      { sku: 'b', name: 'b', onHand: 0 },
    ])
    expect(() => given(stockList, registered('a')).then([])).toThrow('Read Model "stockList"')
  })

  test.each<[string, string, Parameters<typeof listing>[0]]>([
    ['renames a row', 'invalid-row', (rows, sku) => rows.update(sku, (row) => ({ ...row, sku: 'other' }))],
    ['makes a row that violates its schema', 'invalid-row', (rows, sku) => rows.update(sku, (row) => ({ ...row, onHand: '1' as never }))],
    ['changes a row that is not there', 'handler-failed', (rows) => rows.update('nobody', (row) => row)],
  ])('that %s fails, as it parks in the engine', (_, code, handle) => {
    const { then } = given(listing(handle), registered('a'), received)
    expect(() => then([{ sku: 'a', onHand: 0 }])).toThrow(expect.objectContaining({ code }))
  })

  test('that is asynchronous, or changes a row in place, fails, as it parks in the engine', () => {
    const asynchronous = listing(async () => undefined)
    expect(() => given(asynchronous, registered('a'), received).then([{ sku: 'a', onHand: 0 }])).toThrow('asynchronous')
    const inPlace = listing((rows, sku) => rows.update(sku, (row) => Object.assign(row, { onHand: 1 })))
    expect(() => given(inPlace, registered('a'), received).then([{ sku: 'a', onHand: 1 }])).toThrow(TypeError)
  })
})

test('an Aggregate that changes its state, its Event or its payload in place fails, as it does in the engine', () => {
  const crate = aggregate('crate', {
    state: z.object({ items: z.array(z.string()) }),
    events: { packed: z.object({ items: z.array(z.string()) }) },
    commands: { packState: z.object({}), packPayload: z.object({ items: z.array(z.string()) }) },
    create: { packed: (data) => data },
    evolve: { packed: (state, { items }) => ({ items: [...state.items, ...items] }) },
    decide: {
      packState: (state, _payload, { emit }) => {
        state?.items.push('more')
        return emit.packed({ items: [] })
      },
      packPayload: (_state, payload, { emit }) => {
        payload.items.push('more')
        return emit.packed(payload)
      },
    },
  })
  given(crate, { packed: { items: [] } })
    .when({ packState: {} })
    .thenFails('decide-failed')
  given(crate)
    .when({ packPayload: { items: [] } })
    .thenFails('decide-failed')
})
