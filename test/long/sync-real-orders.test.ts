/** The 10,000 real orders on three devices that were offline, and join: in turn, in the order of the file, and all at once. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { launchChromium } from '../browser/support/chromium.ts'
import { fileOf, figuresOf, figuresOn, importFile } from '../demo/demo-page.ts'
import { startDemo, type DemoServer } from '../demo/demo-server.ts'
import { independentFold } from '../demo/independent-fold.ts'
import { readRealFigures, readRealFile, realFilePath } from '../demo/order-file.ts'
import { readServerLog, type ServerEvent } from '../demo/server-log.ts'
import { toldOrders } from '../demo/told-orders.ts'

const timeoutMs = 600_000
const names = ['ann', 'bob', 'cleo'] as const

let folder: string
let demo: DemoServer
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outpost-demo-'))
  demo = await startDemo(folder)
})
afterEach(async () => {
  expect(await demo.stop()).toBe(0)
  await rm(folder, { recursive: true, force: true })
})

interface Device {
  readonly name: string
  readonly browser: BrowserContext
  readonly page: Page
  readonly lines: readonly string[]
}

async function openDevice(name: string, lines: readonly string[]): Promise<Device> {
  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  browser.setDefaultTimeout(timeoutMs)
  await browser.addInitScript((person) => localStorage.setItem('stockroom.name', person), name)
  const page = await browser.newPage()
  await page.goto(`${demo.url}?batch=${name}`)
  await isInStep(page)
  await browser.setOffline(true)
  return { name, browser, page, lines }
}

const goTo = (page: Page, place: string): Promise<void> => page.evaluate((hash) => void (location.hash = hash), `#/${place}`)
const isInStep = (page: Page): Promise<void> => page.locator('.sync-bar .status.good', { hasText: 'Up to date' }).waitFor()

/** Imports its part without network. */
async function importPart({ page, lines }: Device): Promise<void> {
  await importFile(page, fileOf(`${lines.join('\n')}\n`), timeoutMs)
  await page.locator('.sync-bar').getByText('Offline').waitFor()
}

async function joinServer({ browser, page }: Device): Promise<void> {
  await browser.setOffline(false)
  await goTo(page, 'settings')
  await page.getByRole('button', { name: 'Sync now' }).click()
}

/** Every item of the stock list, as it is shown. */
async function stockOn(page: Page): Promise<ReadonlyMap<string, number>> {
  await goTo(page, 'stock')
  await page.locator('.table').waitFor()
  const more = page.getByRole('button', { name: 'Show more' })
  const shown = page.locator('.more p')
  while ((await more.count()) > 0) {
    const before = await shown.innerText()
    await more.click()
    await page.waitForFunction((text) => document.querySelector<HTMLElement>('.more p')?.innerText !== text, before)
  }
  const rows = await page.evaluate(() =>
    [...document.querySelectorAll('.table tbody tr')].map((row): [string, number] => [
      row.querySelector('.main a')?.textContent ?? '',
      Number(row.querySelector('.level .number')?.textContent.replaceAll(',', '')),
    ]),
  )
  await goTo(page, '')
  return new Map(rows)
}

const inboxCount = async (page: Page): Promise<number> => {
  const badge = page.locator('.places [data-testid="inbox-count"]')
  return (await badge.count()) === 0 ? 0 : Number(await badge.getAttribute('data-value'))
}

/** @returns what is on hand in the end; the least that was ever on hand */
function foldStock(events: readonly ServerEvent[]): { readonly onHand: ReadonlyMap<string, number>; readonly least: number } {
  const onHand = new Map<string, number>()
  let least = Infinity
  for (const { type, aggregateId, data } of events) {
    const { openingStock, quantity } = data as { readonly openingStock: number; readonly quantity: number }
    if (type === 'stockItem.registered') onHand.set(aggregateId, openingStock)
    if (type === 'stockItem.picked') onHand.set(aggregateId, (onHand.get(aggregateId) ?? NaN) - quantity)
    least = Math.min(least, onHand.get(aggregateId) ?? least)
  }
  return { onHand, least }
}

const realLines = (): string[] =>
  readRealFile()
    .split('\n')
    .filter((line) => line.trim() !== '')

/** How long each part took, in seconds, in the test's output. */
function stopwatch(): (what: string) => void {
  let since = performance.now()
  return (what) => {
    const now = performance.now()
    process.stdout.write(`${what}: ${((now - since) / 1000).toFixed(1)} s\n`)
    since = now
  }
}

test.skipIf(realFilePath === undefined)(
  'imported in three contiguous parts by devices that join one after another, the orders come to exactly what is expected',
  async () => {
    const lines = realLines()
    const lap = stopwatch()
    const devices: Device[] = []
    for (const [i, name] of names.entries())
      devices.push(await openDevice(name, lines.slice(Math.ceil((lines.length * i) / 3), Math.ceil((lines.length * (i + 1)) / 3))))
    await Promise.all(devices.map(importPart))
    lap('three devices import their third offline')
    for (const device of devices) {
      await joinServer(device)
      await isInStep(device.page)
      lap(`${device.name} joins`)
    }
    const real = readRealFigures()
    const expected = {
      ordersPlaced: real.placed,
      ordersDeclined: real.refused,
      unitsPicked: real.unitsPicked,
      stockItems: real.stockItems,
      openPurchaseOrders: real.openPurchaseOrders,
      unitsOnHand: real.unitsOnHand,
    }
    const { onHand, ...figures } = independentFold(readRealFile(), 500, 50)
    expect(figuresOf({ onHand, ...figures })).toEqual(expected)
    for (const { name, page } of devices) {
      await isInStep(page)
      await goTo(page, '')
      await page.locator(`[data-testid="units-picked"][data-value="${real.unitsPicked}"]`).waitFor()
      expect({ name, ...(await figuresOn(page)) }).toEqual({ name, ...expected })
      expect(await stockOn(page)).toEqual(onHand)
    }
    lap('all three show it')
  },
)

test.skipIf(realFilePath === undefined)(
  'dealt out in turns and joined all at once, every order is decided once, and each device is told what came out otherwise',
  async () => {
    const lines = realLines()
    const lap = stopwatch()
    const devices: Device[] = []
    for (const [i, name] of names.entries())
      devices.push(
        await openDevice(
          name,
          lines.filter((_, line) => line % 3 === i),
        ),
      )
    await Promise.all(devices.map(importPart))
    lap('three devices import every third order offline')
    await Promise.all(devices.map(joinServer))
    await Promise.all(devices.map(({ page }) => isInStep(page)))
    lap('all three join')

    const { commands, events } = await readServerLog(demo.url, 'hall-1')
    const orders = commands.filter(({ type, duplicateOf }) => type === 'fulfilment.placeOrder' && duplicateOf === undefined)
    expect([orders.length, new Set(orders.map(({ id }) => id)).size]).toEqual([10_000, 10_000])
    const declined = new Map<string, readonly string[]>()
    const placed = new Set<string>()
    let unitsPicked = 0
    for (const { type, aggregateId, data } of events) {
      if (type === 'order.placed') placed.add(aggregateId)
      if (type === 'order.declined') declined.set(aggregateId, (data as { readonly missing: readonly string[] }).missing)
      if (type === 'stockItem.picked') unitsPicked += (data as { readonly quantity: number }).quantity
    }
    expect(placed.size + declined.size).toBe(10_000)
    const { onHand, least } = foldStock(events)
    expect(least).toBeGreaterThanOrEqual(0)

    let late = 0
    for (const { name, page, lines: own } of devices) {
      await isInStep(page)
      await goTo(page, '')
      await page.locator(`[data-testid="units-picked"][data-value="${unitsPicked}"]`).waitFor()
      expect({ name, ...(await figuresOn(page)) }).toMatchObject({
        name,
        ordersPlaced: placed.size,
        ordersDeclined: declined.size,
        unitsPicked,
        stockItems: onHand.size,
        unitsOnHand: [...onHand.values()].reduce((sum, units) => sum + units, 0),
      })
      expect(await stockOn(page)).toEqual(onHand)
      const told = await toldOrders(own, name, 500)
      const otherwise = new Set([...told].flatMap(([id, missing]) => (missing.join() === (declined.get(id) ?? []).join() ? [] : [id])))
      late += [...told].filter(([id, missing]) => missing.length === 0 && declined.has(id)).length
      expect({ name, inbox: await inboxCount(page) }).toEqual({ name, inbox: otherwise.size })
      await goTo(page, 'inbox')
      await page.locator('.inbox-entry').first().waitFor()
      const listed = await page
        .locator('.inbox-entry')
        .evaluateAll((entries) => entries.map((entry) => entry.getAttribute('data-command') ?? ''))
      expect(listed.length).toBeGreaterThan(0)
      expect(listed.filter((id) => !otherwise.has(id.replace('place:', '')))).toEqual([])
      process.stdout.write(`${name}: ${otherwise.size} orders in the inbox\n`)
    }
    expect(late).toBeGreaterThan(0)
    process.stdout.write(`${placed.size} placed, ${declined.size} declined, ${late} of them late\n`)
  },
)
