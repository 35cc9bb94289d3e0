/** What runs short: the items below their reorder point, the emptiest first, and whether more is on its way. */
import { query } from 'outpost'
import { z } from 'zod'
import { purchaseOrderList } from './purchase-order-list.ts'
import { stockList } from './stock-list.ts'

export const shortages = query('shortages', {
  reads: [stockList, purchaseOrderList],
  input: z.object({ limit: z.number().int().positive() }),
  run: async (read, { limit }) => {
    const short = await read.stockList
      .where({ level: { anyOf: ['empty', 'low'] } })
      .orderBy('onHand')
      .limit(limit)
    const skus = short.map((item) => item.sku)
    const open = await read.purchaseOrderList.where({ sku: { anyOf: skus }, status: 'open' })
    const ordered = new Set(open.map((row) => row.sku))
    return short.map(({ sku, name, onHand, reorderPoint }) => ({ sku, name, onHand, reorderPoint, onOrder: ordered.has(sku) }))
  },
})
