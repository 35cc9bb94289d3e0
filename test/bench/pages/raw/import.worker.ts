/** Imports orders by hand: one record an Event, one a row, in batches. */
import { ended, openDatabase, resultOf } from '../../../../demo/src/measure/by-hand/idb.ts'
import { Stockroom, type Totals } from './stockroom.ts'

export interface ImportAnswer {
  readonly totals: Totals
  readonly events?: number
  readonly first: readonly unknown[]
}

/** Rows that a batch touches more than once are written once: beyond this it gains nothing more. */
const ordersABatch = 1000

const answer = (message: ImportAnswer): void => (globalThis as unknown as { postMessage(message: unknown): void }).postMessage(message)

const opening = openDatabase('stockroom', (database) => {
  database.createObjectStore('events', { keyPath: ['stream', 'version'] })
  const items = database.createObjectStore('stockList', { keyPath: 'sku' })
  for (const index of ['search', 'onHand', ['level', 'onHand']]) items.createIndex(String(index), index)
  const orders = database.createObjectStore('orderList', { keyPath: 'orderId' })
  for (const index of ['position', ['status', 'position']]) orders.createIndex(String(index), index)
  const purchases = database.createObjectStore('purchaseOrderList', { keyPath: 'purchaseOrderId' })
  for (const index of [
    ['status', 'position'],
    ['sku', 'status'],
  ])
    purchases.createIndex(String(index), index)
  database.createObjectStore('ledger', { keyPath: 'key' })
  database.createObjectStore('totals')
})
const stores = ['events', 'stockList', 'orderList', 'purchaseOrderList', 'ledger', 'totals']

async function write(database: IDBDatabase, stockroom: Stockroom): Promise<void> {
  const { events, touched } = stockroom.take()
  const transaction = database.transaction(stores, 'readwrite', { durability: 'relaxed' })
  const end = ended(transaction)
  for (const event of events) transaction.objectStore('events').add(event)
  for (const [store, rows] of touched) {
    if (store === 'totals') for (const [key, row] of rows) transaction.objectStore(store).put(row, key)
    else for (const row of rows.values()) transaction.objectStore(store).put(row)
  }
  transaction.commit()
  await end
}

/** What a screen shows first. */
async function look(): Promise<Pick<ImportAnswer, 'totals' | 'first'>> {
  const transaction = (await opening).transaction(['totals', 'stockList'])
  const [totals, first] = await Promise.all([
    resultOf<Totals>(transaction.objectStore('totals').get('warehouse')),
    resultOf<unknown[]>(transaction.objectStore('stockList').getAll(null, 50)),
  ])
  return { totals, first }
}

async function run(file: Blob): Promise<ImportAnswer> {
  const database = await opening
  const packed = file.stream().pipeThrough(new DecompressionStream('gzip'))
  const lines = (await new Response(packed).text()).split('\n').filter((line) => line.trim() !== '')
  const stockroom = new Stockroom()
  for (const [index, line] of lines.entries()) {
    stockroom.order(line)
    if ((index + 1) % ordersABatch === 0) await write(database, stockroom)
  }
  await write(database, stockroom)
  return { ...(await look()), events: await resultOf(database.transaction('events').objectStore('events').count()) }
}

/** A file is imported; nothing asks for what there is. What is thrown ends up as the page's `unhandledrejection`. */
addEventListener('message', ({ data }: MessageEvent<Blob | undefined>) => void (data ? run(data) : look()).then(answer))
