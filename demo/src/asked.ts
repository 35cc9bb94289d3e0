/** What a Command asked for and what came of it, in the words of the stock book. */
import { count, formatOrderId } from './format.ts'
import { refusalText } from './refusals.ts'

/** As the inbox keeps one. Another build may have given it, so its payload may be anything. */
export interface Asked {
  readonly type: string
  readonly aggregateId: string
  readonly payload: unknown
}

export interface CameTo {
  readonly ok: boolean
  readonly refusal?: string
  readonly details?: unknown
  readonly events: readonly { readonly type: string; readonly aggregateId: string; readonly data: unknown }[]
}

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})
const units = (value: unknown): string => count(Number(value), 'unit')
const codes = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : '')

const asks: Readonly<Record<string, (id: string, payload: Fields) => string>> = {
  'stockItem.register': (id) => `Register ${id}`,
  'stockItem.receive': (id, { quantity }) => `Receive ${units(quantity)} of ${id}`,
  'stockItem.pick': (id, { quantity }) => `Pick ${units(quantity)} of ${id}`,
  'stockItem.count': (id, { onHand }) => `Set ${id} to ${units(onHand)}`,
  'purchaseOrder.open': (_, { sku, quantity }) => `Order ${units(quantity)} of ${String(sku)}`,
  'purchaseOrder.cancel': () => 'Cancel a Purchase Order',
  'purchasing.receive': (_, { sku, quantity }) => `Receive ${units(quantity)} of ${String(sku)} that were on order`,
  'fulfilment.placeOrder': (_, { orderId }) => `Place order ${formatOrderId(String(orderId))}`,
}

export const askedText = ({ type, aggregateId, payload }: Asked): string => asks[type]?.(aggregateId, fieldsOf(payload)) ?? type

const facts: Readonly<Record<string, (id: string, data: Fields) => string>> = {
  'stockItem.registered': (id, { openingStock }) => `${id} is in the book, with ${units(openingStock)}`,
  'stockItem.received': (id, { quantity }) => `${units(quantity)} of ${id} received`,
  'stockItem.picked': (id, { quantity }) => `${units(quantity)} of ${id} picked`,
  'stockItem.counted': (id, { onHand }) => `the book says ${units(onHand)} of ${id}`,
  'purchaseOrder.opened': (_, { sku, quantity }) => `${units(quantity)} of ${String(sku)} on order`,
  'purchaseOrder.received': () => 'the Purchase Order is closed',
  'purchaseOrder.cancelled': () => 'the Purchase Order is cancelled',
  'order.placed': () => 'the order is placed',
  'order.declined': (_, { missing }) => `the order is declined: not enough of ${codes(missing)}`,
}

/** Of an order with many codes these say enough. */
const told = 3

export function cameToText({ ok, refusal = '', details, events }: CameTo): string {
  if (!ok) return refusalText({ refusal, details })
  if (events.length === 0) return 'Nothing had to be done.'
  const sentences = events.slice(0, told).map(({ type, aggregateId, data }) => facts[type]?.(aggregateId, fieldsOf(data)) ?? type)
  const rest = events.length - sentences.length
  const text = `${sentences.join('; ')}${rest > 0 ? `, and ${count(rest, 'more thing')}` : ''}.`
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The number in the payload that a person may want to change before asking again. */
export function quantityIn({ payload }: Asked): { readonly field: 'quantity' | 'onHand'; readonly value: number } | undefined {
  const { quantity, onHand } = fieldsOf(payload)
  if (typeof quantity === 'number') return { field: 'quantity', value: quantity }
  return typeof onHand === 'number' ? { field: 'onHand', value: onHand } : undefined
}

export const withQuantity = ({ payload }: Asked, field: 'quantity' | 'onHand', value: number): unknown => ({
  ...fieldsOf(payload),
  [field]: value,
})
