/** Events of the stock fixture, as a log holds them, and its rows. */
import type { GivenEvent } from './world.ts'

export const registered = (aggregateId: string, name = aggregateId): GivenEvent => ({
  type: 'stockItem.registered',
  aggregateId,
  data: { name },
})
export const received = (aggregateId: string, quantity: number): GivenEvent => ({
  type: 'stockItem.received',
  aggregateId,
  data: { quantity },
})
export const picked = (aggregateId: string, quantity: number): GivenEvent => ({
  type: 'stockItem.picked',
  aggregateId,
  data: { quantity },
})

export interface StockRow {
  readonly sku: string
  readonly name: string
  readonly onHand: number
}
