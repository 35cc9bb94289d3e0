/** Purchase Orders, open and closed. */
import { readModel } from 'outpost'
import { z } from 'zod'
import { purchaseOrder } from './purchase-order.ts'

export const purchaseOrderList = readModel('purchaseOrderList', {
  version: 1,
  from: [purchaseOrder],
  row: z.object({
    purchaseOrderId: z.string(),
    sku: z.string(),
    quantity: z.number(),
    status: z.enum(['open', 'received', 'cancelled']),
    openedAt: z.number(),
    /** 0 while it is open. */
    closedAt: z.number(),
    position: z.number(),
  }),
  key: 'purchaseOrderId',
  indexes: [
    ['status', 'position'],
    ['sku', 'status'],
  ],
  on: {
    'purchaseOrder.opened': ({ aggregateId: purchaseOrderId, at, position, data }, rows) =>
      rows.put({ purchaseOrderId, ...data, status: 'open', openedAt: at, closedAt: 0, position }),
    'purchaseOrder.received': ({ aggregateId, at, data: { quantity } }, rows) =>
      rows.update(aggregateId, (row) => ({ ...row, quantity, status: 'received', closedAt: at })),
    'purchaseOrder.cancelled': ({ aggregateId, at }, rows) =>
      rows.update(aggregateId, (row) => ({ ...row, status: 'cancelled', closedAt: at })),
  },
})
