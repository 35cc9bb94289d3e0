/** given/when/then, where what is expected holds ids that the handlers make. */
import { aggregate, processManager } from 'outpost'
import { given, past } from 'outpost/testing'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { reorder, stockItem } from '../fixtures/stock.ts'

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
