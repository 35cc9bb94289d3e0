/** Reordering: a Stock Item that falls below its reorder point gets a Purchase Order, unless one is open already. */
import { processManager } from 'outpost'
import type { CommandRequest, Reaction } from 'outpost'
import { z } from 'zod'
import { purchaseOrder } from './purchase-order.ts'
import { stockItem } from './stock-item.ts'

const Watched = z.object({
  onHand: z.number(),
  reorderPoint: z.number(),
  /** Reordered up to this level. */
  target: z.number(),
  openOrders: z.number(),
})
type Watched = z.output<typeof Watched>

const fallenTo = (item: Watched, open: (quantity: number) => CommandRequest): Reaction<Watched, never> => ({
  state: item,
  commands: item.onHand < item.reorderPoint && item.openOrders === 0 ? [open(item.target - item.onHand)] : [],
})

export const reorder = processManager('reorder', {
  version: 1,
  state: Watched,
  from: [stockItem, purchaseOrder],
  sends: [purchaseOrder],
  on: {
    'stockItem.registered': {
      key: (event) => event.aggregateId,
      handle: (_, { data: { openingStock, reorderPoint } }) => ({
        state: { onHand: openingStock, reorderPoint, target: Math.max(openingStock, 2 * reorderPoint), openOrders: 0 },
      }),
    },
    'stockItem.received': {
      key: (event) => event.aggregateId,
      handle: (item, { data }) => item && { state: { ...item, onHand: item.onHand + data.quantity } },
    },
    'stockItem.picked': {
      key: (event) => event.aggregateId,
      handle: (item, { aggregateId: sku, data }, { send, newId }) =>
        item &&
        fallenTo({ ...item, onHand: item.onHand - data.quantity }, (quantity) => send.purchaseOrder.open(newId(), { sku, quantity })),
    },
    'stockItem.counted': {
      key: (event) => event.aggregateId,
      handle: (item, { aggregateId: sku, data }, { send, newId }) =>
        item && fallenTo({ ...item, onHand: data.onHand }, (quantity) => send.purchaseOrder.open(newId(), { sku, quantity })),
    },
    'purchaseOrder.opened': {
      key: (event) => event.data.sku,
      handle: (item) => item && { state: { ...item, openOrders: item.openOrders + 1 } },
    },
    'purchaseOrder.received': {
      key: (event) => event.data.sku,
      handle: (item) => item && { state: { ...item, openOrders: item.openOrders - 1 } },
    },
    'purchaseOrder.cancelled': {
      key: (event) => event.data.sku,
      handle: (item) => item && { state: { ...item, openOrders: item.openOrders - 1 } },
    },
  },
})
