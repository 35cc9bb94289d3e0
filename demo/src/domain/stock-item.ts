/** A Stock Item: one article of the warehouse under its stock code, and how many of it are on hand. */
import { aggregate } from 'outpost'
import { z } from 'zod'

const Units = z.number().int().positive()
const Level = z.number().int().nonnegative()

/** Codes are any text without a comma: orders arrive as comma-separated codes. */
const isCode = (text: string): boolean => text !== '' && text === text.trim() && !text.includes(',')

export const stockItem = aggregate('stockItem', {
  state: z.object({ name: z.string(), onHand: z.number().int(), reorderPoint: Level }),
  events: {
    registered: z.object({ name: z.string(), openingStock: Level, reorderPoint: Level }),
    received: z.object({ quantity: Units, purchaseOrderId: z.string().optional() }),
    picked: z.object({ quantity: Units, orderId: z.string().optional() }),
    /** A stocktake: what was found, and by how much the book was wrong. */
    counted: z.object({ onHand: Level, difference: z.number().int() }),
  },
  commands: {
    register: z.object({ name: z.string().trim().min(1), openingStock: Level, reorderPoint: Level }),
    receive: z.object({ quantity: Units }),
    pick: z.object({ quantity: Units }),
    count: z.object({ onHand: Level }),
  },
  refusals: {
    unknownItem: z.object({}),
    outOfStock: z.object({ onHand: z.number() }),
    invalidCode: z.object({ code: z.string() }),
  },
  create: { registered: ({ name, openingStock, reorderPoint }) => ({ name, onHand: openingStock, reorderPoint }) },
  evolve: {
    received: (item, { quantity }) => ({ ...item, onHand: item.onHand + quantity }),
    picked: (item, { quantity }) => ({ ...item, onHand: item.onHand - quantity }),
    counted: (item, { onHand }) => ({ ...item, onHand }),
  },
  decide: {
    register: (item, payload, { aggregateId, emit, refuse }) => {
      if (!isCode(aggregateId)) return refuse.invalidCode({ code: aggregateId })
      return item ? [] : emit.registered(payload)
    },
    receive: (item, payload, { emit, refuse }) => (item ? emit.received(payload) : refuse.unknownItem({})),
    pick: (item, payload, { emit, refuse }) => {
      if (!item) return refuse.unknownItem({})
      return item.onHand < payload.quantity ? refuse.outOfStock({ onHand: item.onHand }) : emit.picked(payload)
    },
    count: (item, { onHand }, { emit, refuse }) =>
      item ? emit.counted({ onHand, difference: onHand - item.onHand }) : refuse.unknownItem({}),
  },
  invariants: { neverNegative: (item) => item.onHand >= 0 },
})
