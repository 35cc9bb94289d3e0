/**
 * What the log of the stock book must come to, folded from its Events by code that shares nothing with the domain: states,
 * rows, and every rule that was broken on the way.
 */
import type { RecordedEvent } from '../../../src/domain/recorded-event.ts'

export interface StockFold {
  /** In words; empty where all rules hold. */
  readonly broken: readonly string[]
  /** Aggregate → id → what `load` must answer. */
  readonly states: Readonly<Record<string, ReadonlyMap<string, { readonly version: number; readonly state: object }>>>
  /** Read Model → rows in order of their key. */
  readonly rows: Readonly<Record<string, readonly object[]>>
  /** Position of the last Event. */
  readonly position: number
}

/** Below it a purchase order is opened, once for each item. */
const reorderPoint = 5
const reordered = 20

export function foldStock(events: readonly RecordedEvent[]): StockFold {
  const broken: string[] = []
  const ids = new Set<string>()
  const versions = new Map<string, number>()
  const items = new Map<string, { name: string; onHand: number; ordered: boolean }>()
  const orders = new Map<string, { status: string; lines: Readonly<Record<string, number>>; shown: string }>()
  const purchases = new Map<string, { sku: string; quantity: number; open: boolean }>()
  const movements: { id: string; sku: string; change: number; position: number }[] = []
  /** Picked below the reorder point: cause → item. The purchase order must follow in the same commit. */
  const due = new Map<string, string>()
  /** Of the Command in hand: what its order said, and what was picked. */
  let wanted: { commandId: string; lines: Readonly<Record<string, number>>; picked: Record<string, number> } | undefined
  let root = ''

  const expectThat = (holds: boolean, what: string): void => void (holds || broken.push(what))
  const endRoot = (next: string): void => {
    for (const [cause, sku] of due) expectThat(false, `no purchase order for ${sku} after ${cause}`)
    due.clear()
    if (wanted)
      expectThat(
        sameLines(wanted.lines, wanted.picked),
        `${wanted.commandId}: ordered ${JSON.stringify(wanted.lines)}, picked ${JSON.stringify(wanted.picked)}`,
      )
    wanted = undefined
    root = next
  }

  events.forEach((event, index) => {
    const { id, type, aggregateId, position, version, commandId, correlationId, causationId } = event
    const data = event.data as Readonly<{
      name: string
      quantity: number
      sku: string
      lines: Readonly<Record<string, number>>
      missing: readonly string[]
    }>
    if (correlationId !== root) endRoot(correlationId)
    expectThat(position === index + 1, `position ${position} at place ${index + 1}`)
    expectThat(!ids.has(id), `Event ${id} twice`)
    ids.add(id)
    const stream = `${type.slice(0, type.indexOf('.'))}/${aggregateId}`
    expectThat(version === (versions.get(stream) ?? 0) + 1, `${stream}: version ${version} after ${versions.get(stream) ?? 0}`)
    versions.set(stream, version)

    const item = items.get(aggregateId)
    switch (type) {
      case 'stockItem.registered':
        items.set(aggregateId, { name: data.name, onHand: 0, ordered: false })
        break
      case 'stockItem.received':
      case 'stockItem.picked': {
        const change = type === 'stockItem.picked' ? -data.quantity : data.quantity
        movements.push({ id, sku: aggregateId, change, position })
        if (!item) return expectThat(false, `${type} of ${aggregateId}, which is not registered`)
        item.onHand += change
        expectThat(item.onHand >= 0, `${aggregateId} at ${item.onHand}`)
        if (change < 0 && item.onHand < reorderPoint && !item.ordered) {
          item.ordered = true
          due.set(id, aggregateId)
        }
        if (change < 0 && wanted?.commandId === commandId) wanted.picked[aggregateId] = (wanted.picked[aggregateId] ?? 0) - change
        break
      }
      case 'order.placed':
        orders.set(aggregateId, { status: 'placed', lines: data.lines, shown: 'placed' })
        wanted = { commandId, lines: data.lines, picked: {} }
        break
      case 'order.declined':
        orders.set(aggregateId, { status: 'declined', lines: data.lines, shown: 'declined' })
        expectThat(
          sameList(
            data.missing,
            Object.keys(data.lines).filter((sku) => (items.get(sku)?.onHand ?? 0) < (data.lines[sku] ?? 0)),
          ),
          `${aggregateId} was declined for ${data.missing.join(', ')}`,
        )
        break
      case 'purchaseOrder.opened':
        expectThat(
          due.get(causationId ?? '') === data.sku && data.quantity === reordered,
          `purchase order ${aggregateId} for ${data.sku} without cause`,
        )
        due.delete(causationId ?? '')
        purchases.set(aggregateId, { sku: data.sku, quantity: data.quantity, open: true })
        break
      default:
        expectThat(false, `an Event ${type} that nobody caused`)
    }
  })
  endRoot('')

  const of = <T>(aggregate: string, map: ReadonlyMap<string, T>, stateOf: (entry: T) => object) =>
    new Map([...map].map(([id, entry]) => [id, { version: versions.get(`${aggregate}/${id}`) ?? 0, state: stateOf(entry) }]))
  const byKey = <T extends object>(key: keyof T, rows: readonly T[]): readonly T[] => [...rows].sort((a, b) => (a[key] < b[key] ? -1 : 1))
  return {
    broken,
    position: events.length,
    states: {
      stockItem: of('stockItem', items, ({ name, onHand }) => ({ name, onHand })),
      order: of('order', orders, ({ status, lines }) => ({ status, lines })),
      purchaseOrder: of('purchaseOrder', purchases, (state) => state),
    },
    rows: {
      stockList: byKey(
        'sku',
        [...items].map(([sku, { name, onHand }]) => ({ sku, name, onHand })),
      ),
      movements: byKey('id', movements),
      orderList: byKey(
        'orderId',
        [...orders].map(([orderId, { shown, lines }]) => ({
          orderId,
          status: shown,
          units: shown === 'placed' ? sumOf(Object.values(lines)) : 0,
        })),
      ),
      purchaseOrderList: byKey(
        'id',
        [...purchases].map(([id, { sku }]) => ({ id, sku, status: 'open' })),
      ),
    },
  }
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0)
const sameList = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((each, i) => each === b[i])
const sameLines = (a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([sku, quantity]) => b[sku] === quantity)
