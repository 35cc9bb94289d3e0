/** A browser that gives no more space: what cannot be written fails whole, what was written is read, and it goes on afterwards. */
import type { BrowserContext, CDPSession } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { StockPage } from './pages/stock.ts'
import { launchChromium } from './support/chromium.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'
import { expectShown, type ReadLog, readLog } from './support/stock-log.ts'

let served: Served
beforeAll(async () => {
  served = await buildAndServe({ entry: new URL('./pages/stock.ts', import.meta.url) })
})
afterAll(() => served.close())

let context: BrowserContext
let page: Remote<StockPage>
let devtools: CDPSession
const limit = (quotaSize: number) => devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(served.url).origin, quotaSize })
beforeEach(async () => {
  context = await launchChromium()
  page = await openRemote<StockPage>(context, served.url)
  // Before IndexedDB is used for the first time: later, space that is reserved already would hide the limit.
  devtools = await context.newCDPSession(page.page)
  await limit(2_000_000)
  await page.call('connect', { space: 'hall-7', actor: 'ann' })
})
afterEach(() => context.close())

async function openTab(): Promise<Remote<StockPage>> {
  const tab = await openRemote<StockPage>(context, served.url)
  await tab.call('connect', { space: 'hall-7', actor: 'ann' })
  return tab
}
const ordersIn = ({ records }: ReadLog) =>
  records.flatMap(({ commands }) => commands.filter(({ type }) => type === 'fulfilment.placeOrder').map(({ id }) => id))

test('a Command without space fails with storage-full and leaves nothing; reading goes on, and writing as soon as there is space', async () => {
  const { acknowledged, failed, answer } = await page.call('fill', 'fill', 65_536, 200)
  expect(answer).toMatchObject({ fault: 'storage-full' })
  expect(acknowledged.length).toBeGreaterThan(3)

  const log = await readLog(page)
  expect(log.records.flatMap(({ commands }) => commands.map(({ id }) => id))).toEqual(acknowledged)
  expect(log.events.map(({ commandId }) => commandId)).toEqual(acknowledged)
  await expectShown(page, log)

  // A tab that opens now reads as well, and the same.
  const other = await openTab()
  expect((await readLog(other)).records).toEqual(log.records)
  await expectShown(other, log)
  await other.page.close()

  await limit(1_000_000_000)
  expect(await page.call('give', failed)).toMatchObject({ ok: true, commandId: failed.commandId })
  expect(await page.call('give', failed)).toMatchObject({ ok: true, commandId: failed.commandId })
  const after = await readLog(page)
  expect(after.events.map(({ commandId }) => commandId)).toEqual([...acknowledged, failed.commandId])
  await expectShown(page, after)
})

test('a commit that needs several records and more space than there is leaves none of them', async () => {
  // Two of these orders fill a record.
  const skus = Array.from({ length: 100 }, (_, i) => `item-${i}`)
  const stocked = await page.call(
    'batch',
    skus.flatMap((sku) => [
      { type: 'stockItem.register', aggregateId: sku, payload: { name: 'n' } },
      { type: 'stockItem.receive', aggregateId: sku, payload: { quantity: 100 } },
    ]),
  )
  expect(stocked.filter((answer) => !('ok' in answer && answer.ok))).toEqual([])
  const before = await readLog(page)
  const orders = await page.call('orderAtOnce', 'order', skus, 64, 40_960)
  expect(new Set(orders.map(({ fault }) => fault))).toContain('storage-full')
  const done = orders.filter(({ fault }) => fault === undefined).map(({ id }) => id)
  expect(ordersIn(await readLog(page))).toEqual(done)
  // What is on disk is seen by who opens it now.
  const other = await openTab()
  const log = await readLog(other)
  expect(ordersIn(log)).toEqual(done)
  expect(log.records.slice(0, before.records.length)).toEqual(before.records)
  await expectShown(other, log)
  await other.page.close()

  await limit(1_000_000_000)
  const again = await page.call('orderAtOnce', 'order', skus, 64, 40_960)
  expect(new Set(again.map(({ fault }) => fault))).toEqual(new Set([undefined]))
  const after = await readLog(page)
  expect(new Set(ordersIn(after))).toEqual(new Set(orders.map(({ id }) => id)))
  expect(ordersIn(after)).toHaveLength(64)
  await expectShown(page, after)
})

test('with no space at all a log that is there is opened and read, also after a reload', async () => {
  const { acknowledged } = await page.call('fill', 'fill', 65_536, 200)
  await page.page.reload()
  await page.page.waitForFunction(() => 'remote' in globalThis)
  await page.call('connect', { space: 'hall-7', actor: 'ann' })
  const log = await readLog(page)
  expect(log.events.map(({ commandId }) => commandId)).toEqual(acknowledged)
  await expectShown(page, log)
  expect((await page.call('fill', 'again', 65_536, 200)).answer).toMatchObject({ fault: 'storage-full' })
})
