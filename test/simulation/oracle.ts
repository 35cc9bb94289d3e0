/**
 * What the hall's Events come to, told by hand: it shares no code with the domain's own folds. And what a device shows while its
 * log grows, told from the records alone.
 */
import { canonical } from '../../src/internal/canonical.ts'
import type { LogRecord } from '../../src/storage/record.ts'

interface Told {
  readonly id: string
  readonly type: string
  readonly aggregateId: string
  readonly data: unknown
}
type Rows = Map<string, object>

const models = ['stockList', 'moves', 'orderList', 'purchaseOrderList'] as const
export type Model = (typeof models)[number]
export const modelNames: readonly Model[] = models

export class Oracle {
  readonly rows: Readonly<Record<Model, Rows>> = {
    stockList: new Map(),
    moves: new Map(),
    orderList: new Map(),
    purchaseOrderList: new Map(),
  }
  /** What must not be, at the Event after which it was. */
  readonly broken: string[] = []

  apply({ id, type, aggregateId: key, data }: Told): void {
    const { stockList, moves, orderList, purchaseOrderList } = this.rows
    const given = data as { name: string; quantity: number; sku: string; lines: Record<string, number> }
    const move = (change: number): void => {
      const item = stockList.get(key) as { onHand: number } | undefined
      if (!item) return this.#break(id, `${key} moves, but was never registered`)
      if (item.onHand + change < 0) this.#break(id, `${key} is at ${item.onHand + change}`)
      stockList.set(key, { ...item, onHand: item.onHand + change })
      moves.set(id, { id, sku: key, change })
    }
    switch (type) {
      case 'stockItem.registered':
        if (stockList.has(key)) this.#break(id, `${key} is registered twice`)
        stockList.set(key, { sku: key, name: given.name, onHand: 0 })
        return
      case 'stockItem.received':
        return move(given.quantity)
      case 'stockItem.picked':
        return move(-given.quantity)
      case 'order.placed':
      case 'order.declined': {
        if (orderList.has(key)) this.#break(id, `order ${key} is placed twice`)
        const isPlaced = type === 'order.placed'
        const units = isPlaced ? Object.values(given.lines).reduce((sum, each) => sum + each, 0) : 0
        orderList.set(key, { orderId: key, status: isPlaced ? 'placed' : 'declined', units })
        return
      }
      case 'order.cancelled': {
        const found = orderList.get(key) as { status: string } | undefined
        if (found?.status !== 'placed') this.#break(id, `order ${key} is cancelled, and was ${found?.status}`)
        orderList.set(key, { ...found, status: 'cancelled' })
        return
      }
      case 'purchaseOrder.opened':
        for (const row of purchaseOrderList.values())
          if ((row as { sku: string }).sku === given.sku) this.#break(id, `${given.sku} is ordered a second time`)
        purchaseOrderList.set(key, { id: key, sku: given.sku, status: 'open' })
    }
  }

  text(model: Model): string {
    return textOf([...this.rows[model].values()])
  }

  #break(id: string, how: string): void {
    this.broken.push(`${id}: ${how}`)
  }
}

export const textOf = (rows: readonly object[]): string =>
  rows
    .map((row) => canonical(row))
    .sort()
    .join('\n')

/** All Events of these records, in order. */
export const eventsOf = (records: readonly LogRecord[]): Told[] =>
  records.flatMap(({ commands, events }) =>
    events.map(({ type, aggregateId, data, command, ordinal }) => ({ id: `${commands[command]?.id}.${ordinal}`, type, aggregateId, data })),
  )

/** What counts in a device's log: what is confirmed, and what of its own waits. */
export class Counting {
  readonly confirmed: Told[] = []
  /** By pending root. */
  #pending: Told[][] = []
  #sequence = 0
  isJoined = false

  add(record: LogRecord): void {
    const { sync, commands, events } = record
    const own = eventsOf([record])
    const confirm = (count: number): void => void this.confirmed.push(...this.#pending.splice(0, count).flat())
    if (!sync) {
      const groups = new Map<number, Told[]>()
      commands.forEach((command, index) => {
        if (command.root === undefined && (command.outcome.ok || command.again)) groups.set(index, [])
      })
      events.forEach(({ command }, i) => groups.get(commands[command]?.root ?? command)?.push(own[i] as Told))
      this.#pending.push(...groups.values())
      return
    }
    switch (sync.step) {
      case 'joined':
        this.isJoined = true
        this.#sequence = sync.cursor.sequence
        return
      case 'confirmed':
        confirm(sync.cursor.sequence - this.#sequence)
        this.#sequence = sync.cursor.sequence
        return
      case 'pulled':
        if (sync.voids) this.#pending = []
        this.#sequence = sync.cursor.sequence
        this.confirmed.push(...own)
        return
      case 'withdrawn':
        this.#pending = []
        return
      case 'noted': // the device's own remarks, which no Read Model of the hall takes
    }
  }

  get pending(): readonly Told[] {
    return this.#pending.flat()
  }
  get events(): readonly Told[] {
    return [...this.confirmed, ...this.pending]
  }
}

export interface States {
  readonly states: readonly string[]
  /** As of what is confirmed alone, record by record. */
  readonly confirmed: readonly string[]
}

/** What a Read Model may show, in order: as of the empty log, and after each transaction. */
export function statesOf(transactions: readonly (readonly LogRecord[])[]): ReadonlyMap<Model, States> {
  const counting = new Counting()
  const states = new Map(models.map((model) => [model, { states: [''], confirmed: [''] }]))
  const take = (of: keyof States): void => {
    const oracle = new Oracle()
    for (const event of of === 'states' ? counting.events : counting.confirmed) oracle.apply(event)
    for (const model of models) {
      const text = oracle.text(model)
      const list = states.get(model)?.[of]
      if (list?.at(-1) !== text) list?.push(text)
    }
  }
  for (const records of transactions) {
    for (const record of records) {
      counting.add(record)
      take('confirmed')
      if (!counting.isJoined) take('states')
    }
    take('states')
  }
  return states
}
