/** The demo's own measurement: what it shows, and that nothing of it stays, however it ends. */
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { phases } from '../../demo/src/measure/workloads.ts'
import { serveDemo } from '../demo/demo-page.ts'
import { faults, looks } from '../demo/page-faults.ts'
import { launchChromium } from './support/chromium.ts'
import type { Served } from './support/serve.ts'

let demo: Served
beforeAll(async () => {
  demo = await serveDemo()
})
afterAll(() => demo.close())

let browser: BrowserContext
let problems: string[]
beforeEach(async () => {
  // What a service worker answers cannot be kept from the page.
  browser = await launchChromium({ serviceWorkers: 'block' })
  browser.setDefaultTimeout(60_000)
  problems = []
  browser.on('weberror', (error) => problems.push(error.error().message))
})
afterEach(async () => {
  await browser.close()
  // Nothing that was cut off in the middle fails where nobody waits for it.
  expect(problems).toEqual([])
})

/** @param size a hundredth runs through at once, all of it can be stopped in the middle */
async function open(size: number): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${demo.url}?measureSize=${size}#/measure`)
  await page.getByRole('button', { name: 'Start measuring' }).waitFor()
  return page
}
const goTo = (page: Page, place: string): Promise<void> => page.evaluate((hash) => void (location.hash = hash), `#/${place}`)

const start = (page: Page): Promise<void> => page.getByRole('button', { name: 'Start measuring' }).click()
/** So many steps are done, and it still runs. */
const measuringReaches = async (page: Page, steps: number): Promise<void> => {
  await page.waitForFunction(
    (least) => Number(document.querySelector<HTMLElement>('[data-testid="measuring"]')?.dataset['value']) >= least,
    steps,
  )
}
const cancel = (page: Page): Promise<void> => page.getByRole('button', { name: 'Cancel' }).click()

/** Names of the databases that measuring made. */
const measuringDatabases = (page: Page): Promise<string[]> =>
  page.evaluate(async () => (await indexedDB.databases()).flatMap(({ name = '' }) => (name.includes('stockroom-measure') ? [name] : [])))
async function allAreGone(page: Page): Promise<void> {
  await expect.poll(() => measuringDatabases(page), { timeout: 60_000, interval: 100 }).toEqual([])
}

async function expectNoFaults(page: Page, state: string): Promise<void> {
  for (const { name, viewport, colorScheme } of looks) {
    await page.setViewportSize(viewport)
    // A colour on its way to another one is none that anybody chose.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    expect({ state, name, faults: await faults(page) }).toEqual({ state, name, faults: [] })
  }
}

// Databases are opened and deleted again and again, however little is in them.
test('it has a figure for each workload on each side, can be copied, and leaves no database', { timeout: 240_000 }, async () => {
  await browser.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await open(0.01)
  await start(page)
  await page.getByRole('heading', { name: 'Result' }).waitFor({ timeout: 180_000 })
  expect(await measuringDatabases(page)).toEqual([])

  const names = Object.keys(phases)
  for (const name of names) {
    const workload = page.getByTestId(`measured-${name}`)
    const values = await workload
      .locator('[data-value]')
      .evaluateAll((each) => each.map((value) => Number((value as HTMLElement).dataset['value'])))
    expect([name, values.length, values.every((value) => value > 0)]).toEqual([name, 3, true])
    expect(await workload.getAttribute('aria-label')).toMatch(
      /: Outpost [\d.,]+(\/s| m?s); by hand: one put [\d.,]+(\/s| m?s) \(Outpost [\d.]+ ×\); by hand, in a worker: Event and row [\d.,]+(\/s| m?s) \(Outpost [\d.]+ ×\)\.$/,
    )
  }
  await page.getByText('As a table').click()
  const table = page.getByRole('table', { name: 'What was measured' })
  expect(await table.getByRole('row').count()).toBe(1 + names.length)
  expect(await table.getByRole('cell', { name: /^10 Commands, each awaited$/ }).count()).toBe(1)
  await expectNoFaults(page, 'done')

  await page.getByRole('button', { name: 'Copy as text' }).click()
  await page.getByText('Copied.').waitFor()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  expect(copied.split('\n').filter((line) => /^- .*: Outpost .* ×\)$/.test(line))).toHaveLength(names.length)
  expect(copied).toMatch(/Chrome \d+ on \w+, \d+ cores?, clock ticks every/)

  // The book knows nothing of it, and the figures are still there afterwards.
  await goTo(page, 'settings')
  await page
    .locator('dt', { hasText: /^Events$/ })
    .locator('+ dd')
    .filter({ hasText: /^0$/ })
    .waitFor()
  await goTo(page, 'measure')
  await page.getByRole('heading', { name: 'Result' }).waitFor()
})

test('it can be cancelled, and leaves no database then either', async () => {
  const page = await open(1)
  await start(page)
  await measuringReaches(page, 2)
  expect(await measuringDatabases(page)).not.toEqual([])
  await expectNoFaults(page, 'running')
  await cancel(page)
  await page.locator('.stale', { hasText: 'Cancelled.' }).waitFor()
  expect(await measuringDatabases(page)).toEqual([])
  await expectNoFaults(page, 'cancelled')

  await page.getByRole('button', { name: 'Measure again' }).click()
  await measuringReaches(page, 1)
})

test('by keyboard alone one starts and cancels it', async () => {
  const page = await open(1)
  await page.getByRole('button', { name: 'Start measuring' }).focus()
  await page.keyboard.press('Enter')
  await measuringReaches(page, 1)
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel')
  await page.keyboard.press('Enter')
  await page.locator('.stale', { hasText: 'Cancelled.' }).waitFor()
})

test('who looks at something else ends it', async () => {
  const page = await open(1)
  await start(page)
  await measuringReaches(page, 1)
  await goTo(page, 'stock')
  await page.getByRole('heading', { level: 1, name: 'Stock' }).waitFor()
  await allAreGone(page)
  await goTo(page, 'measure')
  await page.getByRole('button', { name: 'Measure again' }).waitFor()
})

test('what a page leaves that is reloaded in the middle is removed', async () => {
  const page = await open(1)
  await start(page)
  await measuringReaches(page, 3)
  await page.reload()
  await allAreGone(page)
})

test('what a page leaves that is closed in the middle, the next visit removes, wherever it begins', async () => {
  const page = await open(1)
  await start(page)
  // Each of the three has stored something.
  await measuringReaches(page, 3)
  await page.close()
  const later = await browser.newPage()
  // Of the same origin, but without the demo.
  await later.goto(`${demo.url}icon.svg`)
  expect(await measuringDatabases(later)).not.toEqual([])
  await later.goto(demo.url)
  await later.getByRole('heading', { level: 1 }).waitFor()
  await allAreGone(later)
})

test('two tabs do not measure at once: the second one waits, and begins when the first one has ended', async () => {
  const [first, second] = [await open(1), await open(1)]
  await start(first)
  await measuringReaches(first, 1)
  await start(second)
  await second.getByText('Waiting until another tab has measured').waitFor()
  await cancel(second)
  await second.locator('.stale', { hasText: 'Cancelled.' }).waitFor()
  await second.getByRole('button', { name: 'Measure again' }).click()
  await second.getByText('Waiting until another tab has measured').waitFor()
  await first.close()
  await measuringReaches(second, 1)
})

test.each(['tasks.worker', 'by-hand.worker'])('where %s cannot be loaded, it says where it stopped and what to do', async (script) => {
  await browser.route(`**/${script}*`, (route) => route.abort())
  const page = await open(0.01)
  await start(page)
  const problem = page.locator('.problem').first()
  await problem.waitFor()
  expect(await problem.innerText()).toMatch(
    /^Measuring stopped at “10 Commands, each awaited”, (Outpost|By hand, in a worker: Event and row)\./,
  )
  expect(await problem.innerText()).toContain('Measure again. If it stops at the same place, reload the page first.')
  await expectNoFaults(page, 'failed')
})
