/**
 * What the import of orders comes to, by hand and for this one purpose: no Commands, no rules that could be exchanged, no
 * idempotency. The same Events are made and the same rows are filled as in the demo's import.
 */

export interface StockEvent {
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly type: string
  readonly data: object
  readonly at: number
}

export type Row = Readonly<Record<string, unknown>>

/** Rows by store and key, as they are after a batch. */
export type Touched = ReadonlyMap<string, ReadonlyMap<string, Row>>

export interface Totals {
  readonly ordersPlaced: number
  readonly ordersDeclined: number
  readonly unitsPicked: number
  readonly stockItems: number
  readonly openPurchaseOrders: number
  readonly unitsOnHand: number
}

interface Item {
  readonly sku: string
  onHand: number
  version: number
  isOrdered: boolean
}

const openingStock = 500
const reorderPoint = 50
const levelOf = (onHand: number): string => (onHand === 0 ? 'empty' : onHand < reorderPoint ? 'low' : 'enough')

export class Stockroom {
  readonly #items = new Map<string, Item>()
  readonly #totals = { ordersPlaced: 0, ordersDeclined: 0, unitsPicked: 0, stockItems: 0, openPurchaseOrders: 0, unitsOnHand: 0 }
  #events: StockEvent[] = []
  #touched = new Map<string, Map<string, Row>>()
  #position = 0

  get totals(): Totals {
    return { ...this.#totals }
  }

  /** What has come up since the last call. */
  take(): { readonly events: readonly StockEvent[]; readonly touched: Touched } {
    const { ordersPlaced: placed, ordersDeclined: declined, unitsPicked: picked } = this.#totals
    this.#touch('totals', 'warehouse', { ...this.#totals, position: this.#position })
    this.#touch('totals', 'activity', { quarter: Date.now(), placed, declined, picked, received: 0 })
    const taken = { events: this.#events, touched: this.#touched }
    this.#events = []
    this.#touched = new Map()
    return taken
  }

  /** Takes one line of the file. */
  order(line: string): void {
    const units = new Map<string, number>()
    for (const code of line.split(',').map((part) => part.trim())) units.set(code, (units.get(code) ?? 0) + 1)
    const wanted = Array.from(units, ([sku, quantity]) => ({ item: this.#items.get(sku) ?? this.#register(sku), quantity }))
    const lines = wanted.map(({ item: { sku }, quantity }) => ({ sku, quantity }))
    const missing = wanted.filter(({ item, quantity }) => item.onHand < quantity).map(({ item }) => item.sku)
    const isPlaced = missing.length === 0
    // Of no order, as the demo's are, which follow from the content.
    const orderId = crypto.randomUUID().slice(0, 16)
    const status = isPlaced ? 'placed' : 'declined'
    const { at, position } = this.#record(orderId, 1, status, isPlaced ? { lines } : { lines, missing })
    const codes = lines.length
    const sum = lines.reduce((total, { quantity }) => total + quantity, 0)
    this.#touch('orderList', orderId, { orderId, status, units: sum, codes, missing, at, position })
    this.#totals[isPlaced ? 'ordersPlaced' : 'ordersDeclined']++
    if (isPlaced) for (const { item, quantity } of wanted) this.#pick(item, quantity, orderId)
  }

  #register(sku: string): Item {
    const item: Item = { sku, onHand: openingStock, version: 0, isOrdered: false }
    this.#items.set(sku, item)
    this.#totals.stockItems++
    this.#totals.unitsOnHand += openingStock
    this.#move(item, 'registered', openingStock, '', { name: sku, openingStock, reorderPoint })
    return item
  }

  #pick(item: Item, quantity: number, orderId: string): void {
    item.onHand -= quantity
    this.#totals.unitsPicked += quantity
    this.#totals.unitsOnHand -= quantity
    this.#move(item, 'picked', -quantity, orderId, { quantity, orderId })
    if (item.onHand >= reorderPoint || item.isOrdered) return
    item.isOrdered = true
    this.#totals.openPurchaseOrders++
    const wanted = openingStock - item.onHand
    const purchaseOrderId = `purchase-${item.sku}`
    const { at, position } = this.#record(purchaseOrderId, 1, 'opened', { sku: item.sku, quantity: wanted })
    const row = { purchaseOrderId, sku: item.sku, quantity: wanted, status: 'open', openedAt: at, closedAt: 0, position }
    this.#touch('purchaseOrderList', purchaseOrderId, row)
  }

  #move(item: Item, kind: string, change: number, reference: string, data: object): void {
    const { sku, onHand } = item
    const { at, version } = this.#record(sku, ++item.version, kind, data)
    const key = `${sku},${String(version).padStart(9, '0')}`
    this.#touch('ledger', key, { key, version, kind, change, at, reference })
    const row = { sku, name: sku, search: sku.toLowerCase(), onHand, reorderPoint, level: levelOf(onHand), version, changedAt: at }
    this.#touch('stockList', sku, row)
  }

  #record(stream: string, version: number, type: string, data: object): StockEvent {
    const event = { stream, version, position: ++this.#position, type, data, at: Date.now() }
    this.#events.push(event)
    return event
  }

  #touch(store: string, key: string, row: Row): void {
    const rows = this.#touched.get(store)
    if (rows) rows.set(key, row)
    else this.#touched.set(store, new Map([[key, row]]))
  }
}
