import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { fileOf, importFile, serveDemo } from '../demo/demo-page.ts'
import { faults, looks } from '../demo/page-faults.ts'
import { launchChromium } from './support/chromium.ts'
import type { Served } from './support/serve.ts'

let demo: Served
let chromium: BrowserContext

beforeAll(async () => {
  demo = await serveDemo()
  chromium = await launchChromium()
  chromium.setDefaultTimeout(60_000)
  const page = await openPage('filled')
  await page.getByTestId('load-sample').click()
  await page.getByTestId('import-done').waitFor()
  await importFile(page, fileOf('BANK CHARGES,POST,gift_0001_40\na,,b\nA stock code that is as long as a whole sentence,POST\n'))
  await page.close()
})
afterAll(async () => {
  await chromium.close()
  await demo.close()
})

async function openPage(space: string, place = '', browser = chromium): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${demo.url}?space=${space}#/${place}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  return page
}

/** Every screen, and what tells that it is there in full. */
const filled = [
  { place: '', ready: '[data-testid="orders-placed"][data-value="364"]' },
  { place: 'stock', ready: '.table' },
  { place: 'stock?level=low&sort=least', ready: '.badge.low' },
  { place: 'stock?code=nothing', ready: '.empty' },
  { place: 'stock/MUG-RUST', ready: '.table' },
  { place: 'stock/nothing', ready: '.empty' },
  { place: 'orders', ready: '.table' },
  { place: 'orders?status=declined', ready: '.badge.declined' },
  { place: 'purchases', ready: '.table' },
  { place: 'purchases?status=received', ready: '.empty' },
  { place: 'import', ready: '.table' },
  { place: 'log', ready: '.log li' },
  { place: 'measure', ready: '.plan' },
  { place: 'settings', ready: '.handlers li' },
  { place: 'nowhere', ready: '.empty' },
]
const empty = ['', 'stock', 'orders', 'purchases', 'import', 'log', 'settings'].map((place) => ({
  place,
  ready: place === '' ? '[data-testid="orders-placed"][data-value="0"]' : place === 'settings' ? '.handlers li' : '.empty',
}))

describe.each(looks)('on a $name', ({ viewport, colorScheme }) => {
  test.each([
    { book: 'filled', screens: filled },
    { book: 'new', screens: empty },
  ])('every screen of a $book book fits and is accessible', async ({ book, screens }) => {
    const page = await openPage(book)
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })
    for (const { place, ready } of screens) {
      await page.evaluate((hash) => (location.hash = hash), `#/${place}`)
      await page.locator(ready).first().waitFor()
      expect({ place, faults: await faults(page) }).toEqual({ place, faults: [] })
    }
    await page.close()
  })

  test('who is signed in, and all that is asked before one leaves, fits and is accessible', async () => {
    // As long as a name may be, without a place to break it.
    const name = 'Wilhelmine-Charlotte-Friederike-von-Habs'
    const browser = await launchChromium()
    onTestFinished(() => browser.close())
    await browser.addInitScript((person) => localStorage.setItem('stockroom.name', person), name)
    const page = await openPage('filled', '', browser)
    await page.setViewportSize(viewport)
    // A colour on its way to another one is none that anybody chose.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.getByText(name).first().waitFor()
    expect(await faults(page)).toEqual([])
    await page.evaluate(() => (location.hash = '#/settings'))
    await page.locator('.handlers li').first().waitFor()
    expect(await faults(page)).toEqual([])
    await page.getByRole('button', { name: 'Sign out…' }).click()
    await page.getByLabel('Delete my data from this device as well').check()
    expect(await faults(page)).toEqual([])
    await page.getByRole('button', { name: 'Stay' }).click()
    await page.getByRole('button', { name: 'Delete my data…' }).click()
    await page.getByRole('dialog', { name: 'Delete your copy of the book?' }).waitFor()
    expect(await faults(page)).toEqual([])
  })

  test('screens that wait for the worker, and screens whose worker fails, fit and are accessible', async () => {
    const browser = await launchChromium({ serviceWorkers: 'block' })
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })
    let fail = (): void => {}
    const failing = new Promise<void>((resolve) => (fail = resolve))
    // Until then the worker's script is on its way.
    await page.route('**/app.worker*', async (route) => {
      await failing
      await route.abort()
    })
    await page.goto(`${demo.url}?space=waiting#/stock`)
    await page.getByText('Loading the stock list…').waitFor({ state: 'attached' })
    expect(await faults(page)).toEqual([])
    fail()
    await page.locator('.alert').first().waitFor()
    expect(await page.locator('.alert').first().innerText()).not.toBe('')
    expect(await faults(page)).toEqual([])
  })
})

describe('by keyboard alone', () => {
  /** Presses Tab until the wanted element has the focus, and checks each stop on the way: one must see where one is. */
  async function tabTo(page: Page, isThere: (element: Element) => boolean): Promise<void> {
    for (let presses = 0; presses < 80; presses++) {
      await page.keyboard.press('Tab')
      const stop = await page.evaluateHandle(() => document.activeElement ?? document.body)
      const { shown, what } = await stop.evaluate((element) => ({
        shown: [element, element.closest('label'), element.closest('.figure')].some(
          (each) => each !== null && getComputedStyle(each).outlineStyle !== 'none',
        ),
        // Past the last stop the browser's own controls have the focus.
        what: element === document.body ? undefined : element.outerHTML.slice(0, 120),
      }))
      if (what === undefined) continue
      expect({ what, shown }).toEqual({ what, shown: true })
      if (await stop.evaluate(isThere)) return
    }
    throw new Error(`Tab never came to ${isThere.toString()}`)
  }

  test('one finds an item, picks it, is refused kindly, and sees its earlier state', async () => {
    const page = await openPage('filled')
    await tabTo(page, (element) => element.textContent === 'Stock' && element.closest('nav') !== null)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Stock' }).waitFor()
    await page.waitForFunction(() => document.activeElement?.id === 'title')

    await tabTo(page, (element) => element.getAttribute('type') === 'search')
    await page.keyboard.type('post')
    await page.getByText('1 of 1 items').waitFor()
    await tabTo(page, (element) => element.textContent === 'POST')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'POST' }).waitFor()

    await tabTo(page, (element) => element.getAttribute('type') === 'number')
    await page.keyboard.type('9999')
    await page.keyboard.press('Enter')
    await page.getByText('There are only 498 units left.').waitFor()
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('8')
    await page.keyboard.press('Enter')
    await page.getByText('8 units picked.').waitFor()
    await page.locator('.on-hand', { hasText: '490' }).waitFor()

    await tabTo(page, (element) => element.getAttribute('type') === 'range')
    await page.keyboard.press('Home')
    await page.locator('.was', { hasText: '500' }).waitFor()
    await page.close()
  })

  test('one receives a Purchase Order and reads in the log what it did, in eleven steps', async () => {
    const page = await openPage('filled', 'log')
    await page.locator('.log li').first().waitFor()
    await page.evaluate(() => (location.hash = '#/purchases'))
    await page.locator('.table').waitFor()
    await tabTo(page, (element) => element.textContent?.startsWith('Receive') === true && element.tagName === 'BUTTON')
    await page.keyboard.press('Enter')
    await page.getByText(/booked in\.$/).waitFor()

    await tabTo(page, (element) => element.textContent === 'Log' && element.closest('nav') !== null)
    await page.keyboard.press('Enter')
    await page.getByText('purchaseOrder.received, stockItem.received').first().waitFor()
    await tabTo(page, (element) => element.tagName === 'SUMMARY')
    await page.keyboard.press('Enter')
    const steps = page.getByRole('list', { name: 'The way of the Command' }).getByRole('listitem')
    await steps.nth(10).waitFor()
    expect(await steps.count()).toBe(11)
    await page.close()
  })

  test('one is asked before all data are deleted, and then they are', async () => {
    const page = await openPage('doomed')
    await page.getByTestId('load-sample').click()
    await page.getByTestId('import-done').waitFor()
    await page.evaluate(() => (location.hash = '#/settings'))
    // A new screen takes the focus to its heading; a Tab before that would be undone by it.
    await page.locator('h1:focus', { hasText: 'Settings' }).waitFor()
    await tabTo(page, (element) => element.textContent === 'Delete my data…')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Delete your copy of the book?' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await tabTo(page, (element) => element.textContent === 'Delete it')
    await page.keyboard.press('Enter')
    await page.locator('[data-testid="stock-items"][data-value="0"]').waitFor()
    await page.close()
  })

  test('one signs in, and out again', async () => {
    const page = await openPage('filled', 'settings')
    await tabTo(page, (element) => element.getAttribute('name') === 'name')
    await page.keyboard.type('ann')
    await page.keyboard.press('Enter')
    await page.locator('.brand', { hasText: 'filled · ann' }).waitFor()
    await page.evaluate(() => (location.hash = '#/settings'))
    await page.getByText('Signed in as ann').waitFor()
    await tabTo(page, (element) => element.textContent === 'Sign out…')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Sign out, ann?' }).waitFor()
    await tabTo(page, (element) => element.textContent === 'Sign out')
    await page.keyboard.press('Enter')
    await page.locator('.brand', { hasNotText: 'ann' }).waitFor()
    await page.close()
  })

  test('one exports the book and restores it into an empty one', async () => {
    const page = await openPage('filled', 'settings')
    const downloading = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export' }).click()
    const path = await (await downloading).path()
    await page.getByLabel('Restore').setInputFiles(path)
    await page.getByText(/The log holds \d+ records/).waitFor()
    await page.close()

    const other = await openPage('restored', 'settings')
    await other.getByLabel('Restore').setInputFiles(path)
    await other.getByText(/^Restored [\d,]+ Events\.$/).waitFor()
    await other.evaluate(() => (location.hash = '#/'))
    await other.locator('[data-testid="stock-items"][data-value="124"]').waitFor()
    await other.close()
  })
})
