import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storageContract } from '../../src/testing/storage-contract.ts'
import { launchChromium } from './support/chromium.ts'
import { buildAndServe, type Served } from './support/serve.ts'
import type { StoragePage } from './storage.page.ts'

let served: Served
beforeAll(async () => {
  served = await buildAndServe({ entry: new URL('./storage.page.ts', import.meta.url) })
})
afterAll(() => served.close())

async function openPage(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.goto(served.url)
  await page.waitForFunction(() => 'storagePage' in globalThis)
  return page
}

/** Calls what the page offers. */
const call = <Name extends keyof StoragePage>(page: Page, name: Name, ...args: Parameters<StoragePage[Name]>) =>
  page.evaluate(([method, given]) => (globalThis.storagePage[method] as (...all: unknown[]) => unknown)(...given), [
    name,
    args,
  ] as const) as Promise<Awaited<ReturnType<StoragePage[Name]>>>

/** Chromium has two stores for IndexedDB, which schedule transactions differently: it is moving from the first to the second. */
const stores = [
  { store: 'LevelDB', args: ['--disable-features=IdbSqliteBackingStore'] },
  { store: 'SQLite', args: ['--enable-features=IdbSqliteBackingStore'] },
]

describe.each(stores)('IndexedDB storage in Chromium over $store', ({ args }) => {
  let context: BrowserContext
  let page: Page
  beforeAll(async () => {
    context = await launchChromium({ args })
    page = await openPage(context)
  })
  afterAll(() => context.close())

  test.each(storageContract)('$name', async ({ name }) => {
    await expect(call(page, 'runCase', name)).resolves.toBeUndefined()
  })

  test('two pages appending at once never share a number and lose nothing', async () => {
    const other = await openPage(context)
    for (const one of [page, other]) await call(one, 'open', 'race')
    const conflicts = await Promise.all([call(page, 'race', 'race', 'A', 200), call(other, 'race', 'race', 'B', 200)])

    const ids = await call(page, 'ids', 'race')
    expect(ids.map(([number]) => number)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1))
    for (const name of ['A', 'B']) {
      // In the order in which that page appended them.
      expect(ids.map(([, id]) => id).filter((id) => id.startsWith(name))).toEqual(Array.from({ length: 200 }, (_, i) => `${name}/${i}`))
    }
    expect(await call(other, 'count', 'race')).toBe(400)
    expect(conflicts.some((count) => count > 0)).toBe(true)
    await call(page, 'destroy', 'race')
    await other.close()
  })

  test('a log destroyed by one page is closed in the other', async () => {
    const other = await openPage(context)
    for (const one of [page, other]) await call(one, 'open', 'shared')
    await call(page, 'append', 'shared', 1, 'first')
    await call(page, 'destroy', 'shared')
    expect(await call(other, 'closed', 'shared')).toMatch(/^"shared.*" was deleted$/)
    expect(await call(other, 'append', 'shared', 2, 'second')).toMatchObject({ code: 'closed' })
    expect(await call(other, 'list', 'shared')).toEqual([])
    await other.close()
  })

  test('a log whose site data is cleared is closed, and not made again by those who had it open', async () => {
    const other = await openPage(context)
    await call(other, 'open', 'cleared')
    await call(other, 'append', 'cleared', 1, 'first')
    const devtools = await context.newCDPSession(other)
    await devtools.send('Storage.clearDataForOrigin', { origin: new URL(served.url).origin, storageTypes: 'indexeddb' })
    expect(await call(other, 'closed', 'cleared')).toContain('was deleted')
    expect(await call(other, 'append', 'cleared', 2, 'second')).toMatchObject({ code: 'closed' })
    expect(await call(other, 'list', 'cleared')).toEqual([])
    await other.close()
  })
})

describe.each(stores)('IndexedDB storage in Chromium over $store, with little space', ({ args }) => {
  test('a full disk is storage-full, keeps what was there, and goes on reading', async () => {
    const context = await launchChromium({ args })
    const page = await openPage(context)
    const devtools = await context.newCDPSession(page)
    await devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(served.url).origin, quotaSize: 2_000_000 })

    await call(page, 'open', 'small')
    const { appended, outcome } = await call(page, 'fill', 'small', 200_000, 100)
    expect(outcome).toEqual({ code: 'storage-full', cause: 'QuotaExceededError' })
    expect(appended).toBeGreaterThan(0)
    expect(await call(page, 'last', 'small')).toBe(appended)
    expect((await call(page, 'ids', 'small')).length).toBe(appended)

    await devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(served.url).origin, quotaSize: 1_000_000_000 })
    expect(await call(page, 'append', 'small', appended + 1, 'after space was freed')).toBe('appended')
    await context.close()
  })
})
