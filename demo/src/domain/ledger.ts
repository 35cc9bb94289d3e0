/** The ledger: every movement of every Stock Item. */
import { readModel } from 'outpost'
import { z } from 'zod'
import { ledgerKey } from './ledger-key.ts'
import { stockItem } from './stock-item.ts'

export const ledger = readModel('ledger', {
  version: 1,
  from: [stockItem],
  row: z.object({
    key: z.string(),
    version: z.number(),
    kind: z.enum(['registered', 'received', 'picked', 'counted']),
    change: z.number(),
    at: z.number(),
    /** The Order or Purchase Order behind it; empty where it was done by hand. */
    reference: z.string(),
  }),
  key: 'key',
  on: {
    'stockItem.registered': ({ aggregateId, version, at, data }, rows) =>
      rows.put({ key: ledgerKey(aggregateId, version), version, kind: 'registered', change: data.openingStock, at, reference: '' }),
    'stockItem.received': ({ aggregateId, version, at, data: { quantity, purchaseOrderId = '' } }, rows) =>
      rows.put({ key: ledgerKey(aggregateId, version), version, kind: 'received', change: quantity, at, reference: purchaseOrderId }),
    'stockItem.picked': ({ aggregateId, version, at, data: { quantity, orderId = '' } }, rows) =>
      rows.put({ key: ledgerKey(aggregateId, version), version, kind: 'picked', change: -quantity, at, reference: orderId }),
    'stockItem.counted': ({ aggregateId, version, at, data: { difference } }, rows) =>
      rows.put({ key: ledgerKey(aggregateId, version), version, kind: 'counted', change: difference, at, reference: '' }),
  },
})
