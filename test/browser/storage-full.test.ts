/** A browser that gives no more space: what cannot be written fails whole, what was written is read, and it goes on afterwards. */
import type { BrowserContext, CDPSession } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { StockPage } from './pages/stock.ts'
import { launchChromium } from './support/chromium.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'
import { expectShown, readLog } from './support/stock-log.ts'

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
  await limit(4_000_000)
  await page.call('connect', { space: 'hall-7', actor: 'ann' })
})
afterEach(() => context.close())

test('a Command without space fails with storage-full and leaves nothing; reading goes on, and writing as soon as there is space', async () => {
  const { acknowledged, failed, answer } = await page.call('fill', 'fill', 131_072, 200)
  expect(answer).toMatchObject({ fault: 'storage-full' })
  expect(acknowledged.length).toBeGreaterThan(3)

  const log = await readLog(page)
  expect(log.records.flatMap(({ commands }) => commands.map(({ id }) => id))).toEqual(acknowledged)
  expect(log.events.map(({ commandId }) => commandId)).toEqual(acknowledged)
  await expectShown(page, log)

  // A tab that opens now reads as well.
  const other = await openRemote<StockPage>(context, served.url)
  await other.call('connect', { space: 'hall-7', actor: 'ann' })
  await expectShown(other, await readLog(other))
  await other.page.close()

  await limit(1_000_000_000)
  expect(await page.call('give', failed)).toMatchObject({ ok: true, commandId: failed.commandId })
  expect(await page.call('give', failed)).toMatchObject({ ok: true, commandId: failed.commandId })
  const after = await readLog(page)
  expect(after.events.map(({ commandId }) => commandId)).toEqual([...acknowledged, failed.commandId])
  await expectShown(page, after)
})

test('of a burst that needs more than one record and more space than there is, every Command is told what became of it', async () => {
  const burst = await page.call('burst', 'burst', 8_192, 500)
  const found = burst.filter(({ ok }) => ok).map(({ id }) => id)
  expect(new Set(burst.filter(({ ok }) => !ok).map(({ fault }) => fault))).toEqual(new Set(['storage-full']))
  const log = await readLog(page)
  expect(log.records.flatMap(({ commands }) => commands.map(({ id }) => id))).toEqual(found)
  await expectShown(page, log)

  await limit(1_000_000_000)
  const again = await page.call('burst', 'burst', 8_192, 500)
  expect(again.every(({ ok }) => ok)).toBe(true)
  const after = await readLog(page)
  expect(after.events.map(({ commandId }) => commandId).toSorted((a = '', b = '') => (a < b ? -1 : 1))).toEqual(
    burst.map(({ id }) => id).toSorted((a = '', b = '') => (a < b ? -1 : 1)),
  )
  await expectShown(page, after)
})

test('with no space at all a log that is there is opened and read, also after a reload', async () => {
  const { acknowledged } = await page.call('fill', 'fill', 131_072, 200)
  await page.page.reload()
  await page.page.waitForFunction(() => 'remote' in globalThis)
  await page.call('connect', { space: 'hall-7', actor: 'ann' })
  const log = await readLog(page)
  expect(log.events.map(({ commandId }) => commandId)).toEqual(acknowledged)
  await expectShown(page, log)
  expect((await page.call('fill', 'again', 131_072, 200)).answer).toMatchObject({ fault: 'storage-full' })
})
