/** Purchasing: what comes in from suppliers. */
import { applicationService, useCase } from 'outpost'
import { z } from 'zod'
import { purchaseOrder } from './purchase-order.ts'
import { stockItem } from './stock-item.ts'

export const purchasing = applicationService('purchasing', {
  /** Closes the Purchase Order and books what really came into stock, in one commit. */
  receive: useCase({
    payload: z.object({ purchaseOrderId: z.string(), sku: z.string(), quantity: z.number().int().positive() }),
    refusals: { notOpen: z.object({}), wrongItem: z.object({ ordered: z.string() }), unknownItem: z.object({}) },
    loads: ({ purchaseOrderId, sku }) => ({ ordered: purchaseOrder.one(purchaseOrderId), item: stockItem.one(sku) }),
    decide: ({ ordered, item }, { purchaseOrderId, sku, quantity }, { refuse }) => {
      if (ordered.state?.status !== 'open') return refuse.notOpen({})
      if (ordered.state.sku !== sku) return refuse.wrongItem({ ordered: ordered.state.sku })
      if (!item.state) return refuse.unknownItem({})
      return [ordered.emit.received({ sku, quantity }), item.emit.received({ quantity, purchaseOrderId })]
    },
  }),
})
