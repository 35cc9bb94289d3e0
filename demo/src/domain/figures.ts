/** The warehouse in figures: one row of totals. */
import { readModel } from 'outpost'
import { z } from 'zod'
import { order } from './order.ts'
import { purchaseOrder } from './purchase-order.ts'
import { stockItem } from './stock-item.ts'

const Figures = z.object({
  id: z.literal('warehouse'),
  ordersPlaced: z.number(),
  ordersDeclined: z.number(),
  unitsPicked: z.number(),
  stockItems: z.number(),
  openPurchaseOrders: z.number(),
  unitsOnHand: z.number(),
  /** Position of the last Event counted. */
  position: z.number(),
})
type Figures = z.output<typeof Figures>

const noFigures: Figures = {
  id: 'warehouse',
  ordersPlaced: 0,
  ordersDeclined: 0,
  unitsPicked: 0,
  stockItems: 0,
  openPurchaseOrders: 0,
  unitsOnHand: 0,
  position: 0,
}

type Total = Exclude<keyof Figures, 'id' | 'position'>

/** The totals with some amounts added, as of this position. */
const plus =
  (position: number, amounts: Partial<Record<Total, number>>) =>
  (row: Figures = noFigures): Figures => {
    const sum = { ...row, position }
    for (const [total, amount] of Object.entries(amounts) as [Total, number][]) sum[total] += amount
    return sum
  }

export const figures = readModel('figures', {
  version: 1,
  from: [stockItem, order, purchaseOrder],
  row: Figures,
  key: 'id',
  on: {
    'stockItem.registered': ({ position, data }, rows) =>
      rows.upsert('warehouse', plus(position, { stockItems: 1, unitsOnHand: data.openingStock })),
    'stockItem.received': ({ position, data }, rows) => rows.upsert('warehouse', plus(position, { unitsOnHand: data.quantity })),
    'stockItem.picked': ({ position, data }, rows) =>
      rows.upsert('warehouse', plus(position, { unitsPicked: data.quantity, unitsOnHand: -data.quantity })),
    'stockItem.counted': ({ position, data }, rows) => rows.upsert('warehouse', plus(position, { unitsOnHand: data.difference })),
    'order.placed': ({ position }, rows) => rows.upsert('warehouse', plus(position, { ordersPlaced: 1 })),
    'order.declined': ({ position }, rows) => rows.upsert('warehouse', plus(position, { ordersDeclined: 1 })),
    'purchaseOrder.opened': ({ position }, rows) => rows.upsert('warehouse', plus(position, { openPurchaseOrders: 1 })),
    'purchaseOrder.received': ({ position }, rows) => rows.upsert('warehouse', plus(position, { openPurchaseOrders: -1 })),
    'purchaseOrder.cancelled': ({ position }, rows) => rows.upsert('warehouse', plus(position, { openPurchaseOrders: -1 })),
  },
})
