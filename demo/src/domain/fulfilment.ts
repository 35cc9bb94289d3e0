/** Fulfilment: turning a customer's Order into picked units. */
import { applicationService, useCase } from 'outpost'
import { z } from 'zod'
import { order, OrderLine } from './order.ts'
import { stockItem } from './stock-item.ts'

/** Units wanted of each code; a code that stands on several lines is added up. */
function unitsByCode(lines: readonly OrderLine[]): ReadonlyMap<string, number> {
  const units = new Map<string, number>()
  for (const { sku, quantity } of lines) units.set(sku, (units.get(sku) ?? 0) + quantity)
  return units
}

export const fulfilment = applicationService('fulfilment', {
  /** All lines are picked and the Order is `placed`, or nothing is picked and it is `declined` with the missing codes. */
  placeOrder: useCase({
    payload: z.object({ orderId: z.string().min(1), lines: z.array(OrderLine).min(1) }),
    refusals: { alreadyPlaced: z.object({ orderId: z.string() }) },
    loads: ({ orderId, lines }) => ({ placing: order.one(orderId), items: stockItem.many(lines.map((line) => line.sku)) }),
    decide: ({ placing, items }, { orderId, lines }, { refuse }) => {
      if (placing.state) return refuse.alreadyPlaced({ orderId })
      const wanted = unitsByCode(lines)
      const missing: string[] = []
      for (const item of items) if ((item.state?.onHand ?? 0) < (wanted.get(item.id) ?? 0)) missing.push(item.id)
      const merged = Array.from(wanted, ([sku, quantity]) => ({ sku, quantity }))
      if (missing.length > 0) return placing.emit.declined({ lines: merged, missing })
      return [
        placing.emit.placed({ lines: merged }),
        ...merged.map(({ sku, quantity }) => items.get(sku).emit.picked({ quantity, orderId })),
      ]
    },
  }),
})
