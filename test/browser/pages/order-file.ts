/** What is imported: the same orders for the same seed, some of them with equal content. For page and test. */
import { createRandom } from '../support/random.ts'

export interface Line {
  readonly code: string
  readonly quantity: number
}
/** Its lines name each code once. */
export type Order = readonly Line[]

export const openingStock = 60

export function makeOrders(seed: number, count: number): readonly Order[] {
  const random = createRandom(seed)
  const codes = Array.from({ length: Math.max(20, count / 10) }, (_, i) => `code-${i}`)
  const orders: Order[] = []
  while (orders.length < count) {
    const lines = new Map<string, number>()
    for (let n = random.int(1, 6); n > 0; n--) lines.set(random.pick(codes), random.int(1, 4))
    const order = [...lines].map(([code, quantity]) => ({ code, quantity }))
    orders.push(order)
    if (random.chance(0.05)) orders.push(order)
  }
  return orders.slice(0, count)
}

/** Follows from the content, and from which occurrence of that content it is: the same in every run of the import. */
export function orderIds(orders: readonly Order[]): readonly string[] {
  const occurrences = new Map<string, number>()
  return orders.map((order) => {
    const content = order.map(({ code, quantity }) => `${code}*${quantity}`).join(',')
    const occurrence = (occurrences.get(content) ?? 0) + 1
    occurrences.set(content, occurrence)
    return `${content}#${occurrence}`
  })
}
