import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { sampleOrders, sampleStock } from '../../demo/src/import/sample.ts'
import { fileOf, figuresOf, figuresOn, importFile, importReaches, serveDemo } from '../demo/demo-page.ts'
import { independentFold } from '../demo/independent-fold.ts'
import { someOrders } from '../demo/order-file.ts'
import { launchChromium } from './support/chromium.ts'
import type { Served } from './support/serve.ts'

let demo: Served
let chromium: BrowserContext
let spaces = 0
const problems: string[] = []

beforeAll(async () => {
  demo = await serveDemo()
  chromium = await launchChromium()
  chromium.setDefaultTimeout(100_000)
  chromium.on('weberror', (error) => problems.push(error.error().message))
  chromium.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
  })
})
afterEach(async () => {
  await Promise.all(chromium.pages().map((page) => page.close()))
  expect(problems.splice(0)).toEqual([])
})
afterAll(async () => {
  await chromium.close()
  await demo.close()
})

/** A book of its own for each test. */
const newBook = (options: Readonly<Record<string, string | number>> = {}): string =>
  `${demo.url}?${new URLSearchParams({ space: `import-${++spaces}`, ...Object.fromEntries(Object.entries(options).map(([k, v]) => [k, String(v)])) }).toString()}`

async function open(address: string): Promise<Page> {
  const page = await chromium.newPage()
  await page.goto(address)
  return page
}

const phase = (page: Page): Promise<string | null> => page.getByTestId('import-progress').getAttribute('data-phase')

describe('the demo', () => {
  test('imports 2,500 orders with the figures of the independent fold, keeps them, and imports nothing twice', async () => {
    const file = someOrders(2500)
    const expected = independentFold(file, 60, 10)
    expect(expected.ordersDeclined).toBeGreaterThan(0)
    expect(expected.openPurchaseOrders).toBeGreaterThan(0)
    const page = await open(newBook({ openingStock: 60, reorderPoint: 10 }))

    await importFile(page, fileOf(file))
    expect(await figuresOn(page)).toEqual(figuresOf(expected))

    await page.reload()
    await page.getByTestId('import-done').waitFor()
    expect(await figuresOn(page)).toEqual(figuresOf(expected))

    await importFile(page, fileOf(file, 'the same again.csv'))
    expect(await figuresOn(page)).toEqual(figuresOf(expected))
    expect(await page.getByTestId('import-done').innerText()).toContain('all of them in the book before')
  })

  test('loads its sample without any file', async () => {
    const page = await open(newBook())
    await page.getByTestId('load-sample').click()
    await page.getByTestId('import-done').waitFor()
    expect(await figuresOn(page)).toEqual(
      figuresOf(independentFold(sampleOrders().join('\n'), sampleStock.openingStock, sampleStock.reorderPoint)),
    )
  })

  const manyOrders = sampleOrders({ orders: 3000 }).join('\n')
  const ofMany = figuresOf(independentFold(manyOrders, 300, 50))
  /** What an import says that began with a part done already. */
  const tookUp = /; [\d,]+ of them in the book before/
  const many = { openingStock: 300, reorderPoint: 50 }

  test('stops an import that is cancelled, and ends it as if it had not been, when it is resumed', async () => {
    const page = await open(newBook(many))
    await page.getByTestId('import-orders').setInputFiles(fileOf(manyOrders))
    await importReaches(page, 1)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByTestId('import-done').waitFor()
    expect(await figuresOn(page)).toEqual(ofMany)
  })

  test('goes on with an import by itself after a reload', async () => {
    const page = await open(newBook(many))
    await page.getByTestId('import-orders').setInputFiles(fileOf(manyOrders))
    await importReaches(page, 1)
    expect(await phase(page)).toBe('running')
    await page.reload()
    await page.getByTestId('import-done').waitFor()
    expect(await page.getByTestId('import-done').innerText()).toMatch(tookUp)
    expect(await figuresOn(page)).toEqual(ofMany)
  })

  test('shows an import in every tab, and another tab goes on with it when its own is closed', async () => {
    const address = newBook(many)
    const importing = await open(address)
    const watching = await open(address)
    await importing.getByTestId('import-orders').setInputFiles(fileOf(manyOrders))
    await importReaches(watching, 1)
    await importing.close()
    await watching.getByTestId('import-done').waitFor()
    expect(await watching.getByTestId('import-done').innerText()).toMatch(tookUp)
    expect(await figuresOn(watching)).toEqual(ofMany)
  })

  test('lists malformed lines by number, and declined orders with what they lacked', async () => {
    const page = await open(newBook({ openingStock: 1, reorderPoint: 0 }))
    await importFile(page, fileOf('\ufeffa,b\r\n\r\na,,b\r\nb,c\r\n'))
    await page.getByRole('link', { name: '1 declined' }).click()
    // Cells show a place-holder until their row has been read.
    const row = (table: string, text: RegExp) =>
      page.getByRole('table', { name: table }).getByRole('row').nth(1).filter({ hasText: text }).waitFor()
    await row('Declined orders of this import', /4[\s\S]*b/)
    await row('Malformed lines of this import', /Line 3[\s\S]*Code 2 of 3 is empty\.[\s\S]*a,,b/)
  })

  test('imports nothing of a torn file, and says why', async () => {
    const torn = gzipSync(manyOrders).subarray(0, -12)
    const page = await open(newBook())
    await page.getByTestId('import-orders').setInputFiles({ name: 'torn.csv.gz', mimeType: 'application/gzip', buffer: torn })
    await page.getByText(/The import stopped:/).waitFor()
    expect(await phase(page)).toBe('failed')
    expect((await figuresOn(page)).stockItems).toBe(0)
  })
})
