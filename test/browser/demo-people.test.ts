/** Several people at one browser: each has a book of their own, leaves it here or takes it away, and nobody else's changes. */
import { readFile } from 'node:fs/promises'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { sampleOrders } from '../../demo/src/import/sample.ts'
import { fileOf, importFile, importReaches, serveDemo } from '../demo/demo-page.ts'
import { launchChromium } from './support/chromium.ts'
import type { Served } from './support/serve.ts'

let demo: Served
beforeAll(async () => {
  demo = await serveDemo()
})
afterAll(() => demo.close())

let browser: BrowserContext
beforeEach(async () => {
  browser = await launchChromium()
  browser.setDefaultTimeout(30_000)
})
afterEach(() => browser.close())

async function open(place = ''): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${demo.url}#/${place}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  return page
}
const goTo = (page: Page, place: string): Promise<void> => page.evaluate((hash) => void (location.hash = hash), `#/${place}`)

/** What stands under the name of the app. */
const whose = (page: Page, text: string): Promise<void> => page.locator('.brand small', { hasText: new RegExp(`^${text}$`) }).waitFor()
const stockItems = (page: Page, count: number): Promise<void> =>
  page.locator(`[data-testid="stock-items"][data-value="${count}"]`).waitFor()

async function signIn(page: Page, name: string): Promise<void> {
  await goTo(page, 'settings')
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await whose(page, `hall-1 · ${name}`)
}
async function signOut(page: Page, options: { readonly deleting: boolean }): Promise<void> {
  await goTo(page, 'settings')
  await page.getByRole('button', { name: 'Sign out…' }).click()
  const dialog = page.getByRole('dialog', { name: /^Sign out,/ })
  if (!options.deleting) await dialog.getByText('Your copy of the book stays on this device').waitFor()
  else {
    await dialog.getByLabel('Delete my data from this device as well').check()
    await dialog.getByText('deleted from this browser, in all tabs').waitFor()
  }
  await dialog.getByRole('button', { name: options.deleting ? 'Sign out and delete' : 'Sign out', exact: true }).click()
  await whose(page, 'hall-1')
}
async function deleteMyData(page: Page): Promise<void> {
  await goTo(page, 'settings')
  await page.getByRole('button', { name: 'Delete my data…' }).click()
  await page.getByRole('dialog', { name: 'Delete your copy of the book?' }).getByRole('button', { name: 'Delete it' }).click()
  await whose(page, 'hall-1')
}

/** Names of the databases of one person, whatever they are for. */
const databasesOf = (page: Page, person: string): Promise<string[]> =>
  page.evaluate(
    async (part) => (await indexedDB.databases()).flatMap(({ name = '' }) => (name.split('.').includes(part) ? [name] : [])).sort(),
    person,
  )

test('who signs in has a book of their own, whose Commands bear their name; signing out leaves it for the next time', async () => {
  const page = await open()
  await importFile(page, fileOf('BOLT\n'))
  await signIn(page, 'ann')
  await stockItems(page, 0)
  expect(await page.getByTestId('import-progress').count()).toBe(0)
  await importFile(page, fileOf('NUT,WASHER\n'))
  await signOut(page, { deleting: false })
  await stockItems(page, 1)

  await signIn(page, 'ann')
  await stockItems(page, 2)
  await goTo(page, 'settings')
  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export' }).click()
  const log = await readFile(await (await downloading).path(), 'utf8')
  expect(log).toContain('"ann"')
  expect(log).not.toContain('storekeeper')
})

test.each([
  { name: '“delete my data”', leave: deleteMyData },
  { name: 'signing out with all data', leave: (page: Page) => signOut(page, { deleting: true }) },
])('$name leaves nothing of one person, and everything of the others', async ({ leave }) => {
  const page = await open()
  await importFile(page, fileOf('BOLT\n'))
  await signIn(page, 'bob')
  await importFile(page, fileOf('NUT,WASHER\n'))
  await signOut(page, { deleting: false })
  await signIn(page, 'ann')
  await importFile(page, fileOf('A,B,C\n'))
  const others = await Promise.all([databasesOf(page, 'bob'), databasesOf(page, 'storekeeper')])
  expect((await databasesOf(page, 'ann')).length).toBeGreaterThan(3)
  expect(others.map((names) => names.length > 3)).toEqual([true, true])

  await leave(page)
  expect(await databasesOf(page, 'ann')).toEqual([])
  expect(await Promise.all([databasesOf(page, 'bob'), databasesOf(page, 'storekeeper')])).toEqual(others)
  await stockItems(page, 1)
  await signIn(page, 'bob')
  await stockItems(page, 2)
  await signOut(page, { deleting: false })
  await signIn(page, 'ann')
  await stockItems(page, 0)
  expect(await page.getByTestId('import-progress').count()).toBe(0)
})

test('deleting ends what another tab is importing, and that tab shows nobody’s book but its own', async () => {
  const page = await open()
  await signIn(page, 'ann')
  const importing = await open()
  await whose(importing, 'hall-1 · ann')
  await importing.getByTestId('import-orders').setInputFiles(fileOf(sampleOrders({ orders: 20_000 }).join('\n')))
  await importReaches(importing, 1)
  await page.getByTestId('import-progress').waitFor()

  await deleteMyData(page)
  await whose(importing, 'hall-1')
  await stockItems(importing, 0)
  expect(await databasesOf(page, 'ann')).toEqual([])
  await signIn(page, 'ann')
  await stockItems(page, 0)
  expect(await page.getByTestId('import-progress').count()).toBe(0)
  // Also the other tab, which had nothing to do with it, follows.
  await whose(importing, 'hall-1 · ann')
})

test('deleting without having signed in closes the book in the other tab, and with it what that one was importing', async () => {
  const [page, importing] = [await open(), await open()]
  await importing.getByTestId('import-orders').setInputFiles(fileOf(sampleOrders({ orders: 20_000 }).join('\n')))
  await importReaches(importing, 1)
  await page.getByTestId('import-progress').waitFor()
  await deleteMyData(page)
  await stockItems(page, 0)
  await importing.getByText('This book is closed.').waitFor()
  for (const tab of [page, importing]) expect(await tab.getByTestId('import-progress').count()).toBe(0)
  // Nor does it keep what is given to it now.
  await importing.getByRole('button', { name: 'Load sample orders' }).click()
  expect(await keptImports(importing)).toEqual([])
  await importing.reload()
  await stockItems(importing, 0)
})

/** What is kept of an import by whoever has not signed in, once no tab is at it. */
const keptImports = (page: Page): Promise<string[]> =>
  page.evaluate(async (name) => {
    await navigator.locks.request(name, () => undefined)
    const opening = indexedDB.open(name)
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.addEventListener('success', () => resolve(opening.result))
      opening.addEventListener('error', () => reject(opening.error ?? new Error('IndexedDB failed')))
    })
    try {
      if (!database.objectStoreNames.contains('import')) return []
      const reading = database.transaction('import').objectStore('import').getAllKeys()
      return await new Promise<string[]>((resolve) => reading.addEventListener('success', () => resolve(reading.result.map(String))))
    } finally {
      database.close()
    }
  }, 'stockroom-import.hall-1.storekeeper')

test('a name that cannot be is refused with the reason', async () => {
  const page = await open('settings')
  for (const [name, reason] of [
    ['storekeeper', '“storekeeper” is whoever has not signed in. Take another name.'],
    ['   ', 'Say a name.'],
    ['x'.repeat(41), 'A name has at most 40 letters.'],
  ] as const) {
    await page.getByLabel('Your name').fill(name)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText(reason).waitFor()
  }
  await signIn(page, 'Ann O. Nym & Söhne')
})
