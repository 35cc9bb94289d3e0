/** The demo as an installed app: it starts without any network, and goes from one version to the next when it is told to. */
import { copyFile, cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { fileOf, figuresOf, figuresOn, importFile } from '../demo/demo-page.ts'
import { independentFold } from '../demo/independent-fold.ts'
import { buildDemoAs } from '../demo/other-build.ts'
import { faults, looks } from '../demo/page-faults.ts'
import { buildDemo } from '../support/build.mjs'
import { launchChromium } from './support/chromium.ts'
import { prepareKill } from './support/processes.ts'
import { serve, type Served } from './support/serve.ts'

const timeoutMs = 30_000

let first: string
let second: string
beforeAll(() => {
  first = buildDemo()
  second = buildDemoAs('second')
})

let profileDir: string
let context: BrowserContext | undefined
let served: Served | undefined
let port: number | undefined
beforeEach(async () => {
  profileDir = await mkdtemp(join(tmpdir(), 'outpost-offline-'))
})
afterEach(async () => {
  await context?.close()
  await stopServing()
  port = undefined
  await rm(profileDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
})

/** At the same address as before. */
async function serveFrom(folder: string): Promise<void> {
  await stopServing()
  served = await serve(folder, port === undefined ? {} : { port })
  port = Number(new URL(served.url).port)
}
async function stopServing(): Promise<void> {
  await served?.close()
  served = undefined
}

async function launch(): Promise<BrowserContext> {
  context = await launchChromium({ profileDir })
  context.setDefaultTimeout(timeoutMs)
  return context
}

async function open(browser: BrowserContext, place = ''): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${port}/#/${place}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  return page
}

/** Which build's scripts the page runs. */
const buildOf = (page: Page): Promise<string | undefined> => page.evaluate(() => document.documentElement.dataset['build'])

/** What the settings say. */
async function offlineIsReady(page: Page): Promise<void> {
  await page.evaluate(() => (location.hash = '#/settings'))
  const answer = page.locator('dt', { hasText: 'Starts offline' }).locator('+ dd')
  await answer.filter({ hasText: /^Yes$/ }).waitFor()
  await page.evaluate(() => (location.hash = '#/'))
}

/** Asks the server for a newer version, as the page does from time to time. @returns what became of what was found */
const lookForNewer = (page: Page): Promise<string> =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration()
    const found = await registration?.update()
    const installing = found?.installing
    if (!installing) return found?.waiting ? 'installed' : 'none'
    return new Promise<string>((resolve) =>
      installing.addEventListener('statechange', () => {
        if (installing.state === 'installed' || installing.state === 'redundant') resolve(installing.state)
      }),
    )
  })

/** One that a reload takes away. */
const mark = (page: Page): Promise<void> => page.evaluate(() => void (document.body.dataset['mark'] = 'here'))
const isMarked = (page: Page): Promise<boolean> => page.evaluate(() => document.body.dataset['mark'] === 'here')

/** Ends the page's worker, and waits for the one that replaces it. It comes from the same file; the server is not there to give it. */
async function replaceWorker(page: Page): Promise<void> {
  const [worker] = page.workers()
  if (worker === undefined) throw new Error('The page has no worker.')
  const file = new URL(worker.url()).pathname
  await stopServing()
  const replacing = page.waitForEvent('worker')
  await worker.evaluate(() => close())
  expect(new URL((await replacing).url()).pathname).toBe(file)
}

const newVersion = (page: Page) => page.getByText('A new version of this page is ready.')
const startedElsewhere = (page: Page) => page.getByText('Another tab has started a new version')
const reload = (page: Page) => page.getByRole('button', { name: 'Reload' })

const pickOne = async (page: Page, units: number): Promise<void> => {
  await page.getByRole('spinbutton', { name: 'Units to pick' }).fill(String(units))
  await page.getByRole('button', { name: 'Pick', exact: true }).click()
  await page.getByText(`${units} ${units === 1 ? 'unit' : 'units'} picked.`).waitFor()
}

describe('without network', () => {
  test('a cold browser starts the page, whose Commands and figures are all there, again and again', async () => {
    await serveFrom(first)
    const orders = 'BOLT,NUT,NUT\nBOLT\nWASHER\n'
    let browser = await launch()
    let page = await open(browser)
    await importFile(page, fileOf(orders))
    await offlineIsReady(page)
    const { unitsPicked, unitsOnHand, ...rest } = figuresOf(independentFold(orders, 500, 50))

    await stopServing()
    await prepareKill(browser, profileDir)()
    browser = await launch()
    await browser.setOffline(true)
    page = await open(browser)
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed')
    expect(await figuresOn(page)).toEqual({ ...rest, unitsPicked, unitsOnHand })
    await page.evaluate(() => (location.hash = '#/stock/BOLT'))
    let picked = 0
    for (let n = 1; n <= 50; n++) {
      const units = 1 + (n % 4)
      await pickOne(page, units)
      picked += units
    }
    await page.locator('.on-hand', { hasText: String(498 - picked) }).waitFor()

    await prepareKill(browser, profileDir)()
    browser = await launch()
    await browser.setOffline(true)
    page = await open(browser)
    await page.locator(`[data-testid="units-picked"][data-value="${unitsPicked + picked}"]`).waitFor()
    expect(await figuresOn(page)).toEqual({ ...rest, unitsPicked: unitsPicked + picked, unitsOnHand: unitsOnHand - picked })
    await importFile(page, fileOf('RIVET\n', 'more.csv'))
    expect(await figuresOn(page)).toMatchObject({ stockItems: rest.stockItems + 1, ordersPlaced: rest.ordersPlaced + 1 })
  })

  test('the worker of an open page is replaced from the device', async () => {
    await serveFrom(first)
    const page = await open(await launch())
    await importFile(page, fileOf('BOLT\n'))
    await offlineIsReady(page)
    await replaceWorker(page)
    await page.evaluate(() => (location.hash = '#/stock/BOLT'))
    await pickOne(page, 2)
    await page.locator('.on-hand', { hasText: '497' }).waitFor()
  })
})

test('the browser finds nothing that keeps it from installing the page', async () => {
  await serveFrom(first)
  const browser = await launch()
  const page = await open(browser)
  await offlineIsReady(page)
  const devtools = await browser.newCDPSession(page)
  const { errors, manifest } = await devtools.send('Page.getAppManifest')
  expect(errors).toEqual([])
  const { icons = [] } = manifest as unknown as {
    icons?: readonly { readonly url: string; readonly sizes: string; readonly purpose: string }[]
  }
  expect(icons.length).toBeGreaterThan(0)
  expect((await devtools.send('Page.getInstallabilityErrors')).installabilityErrors).toEqual([])
})

describe('a new version', () => {
  test('waits, is announced in every tab, starts in the one that asks, and leaves the others as they are', async () => {
    await serveFrom(first)
    const browser = await launch()
    const [asking, staying] = [await open(browser), await open(browser, 'stock/BOLT')]
    await importFile(asking, fileOf('BOLT\n'))
    await offlineIsReady(asking)
    await Promise.all([mark(asking), mark(staying)])

    await serveFrom(second)
    expect(await lookForNewer(asking)).toBe('installed')
    await newVersion(asking).waitFor()
    await newVersion(staying).waitFor()
    for (const { name, viewport, colorScheme } of looks) {
      await staying.setViewportSize(viewport)
      await staying.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      expect({ name, faults: await faults(staying) }).toEqual({ name, faults: [] })
    }
    // Whatever is opened or loaded meanwhile is still of the old one.
    const third = await open(browser)
    expect(await buildOf(third)).toBeUndefined()
    await newVersion(third).waitFor()
    await third.close()
    expect(await Promise.all([isMarked(asking), isMarked(staying)])).toEqual([true, true])

    await reload(asking).click()
    await asking.locator('html[data-build="second"]').waitFor({ state: 'attached' })
    await startedElsewhere(staying).waitFor()
    expect(await isMarked(staying)).toBe(true)

    // What the old page still loads exists nowhere but on this device.
    await replaceWorker(staying)
    await pickOne(staying, 2)
    await asking.evaluate(() => (location.hash = '#/stock/BOLT'))
    await asking.locator('.on-hand', { hasText: '497' }).waitFor()
    expect(await isMarked(staying)).toBe(true)

    await reload(staying).click()
    await staying.locator('html[data-build="second"]').waitFor({ state: 'attached' })
    await staying.locator('.on-hand', { hasText: '497' }).waitFor()
    expect(await reload(staying).count()).toBe(0)
  })

  test('is asked for again where the browser lost the question, and says meanwhile that it is starting', async () => {
    await serveFrom(first)
    const page = await open(await launch())
    await offlineIsReady(page)
    await serveFrom(second)
    expect(await lookForNewer(page)).toBe('installed')
    await newVersion(page).waitFor()
    await page.evaluate(() => {
      const post = ServiceWorker.prototype.postMessage
      ServiceWorker.prototype.postMessage = () => void (ServiceWorker.prototype.postMessage = post)
    })
    await reload(page).click()
    await page.getByText('The new version is starting.').waitFor()
    expect(await reload(page).isDisabled()).toBe(true)
    await page.locator('html[data-build="second"]').waitFor({ state: 'attached' })
  })

  test('of the builds on the device those go that no page uses, and those stay that one does', async () => {
    await serveFrom(first)
    const browser = await launch()
    const old = await open(browser)
    await offlineIsReady(old)
    const kept = (): Promise<number> => old.evaluate(async () => (await caches.keys()).length)

    const current = await open(browser)
    for (const folder of [second, buildDemoAs('third'), buildDemoAs('fourth')]) {
      await serveFrom(folder)
      expect(await lookForNewer(current)).toBe('installed')
      await newVersion(current).waitFor()
      await Promise.all([current.waitForEvent('load'), reload(current).click()])
      await current.getByRole('heading', { level: 1 }).waitFor()
    }
    expect(await buildOf(current)).toBe('fourth')
    // The first, which `old` is of; the third, which a page may be about to load; the fourth. The second is nobody's.
    await expect.poll(kept, { timeout: timeoutMs }).toBe(3)
    await replaceWorker(old)
    await importFile(old, fileOf('BOLT\n'))
    expect(await buildOf(old)).toBeUndefined()
  })

  test('that has arrived on the server in parts only is not taken, and is when it is whole', async () => {
    await serveFrom(first)
    const page = await open(await launch())
    await offlineIsReady(page)
    const half = await mkdtemp(join(tmpdir(), 'outpost-half-'))
    onTestFinished(() => rm(half, { recursive: true }))
    await cp(second, half, { recursive: true })
    await copyFile(join(first, 'index.html'), join(half, 'index.html'))
    expect(await readFile(join(half, 'index.html'), 'utf8')).not.toBe(await readFile(join(second, 'index.html'), 'utf8'))

    await serveFrom(half)
    expect(await lookForNewer(page)).toBe('redundant')
    expect(await newVersion(page).count()).toBe(0)
    await page.reload()
    await page.getByRole('heading', { level: 1 }).waitFor()
    expect(await buildOf(page)).toBeUndefined()

    await serveFrom(second)
    expect(await lookForNewer(page)).toBe('installed')
    await newVersion(page).waitFor()
  })
})
