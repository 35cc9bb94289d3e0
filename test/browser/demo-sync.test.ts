/** Stockroom and its server: several devices, cut off, killed, and together again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { sampleOrders } from '../../demo/src/import/sample.ts'
import { fileOf, figuresOf, figuresOn, importFile } from '../demo/demo-page.ts'
import { startDemo, type DemoServer } from '../demo/demo-server.ts'
import { independentFold } from '../demo/independent-fold.ts'
import { faults, looks } from '../demo/page-faults.ts'
import { readServerLog } from '../demo/server-log.ts'
import { embeddedFolder } from '../support/embedded-folder.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { launchChromium } from './support/chromium.ts'
import { prepareKill } from './support/processes.ts'

const timeoutMs = 30_000

let folder: string
let demo: DemoServer
beforeEach(async () => {
  folder = await embeddedFolder()
  demo = await startDemo(folder)
})
afterEach(async () => {
  // What was under way ends well, whatever the test has done to it.
  expect(await demo.stop()).toBe(0)
  await rm(folder, { recursive: true, force: true })
})

/** With another database than the embedded one. */
async function startDemoOn(databaseUrl: string): Promise<void> {
  await demo.stop()
  demo = await startDemo(folder, { DATABASE_URL: databaseUrl })
}

async function launch(options: Parameters<typeof launchChromium>[0] = {}): Promise<BrowserContext> {
  const browser = await launchChromium(options)
  browser.setDefaultTimeout(timeoutMs)
  onTestFinished(() => browser.close())
  return browser
}

async function open(browser: BrowserContext, place = ''): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${demo.url}#/${place}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  return page
}
/** A device of its own, and who is at it. */
async function openAs(name: string): Promise<Page> {
  const browser = await launch()
  await browser.addInitScript((person) => localStorage.setItem('stockroom.name', person), name)
  return open(browser)
}
const goTo = (page: Page, place: string): Promise<void> => page.evaluate((hash) => void (location.hash = hash), `#/${place}`)

/** How the book of this page stands with the server. */
const syncBar = (page: Page): Locator => page.locator('.sync-bar')
/** Nothing to send, nothing to come. */
const isInStep = (page: Page): Promise<void> => page.locator('.sync-bar .status.good', { hasText: 'Up to date' }).waitFor()
/** So much of this round is done, and not all of it. */
const roundReaches = async (page: Page, steps: number): Promise<void> => {
  const round = await page.waitForFunction(
    (least) => {
      const [done = 0, of = 0] = (document.querySelector('.sync-bar .sync-text .number')?.textContent ?? '')
        .split(' of ')
        .map((text) => Number(text.replaceAll(',', '')))
      return done >= least ? { done, of } : undefined
    },
    steps,
    { timeout: 60_000 },
  )
  const { done, of } = (await round.jsonValue()) as { done: number; of: number }
  expect(done).toBeLessThan(of)
}
const hasToSend = (page: Page, changes: number): Promise<void> =>
  page.locator(`.sync-bar [data-testid="to-send"][data-value="${changes}"]`).waitFor()

const pick = async (page: Page, units: number): Promise<void> => {
  await page.getByRole('spinbutton', { name: 'Units to pick' }).fill(String(units))
  await page.getByRole('button', { name: 'Pick', exact: true }).click()
  await page.getByText(`${units} ${units === 1 ? 'unit' : 'units'} picked.`).waitFor()
}
const onHand = (page: Page, units: number): Promise<void> => page.locator('.on-hand', { hasText: new RegExp(`^${units} `) }).waitFor()

describe('two devices in one window', () => {
  const device = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true })
  const network = (page: Page, name: string): Locator => page.getByRole('switch', { name: `Network of ${name}` })
  const lamps = (page: Page, name: string, units: number): Promise<void> =>
    device(page, name)
      .locator('[data-sku="LAMP"] [data-testid="on-hand"]', { hasText: new RegExp(`^${units}$`) })
      .waitFor()
  const waiting = (page: Page, name: string): Locator => device(page, name).locator('[data-sku="LAMP"]').getByText('Waiting')
  const act = (page: Page, name: string, what: string): Promise<void> => device(page, name).getByRole('button', { name: what }).click()

  /** Both have picked all three while apart; `Left` has joined first. */
  async function apartAndTogether(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Prepare the scene' }).click()
    await page.getByText('Both are joined, and three lamps are left.').waitFor()
    for (const name of ['Left', 'Right']) {
      await network(page, name).click()
      await act(page, name, 'All of LAMP')
      await lamps(page, name, 0)
      await device(page, name).getByText('Offline').waitFor()
      await device(page, name).getByText('1 change to send').waitFor()
      await waiting(page, name).waitFor()
    }
    for (const name of ['Left', 'Right']) {
      await network(page, name).click()
      await device(page, name).getByText('Up to date').waitFor()
      await waiting(page, name).waitFor({ state: 'hidden' })
    }
  }

  test('pick the last items while apart; together one is refused, told in the inbox, and dealt with', async () => {
    const page = await open(await launch(), 'devices')
    await apartAndTogether(page)
    const [left, right] = [device(page, 'Left'), device(page, 'Right')]
    await right.getByRole('listitem').filter({ hasText: 'Pick 3 units of LAMP' }).waitFor()
    await right.getByText('There is none left.').waitFor()
    expect(await right.locator('.inbox-entry').innerText()).toContain('3 units of LAMP picked.')
    expect(await right.getByTestId('inbox-count').getAttribute('data-value')).toBe('1')
    expect(await left.locator('.inbox-entry').count()).toBe(0)
    // It was nobody's book but theirs.
    expect(await page.locator('.places').getByTestId('inbox-count').count()).toBe(0)

    // Nothing has changed yet: it is refused again, and stays.
    await act(page, 'Right', 'Try again Pick 3 units of LAMP')
    await right.locator('.said .bad', { hasText: 'There is none left.' }).waitFor()
    expect(await right.locator('.inbox-entry').count()).toBe(1)

    await act(page, 'Left', 'Receive 1 of LAMP')
    await lamps(page, 'Right', 1)
    await act(page, 'Right', 'Change Pick 3 units of LAMP')
    await right.getByRole('spinbutton', { name: 'Units instead' }).fill('1')
    await act(page, 'Right', 'Send')
    await right.getByText('Nothing came back.').waitFor()
    await lamps(page, 'Left', 0)
    await lamps(page, 'Right', 0)

    const { events } = await readServerLog(demo.url, 'two-devices')
    expect(events.filter(({ aggregateId }) => aggregateId === 'LAMP').map(({ type, data }) => [type, data])).toEqual([
      ['stockItem.registered', { name: 'Desk lamp', openingStock: 3, reorderPoint: 0 }],
      ['stockItem.counted', { onHand: 3, difference: 0 }],
      ['stockItem.picked', { quantity: 3 }],
      ['stockItem.received', { quantity: 1 }],
      ['stockItem.picked', { quantity: 1 }],
    ])
  })

  test('what is cut off stays so over a reload, with all that waits; what came back can be let go', async () => {
    const page = await open(await launch(), 'devices')
    await apartAndTogether(page)
    await network(page, 'Right').click()
    await act(page, 'Right', 'Receive 1 of LAMP')
    await waiting(page, 'Right').waitFor()
    await page.reload()
    await waiting(page, 'Right').waitFor()
    await device(page, 'Right').getByText('1 change to send').waitFor()
    expect(await network(page, 'Right').isChecked()).toBe(false)
    expect(await network(page, 'Left').isChecked()).toBe(true)
    await lamps(page, 'Left', 0)

    await act(page, 'Right', 'Discard Pick 3 units of LAMP')
    await device(page, 'Right').getByText('Nothing came back.').waitFor()
    await network(page, 'Right').click()
    await lamps(page, 'Left', 1)
    await waiting(page, 'Right').waitFor({ state: 'hidden' })
  })

  test.each(looks)('fit and are accessible on a $name, as does a full inbox', async ({ viewport, colorScheme }) => {
    const page = await open(await launch(), 'devices')
    await page.setViewportSize(viewport)
    // A colour on its way to another one is none that anybody chose.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await apartAndTogether(page)
    await network(page, 'Left').click()
    await act(page, 'Left', 'Receive 1 of LAMP')
    await waiting(page, 'Left').waitFor()
    await act(page, 'Right', 'Change Pick 3 units of LAMP')
    expect(await faults(page)).toEqual([])
  })
})

test.each(['the embedded database', 'PostgreSQL'])('two people on one book see the same, and what both did, on %s', async (database) => {
  if (database === 'PostgreSQL') {
    const postgres = await startPostgres()
    onTestFinished(() => postgres.stop())
    const url = await postgres.database()
    await startDemoOn(url)
    expect(await postgres.query("SELECT 1 FROM information_schema.schemata WHERE schema_name = 'outpost'", url)).toHaveLength(1)
  }
  const [ann, bob] = [await openAs('ann'), await openAs('bob')]
  const orders = 'BOLT,NUT,NUT\nBOLT\nWASHER\n'
  await importFile(ann, fileOf(orders))
  const expected = figuresOf(independentFold(orders, 500, 50))
  await bob.locator(`[data-testid="units-picked"][data-value="${expected.unitsPicked}"]`).waitFor()
  expect(await figuresOn(bob)).toEqual(expected)

  await goTo(bob, 'stock/BOLT')
  await pick(bob, 8)
  await goTo(ann, 'stock/BOLT')
  await onHand(ann, 490)
  await pick(ann, 90)
  await onHand(bob, 400)
  for (const page of [ann, bob]) {
    await isInStep(page)
    await goTo(page, '')
    expect(await figuresOn(page)).toMatchObject({ unitsPicked: expected.unitsPicked + 98, unitsOnHand: expected.unitsOnHand - 98 })
  }
  const { commands } = await readServerLog(demo.url, 'hall-1')
  expect(new Set(commands.map(({ actor }) => actor))).toEqual(new Set(['ann', 'bob']))
})

test('what came back, what waits, and how sync stands fit and are accessible, and the way to the inbox says how much is in it', async () => {
  const [ann, bob] = [await openAs('ann'), await openAs('bob')]
  await importFile(ann, fileOf('BOLT,NUT\n'))
  await goTo(bob, 'stock/BOLT')
  await onHand(bob, 499)
  await isInStep(ann)
  await ann.getByRole('button', { name: 'Pause sync' }).click()
  await goTo(ann, 'log')
  await ann.locator('.log li').first().waitFor()
  await goTo(ann, 'stock/BOLT')
  await pick(ann, 400)
  await pick(ann, 90)
  await pick(bob, 490)
  await isInStep(bob)
  await ann.getByRole('button', { name: 'Resume sync' }).click()
  await ann.locator('.places [data-testid="inbox-count"][data-value="2"]').waitFor()
  await demo.kill()
  await goTo(ann, 'stock/NUT')
  await pick(ann, 7)
  await hasToSend(ann, 1)
  await syncBar(ann).getByText('Offline').waitFor()
  for (const { name, viewport, colorScheme } of looks) {
    await ann.setViewportSize(viewport)
    await ann.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const [place, ready] of [
      ['inbox', '.inbox-entry'],
      ['log', '.log summary :text("Withdrawn")'],
      ['settings', '.facts'],
      ['stock', '.table .waiting'],
      ['stock/NUT', '.on-hand .waiting'],
      ['devices', '.device'],
    ] as const) {
      await goTo(ann, place)
      await ann.locator(ready).first().waitFor()
      expect({ name, place, faults: await faults(ann) }).toEqual({ name, place, faults: [] })
    }
  }
  await demo.start()
})

test('one pauses, works on, and resumes', async () => {
  const [ann, bob] = [await openAs('ann'), await openAs('bob')]
  await importFile(ann, fileOf('BOLT\n'))
  await isInStep(ann)
  await ann.getByRole('button', { name: 'Pause sync' }).click()
  await syncBar(ann).getByText('Sync is paused').waitFor()
  await goTo(ann, 'stock/BOLT')
  await pick(ann, 9)
  await hasToSend(ann, 1)
  await ann.locator('.on-hand').getByText('Waiting').waitFor()
  await goTo(ann, 'stock')
  await ann.getByRole('row', { name: /^BOLT/ }).getByText('Waiting').waitFor()
  await goTo(bob, 'stock/BOLT')
  await onHand(bob, 499)
  await ann.getByRole('button', { name: 'Resume sync' }).click()
  await onHand(bob, 490)
  await isInStep(ann)
  expect(await ann.getByText('Waiting').count()).toBe(0)
})

test('a server that dies in the middle of it all, and comes back, has lost and doubled nothing', async () => {
  const orders = sampleOrders({ orders: 6000 }).join('\n')
  const expected = figuresOf(independentFold(orders, 500, 50))
  const ann = await openAs('ann')
  await isInStep(ann)
  await demo.kill()
  await importFile(ann, fileOf(orders))
  for (const deaths of [1, 2]) {
    await demo.start()
    const before = (await readServerLog(demo.url, 'hall-1')).commands.length
    await roundReaches(ann, 1000)
    await demo.kill()
    await syncBar(ann).getByText('Offline').waitFor()
    const of = `before death ${deaths}`
    expect({ of, some: before < 6000 }).toEqual({ of, some: true })
  }
  await demo.start()
  const { length } = (await readServerLog(demo.url, 'hall-1')).commands
  expect(length).toBeGreaterThan(0)
  expect(length).toBeLessThan(6000)
  await isInStep(ann)
  expect(await figuresOn(ann)).toEqual(expected)
  const bob = await openAs('bob')
  await isInStep(bob)
  expect(await figuresOn(bob)).toEqual(expected)
  const { commands } = await readServerLog(demo.url, 'hall-1')
  const placed = commands.filter(({ type }) => type === 'fulfilment.placeOrder')
  expect([placed.length, new Set(placed.map(({ id }) => id)).size]).toEqual([6000, 6000])
  expect(placed.every(({ outcome }) => outcome.ok)).toBe(true)
})

describe('with changes that have not been sent', () => {
  let browser: BrowserContext
  let page: Page
  beforeEach(async () => {
    browser = await launch()
    page = await open(browser)
    await importFile(page, fileOf('BOLT\n'))
    await isInStep(page)
    await goTo(page, 'settings')
    await page.getByLabel('Your name').fill('ann')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('.brand small', { hasText: 'hall-1 · ann' }).waitFor()
    await goTo(page, 'stock/BOLT')
    await onHand(page, 499)
    await demo.kill()
    await pick(page, 9)
    await pick(page, 10)
    await hasToSend(page, 2)
  })

  test('a reload keeps them, marked as they were, and they are sent when the server is back', async () => {
    await page.reload()
    await onHand(page, 480)
    await page.locator('.on-hand').getByText('Waiting').waitFor()
    await hasToSend(page, 2)
    await demo.start()
    await isInStep(page)
    await page.locator('.on-hand').getByText('Waiting').waitFor({ state: 'hidden' })
    await onHand(page, 480)
  })

  test('the log shows them as waiting, and their places as soon as the server has them', async () => {
    await goTo(page, 'log')
    const waiting = page.locator('.log summary').getByText('Waiting')
    await expect.poll(() => waiting.count(), { timeout: timeoutMs }).toBe(2)
    const newest = page.locator('.log li', { hasText: 'stockItem.picked' }).first()
    await newest.locator('summary').focus()
    await page.keyboard.press('Enter')
    await newest.locator('.events-head').getByText('Waiting').waitFor()
    for (const { name, viewport, colorScheme } of looks) {
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      expect({ name, faults: await faults(page) }).toEqual({ name, faults: [] })
    }
    await demo.start()
    await newest.locator('.log-position', { hasText: /^#\d+$/ }).waitFor()
    await newest.locator('.events-head', { hasText: /version \d+, #\d+$/ }).waitFor()
    await waiting.first().waitFor({ state: 'hidden' })
    expect(await page.locator('.log').getByText('Withdrawn').count()).toBe(0)
  })

  test('one is told how many before one signs out; they are sent when one is back', async () => {
    await goTo(page, 'settings')
    await page.getByRole('button', { name: 'Sign out…' }).click()
    await page.getByText('2 changes have not reached the server yet.').waitFor()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.locator('.brand small', { hasText: /^hall-1$/ }).waitFor()
    await demo.start()
    await isInStep(page)
    await goTo(page, 'stock/BOLT')
    await onHand(page, 499)

    await goTo(page, 'settings')
    await page.getByLabel('Your name').fill('ann')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('.brand small', { hasText: 'hall-1 · ann' }).waitFor()
    await isInStep(page)
    await goTo(page, 'stock/BOLT')
    await onHand(page, 480)
  })

  test('one is told that deleting loses them, and they are gone; all else comes back from the server', async () => {
    await goTo(page, 'settings')
    await page.getByRole('button', { name: 'Delete my data…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delete your copy of the book?' })
    await dialog.getByText('2 changes have not reached the server yet: nobody else has them, and they are lost for good.').waitFor()
    await dialog.getByRole('button', { name: 'Delete it' }).click()
    await page.locator('.brand small', { hasText: /^hall-1$/ }).waitFor()
    await demo.start()

    await goTo(page, 'settings')
    await page.getByLabel('Your name').fill('ann')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('.brand small', { hasText: 'hall-1 · ann' }).waitFor()
    await goTo(page, 'stock/BOLT')
    await onHand(page, 499)
    await isInStep(page)
  })
})

test('fifty Commands of a cold browser without network or server, killed before it has either, are each confirmed once', async () => {
  const profileDir = await mkdtemp(join(tmpdir(), 'outpost-cold-'))
  onTestFinished(() => rm(profileDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  let browser = await launch({ profileDir })
  let page = await open(browser)
  await importFile(page, fileOf('BOLT\n'))
  await isInStep(page)
  await goTo(page, 'settings')
  await page.locator('dt', { hasText: 'Starts offline' }).locator('+ dd').filter({ hasText: /^Yes$/ }).waitFor()
  const before = await readServerLog(demo.url, 'hall-1')
  await demo.kill()
  await prepareKill(browser, profileDir)()

  browser = await launch({ profileDir })
  await browser.setOffline(true)
  await expect(fetch(demo.url)).rejects.toThrow('fetch failed')
  page = await open(browser, 'stock/BOLT')
  let left = 499
  for (let n = 1; n <= 50; n++) {
    const units = 1 + (n % 4)
    await pick(page, units)
    left -= units
  }
  await onHand(page, left)
  await hasToSend(page, 50)
  await prepareKill(browser, profileDir)()

  browser = await launch({ profileDir })
  await browser.setOffline(true)
  page = await open(browser, 'stock/BOLT')
  await onHand(page, left)
  await hasToSend(page, 50)
  const given = await page.evaluate(() => document.querySelectorAll('.table .waiting').length)
  expect(given).toBeGreaterThan(0)
  await demo.start()
  await browser.setOffline(false)
  await isInStep(page)
  await onHand(page, left)
  expect(await page.getByText('Waiting').count()).toBe(0)

  const after = await readServerLog(demo.url, 'hall-1')
  const picks = after.commands.slice(before.commands.length)
  expect(picks.map(({ type, outcome }) => ({ type, ok: outcome.ok }))).toEqual(Array(50).fill({ type: 'stockItem.pick', ok: true }))
  expect(new Set(picks.map(({ id }) => id)).size).toBe(50)
  expect(picks.every(({ duplicateOf, withdrawn }) => duplicateOf === undefined && withdrawn === undefined)).toBe(true)
  const picked = after.events.slice(before.events.length)
  expect(picked.map(({ type, data }) => [type, data])).toEqual(
    Array.from({ length: 50 }, (_, i) => ['stockItem.picked', { quantity: 1 + ((i + 1) % 4) }]),
  )
  await goTo(page, 'inbox')
  await page.getByText('Nothing came back.').waitFor()
})
