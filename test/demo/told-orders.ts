/** What one device alone tells of each order of its file, folded in the plainest way, without any code of the package. */
import { orderIds } from '../../demo/src/import/order-ids.ts'
import { parseOrder } from '../../demo/src/import/parse-order.ts'

/** Codes of which there was not enough; none where the order is placed. */
export type Verdicts = ReadonlyMap<string, readonly string[]>

/** @param lines of one device's file, none of them malformed @returns by the order's id */
export async function toldOrders(lines: readonly string[], batch: string, openingStock: number): Promise<Verdicts> {
  const orders = lines.map((line) => {
    const parsed = parseOrder(line)
    if (parsed.kind !== 'order') throw new Error(`“${line}” is no order.`)
    return parsed
  })
  const ids = await orderIds(batch)(orders.map(({ content }) => content))
  const onHand = new Map<string, number>()
  const verdicts = new Map<string, readonly string[]>()
  for (const [i, { lines: wanted }] of orders.entries()) {
    const has = (sku: string): number => onHand.get(sku) ?? openingStock
    const missing = wanted.filter(({ sku, quantity }) => has(sku) < quantity).map(({ sku }) => sku)
    verdicts.set(ids[i] as string, missing)
    if (missing.length === 0) for (const { sku, quantity } of wanted) onHand.set(sku, has(sku) - quantity)
  }
  return verdicts
}
