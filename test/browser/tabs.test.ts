/** Several tabs of one origin, each with its own worker on the same log: all of them write, none leads. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Acknowledged } from './pages/contend.ts'
import type { StockPage } from './pages/stock.ts'
import { launchChromium } from './support/chromium.ts'
import { prepareCrash } from './support/processes.ts'
import { openRemote, type Remote } from './support/remote.ts'
import { buildAndServe, type Served } from './support/serve.ts'
import { expectAcknowledged, expectShown, readLog } from './support/stock-log.ts'

const commandsEach = process.env['OUTPOST_LONG'] === '1' ? 5_000 : 1_000
const seed = Number(process.env['OUTPOST_SEED'] ?? 1)
const names = ['ann', 'ben', 'cas'] as const

type Tab = Remote<StockPage>

let served: Served
beforeAll(async () => {
  served = await buildAndServe({ entry: new URL('./pages/stock.ts', import.meta.url) })
})
afterAll(() => served.close())

let context: BrowserContext
beforeEach(async () => {
  context = await launchChromium()
})
afterEach(() => context.close())

/** All on one log; who sits at which shows in the Events. */
async function openTab(actor: string): Promise<Tab> {
  const tab = await openRemote<StockPage>(context, served.url)
  await tab.call('connect', { space: 'hall-7', principal: 'stockroom', actor })
  await tab.call('untilWorker', 'ready')
  return tab
}
const openTabs = async (): Promise<[Tab, Tab, Tab]> => [await openTab('ann'), await openTab('ben'), await openTab('cas')]

test(`three tabs with ${commandsEach} Commands each on the same ten Aggregates at once: they collide, lose nothing, and show the same`, async () => {
  const tabs = await openTabs()
  const items = Array.from({ length: 10 }, (_, i) => `item-${i}`)
  for (const aggregateId of items) {
    await tabs[0].call('give', { type: 'stockItem.register', aggregateId, payload: { name: aggregateId } })
    await tabs[0].call('give', { type: 'stockItem.receive', aggregateId, payload: { quantity: 50 } })
  }
  const told = await Promise.all(tabs.map((tab, i) => tab.call('contend', seed + i, names[i] as string, items, commandsEach)))
  const acknowledged = told.map((each) => JSON.parse(each) as readonly Acknowledged[])
  for (const each of acknowledged) expect(each).toHaveLength(commandsEach)

  const log = await readLog(tabs[0])
  expectAcknowledged(acknowledged.flat(), log)
  for (const tab of tabs) {
    await expectShown(tab, log)
    expect((await readLog(tab)).records).toEqual(log.records)
  }

  // Each tab's worker asked IndexedDB for a number that another had just taken, and decided again.
  const collisions = await Promise.all(tabs.map((tab) => tab.call('collisions')))
  expect(collisions.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(0)
  // They wrote at once, not one after the other: record follows record from another tab, all along.
  const writers = log.records.map(({ commands }) => commands[0]?.actor)
  const changes = writers.filter((actor, i) => i > 0 && actor !== writers[i - 1]).length
  expect(changes).toBeGreaterThan(commandsEach / 20)
  // And they had the rules against each other: there was not enough for all of them.
  expect(acknowledged.map((each) => each.some(({ outcome }) => !outcome.ok && (outcome.refusal as string) === 'outOfStock'))).toEqual([
    true,
    true,
    true,
  ])
})

test('a watch in one tab sees what another tab does', async () => {
  const [one, two] = await openTabs()
  await two.call('watch', 'stockList')
  await two.call('untilSeen', 'stockList', [])
  await one.call('give', { type: 'stockItem.register', aggregateId: 'a', payload: { name: 'A' } })
  await two.call('untilSeen', 'stockList', [{ sku: 'a', name: 'A', onHand: 0 }])
  await one.call('give', { type: 'stockItem.receive', aggregateId: 'a', payload: { quantity: 7 } })
  await two.call('untilSeen', 'stockList', [{ sku: 'a', name: 'A', onHand: 7 }])
  // And what that one does upon it, back in the first.
  await one.call('watch', 'stockList')
  expect(await two.call('give', { type: 'stockItem.pick', aggregateId: 'a', payload: { quantity: 7 } })).toMatchObject({ ok: true })
  await one.call('untilSeen', 'stockList', [{ sku: 'a', name: 'A', onHand: 0 }])
})

test('the status counts the tabs: one more, one closed, one crashed', async () => {
  const one = await openTab('ann')
  await one.call('untilTabs', 1)
  const two = await openTab('ben')
  const three = await openTab('cas')
  for (const tab of [one, two, three]) await tab.call('untilTabs', 3)
  await two.page.close()
  for (const tab of [one, three]) await tab.call('untilTabs', 2)
  const crash = await prepareCrash(three.page)
  await crash()
  await one.call('untilTabs', 1)
})

test('a tab that crashes while it writes takes nothing with it that was acknowledged, and stops nobody', async () => {
  const [one, two, three] = await openTabs()
  const items = ['a', 'b', 'c']
  for (const aggregateId of items) await one.call('give', { type: 'stockItem.register', aggregateId, payload: { name: aggregateId } })
  const crash = await prepareCrash(three.page)
  const cut = three.call('contend', seed, 'cas', items, 100_000).catch((error: unknown) => error)
  const rest = Promise.all([one, two].map((tab, i) => tab.call('contend', seed + i, names[i] as string, items, 400)))
  await one.call('untilPosition', 100)
  await crash()
  expect(await cut).toBeInstanceOf(Error)
  const acknowledged = (await rest).flatMap((each) => JSON.parse(each) as readonly Acknowledged[])
  const log = await readLog(one)
  expectAcknowledged(acknowledged, log)
  for (const tab of [one, two]) await expectShown(tab, log)
  expect(log.events.some(({ actor }) => actor === 'cas')).toBe(true)
})

test('a deleted log is closed in all tabs, and nothing of it remains', async () => {
  const [one, two, three] = await openTabs()
  await one.call('give', { type: 'stockItem.register', aggregateId: 'a', payload: { name: 'A' } })
  for (const tab of [two, three]) {
    await tab.call('watch', 'stockList')
    await tab.call('untilSeen', 'stockList', [{ sku: 'a', name: 'A', onHand: 0 }])
  }
  expect((await one.call('databases')).length).toBeGreaterThan(1)
  await two.call('destroy')
  for (const tab of [one, two, three]) {
    await tab.call('untilWorker', 'closed')
    expect(await tab.call('give', { type: 'stockItem.receive', aggregateId: 'a', payload: { quantity: 1 } })).toMatchObject({
      fault: 'closed',
    })
    expect(await tab.call('load', 'stockItem', ['a'])).toMatchObject([{ id: 'a', fault: 'closed' }])
    expect(await tab.call('databases')).toEqual([])
  }
  const fresh = await openTab('dan')
  expect((await readLog(fresh)).events).toEqual([])
})
