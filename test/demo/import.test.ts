import type { App } from 'outpost/client'
import { testApp } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { stockroom } from '../../demo/src/domain/domain.ts'
import type { ImportProgress } from '../../demo/src/import/import-job.ts'
import { runImport } from '../../demo/src/import/run-import.ts'
import { independentFold } from './independent-fold.ts'
import { someOrders } from './order-file.ts'

type Book = App<typeof stockroom>

const stock = { openingStock: 60, reorderPoint: 10 }
const opened: Book[] = []
const openBook = (): Book => {
  const app = testApp(stockroom)
  opened.push(app)
  return app
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()))
})

const importText = (
  app: Book,
  text: string,
  onProgress: (progress: ImportProgress) => void = () => {},
  signal = new AbortController().signal,
) => runImport(app, new Blob([text]), { stock, signal, onProgress })

/** Figures of the book in the words of the independent fold. */
async function figuresOf(app: Book) {
  const { id: _, position: __, ...figures } = (await app.read.figures.get('warehouse')) ?? { id: '', position: 0 }
  return figures
}

const expectedOf = (text: string) => {
  const { malformedLines, onHand, ...figures } = independentFold(text, stock.openingStock, stock.reorderPoint)
  return { malformedLines, onHand, figures }
}

describe('an import', () => {
  test('of 600 orders gives what the independent fold gives, in every list', async () => {
    const file = someOrders(600)
    const { figures, onHand } = expectedOf(file)
    expect(figures.ordersDeclined).toBeGreaterThan(0)
    expect(figures.openPurchaseOrders).toBeGreaterThan(0)

    const app = openBook()
    const progress = await importText(app, file)

    expect(await figuresOf(app)).toEqual(figures)
    expect(progress).toMatchObject({ total: 600, done: 600, placed: figures.ordersPlaced, declined: figures.ordersDeclined, known: 0 })
    const items = await app.read.stockList
    expect(new Map(items.map((item) => [item.sku, item.onHand]))).toEqual(new Map(onHand))
    expect(await app.read.orderList.where({ status: 'declined' }).count()).toBe(figures.ordersDeclined)
    expect(await app.read.purchaseOrderList.where({ status: 'open' }).count()).toBe(figures.openPurchaseOrders)
    const movements = await app.read.ledger
    expect(movements.reduce((sum, movement) => sum + movement.change, 0)).toBe(figures.unitsOnHand)
  })

  test('of the same file again changes nothing', async () => {
    const file = someOrders(300)
    const app = openBook()
    const first = await importText(app, file)
    const before = await figuresOf(app)
    const second = await importText(app, file)
    expect(await figuresOf(app)).toEqual(before)
    expect(second).toMatchObject({ placed: first.placed, declined: first.declined, known: 300, position: first.position })
  })

  test('broken off and begun again ends as if it had not been', async () => {
    const file = someOrders(600)
    const app = openBook()
    const abort = new AbortController()
    const broken = await importText(app, file, (progress) => progress.done > 100 && abort.abort(), abort.signal)
    expect(broken.done).toBeLessThan(600)
    const resumed = await importText(app, file)
    expect(resumed.known).toBe(broken.done)
    expect(await figuresOf(app)).toEqual(expectedOf(file).figures)
  })

  test('reports malformed lines by their number and imports the rest', async () => {
    const file = '\ufeffa,b\r\n\r\na,,b\r\n,\r\n b , a \r\n'
    const app = openBook()
    const progress = await importText(app, file)
    expect(progress.malformedLines.map(({ line }) => line)).toEqual(expectedOf(file).malformedLines)
    expect(progress).toMatchObject({ total: 4, done: 4, placed: 2, malformed: 2 })
    expect(await figuresOf(app)).toMatchObject({ ordersPlaced: 2, unitsPicked: 4, stockItems: 2 })
  })

  test('registers the codes of a declined order too, and says what it lacked', async () => {
    const app = openBook()
    const line = [...Array.from({ length: stock.openingStock + 1 }, () => 'x'), 'y'].join(',')
    const progress = await importText(app, line)
    const [declined] = progress.declinedOrders
    expect(declined?.line).toBe(1)
    expect(await app.read.orderList.get(declined?.orderId ?? '')).toMatchObject({
      status: 'declined',
      missing: ['x'],
      units: stock.openingStock + 2,
    })
    expect(await figuresOf(app)).toMatchObject({ stockItems: 2, unitsPicked: 0, unitsOnHand: 2 * stock.openingStock })
  })

  test('takes codes that are names of things in JavaScript', async () => {
    const app = openBook()
    await importText(app, '__proto__,constructor,__proto__\n')
    expect((await app.read.stockList.get('__proto__'))?.onHand).toBe(stock.openingStock - 2)
  })

  test('of an empty file does nothing', async () => {
    const app = openBook()
    expect(await importText(app, '')).toMatchObject({ total: 0, done: 0 })
    expect(await app.read.figures.get('warehouse')).toBeUndefined()
  })
})

describe('use cases', () => {
  const registered = async (app: Book, ...skus: string[]): Promise<void> => {
    for (const sku of skus) await app.commands.stockItem.register(sku, { name: sku, openingStock: 5, reorderPoint: 3 })
  }

  test('an order is picked whole, with one Event a code', async () => {
    const app = openBook()
    await registered(app, 'a', 'b')
    const outcome = await app.commands.fulfilment.placeOrder({
      orderId: 'o-1',
      lines: [
        { sku: 'a', quantity: 1 },
        { sku: 'b', quantity: 1 },
        { sku: 'a', quantity: 1 },
      ],
    })
    expect(outcome).toMatchObject({
      ok: true,
      events: [{ type: 'order.placed' }, { type: 'stockItem.picked', aggregateId: 'a' }, { type: 'stockItem.picked', aggregateId: 'b' }],
    })
    expect((await app.aggregates.stockItem.load('a')).state?.onHand).toBe(3)
  })

  test('an order that cannot be picked whole is declined, and nothing of it is picked', async () => {
    const app = openBook()
    await registered(app, 'a')
    const outcome = await app.commands.fulfilment.placeOrder({
      orderId: 'o-1',
      lines: [
        { sku: 'a', quantity: 1 },
        { sku: 'unknown', quantity: 1 },
      ],
    })
    expect(outcome).toMatchObject({ ok: true, events: [{ type: 'order.declined' }] })
    expect((await app.aggregates.order.load('o-1')).state).toMatchObject({ status: 'declined', missing: ['unknown'] })
    expect((await app.aggregates.stockItem.load('a')).version).toBe(1)
  })

  test('an order is not placed twice under one id', async () => {
    const app = openBook()
    await registered(app, 'a')
    const payload = { orderId: 'o-1', lines: [{ sku: 'a', quantity: 1 }] }
    await app.commands.fulfilment.placeOrder(payload)
    expect(await app.commands.fulfilment.placeOrder(payload)).toMatchObject({ ok: false, refusal: 'alreadyPlaced' })
  })

  test('a fall below the reorder point opens one Purchase Order, which is received into stock once', async () => {
    const app = openBook()
    await registered(app, 'a')
    await app.commands.stockItem.pick('a', { quantity: 3 })
    await app.commands.stockItem.pick('a', { quantity: 1 })
    const open = await app.read.purchaseOrderList.where({ sku: 'a', status: 'open' })
    expect(open).toMatchObject([{ quantity: 4 }])
    const { purchaseOrderId } = open[0] as { purchaseOrderId: string }
    expect(await app.read.shortages({ limit: 5 })).toEqual([{ sku: 'a', name: 'a', onHand: 1, reorderPoint: 3, onOrder: true }])

    const delivery = { purchaseOrderId, sku: 'a', quantity: 6 }
    expect(await app.commands.purchasing.receive({ ...delivery, sku: 'b' })).toMatchObject({ ok: false, refusal: 'wrongItem' })
    expect(await app.commands.purchasing.receive(delivery)).toMatchObject({ ok: true })
    expect(await app.commands.purchasing.receive(delivery)).toMatchObject({ ok: false, refusal: 'notOpen' })
    expect((await app.read.stockList.get('a'))?.onHand).toBe(7)

    await app.commands.stockItem.count('a', { onHand: 0 })
    expect(await app.read.purchaseOrderList.where({ sku: 'a', status: 'open' }).count()).toBe(1)
  })
})
