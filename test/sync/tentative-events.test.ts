/** `events$({ tentative: true })`: the pending tail as a page hears of it, and what the server makes of it. */
import { domain } from 'outpost'
import { testApp } from 'outpost/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { EventNews, TentativeEvent } from '../../src/domain/recorded-event.ts'
import { eventsFeed } from '../../src/worker/events-feed.ts'
import { stock, stockItem } from '../fixtures/stock.ts'
import { give, message } from '../support/engine.ts'
import { Fold, quiet, Tab } from './support/follower.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

let server: SmallServer
let storage: MemoryStorage
let other: Device
let tabs: Tab[]

/** @param before what the opening of its log waits for */
const openTab = async (before = (): Promise<void> => Promise.resolve()): Promise<Tab> => {
  const tab = await Tab.open(() => before().then(() => openDevice(server, 'a', storage.tab())))
  tabs.push(tab)
  return tab
}
beforeEach(async () => {
  server = await SmallServer.open()
  storage = createMemoryStorage()
  other = await openDevice(server, 'b')
  tabs = []
})
afterEach(async () => {
  for (const tab of tabs) await tab.close()
})

const register = ({ engine }: Device, sku: string) => give(engine, 'stockItem.register', sku, { name: sku })
const receive = ({ engine }: Device, sku: string, quantity: number) => give(engine, 'stockItem.receive', sku, { quantity })
const pick = ({ engine }: Device, sku: string, quantity: number) => give(engine, 'stockItem.pick', sku, { quantity })
const placeOrder = ({ engine }: Device, orderId: string, lines: Record<string, number>) =>
  give(engine, 'fulfilment.placeOrder', undefined, { orderId, lines })
const sync = async (device: Device): Promise<void> => {
  await device.push()
  await device.pull()
}
/** `sku` with so many, on both devices. */
async function stocked(tab: Tab, sku: string, quantity: number): Promise<void> {
  await register(tab.device, sku)
  await receive(tab.device, sku, quantity)
  await sync(tab.device)
  await other.pull()
}
/** What is told; of the inbox, whose Events are this device's own remarks, without the Command's id. */
async function told(fold: Fold): Promise<readonly string[]> {
  await quiet()
  return fold.told().map((news) => news.replace(/(returned) .*/, '$1'))
}

describe('what waits for the server', () => {
  test('is told as it is given, and as confirmed, with its places, when the server has it', async () => {
    const tab = await openTab()
    const fold = tab.follow(0)
    await register(tab.device, 'x')
    await receive(tab.device, 'x', 5)
    expect(await told(fold)).toEqual(['tentative stockItem.registered x', 'tentative stockItem.received x'])
    await sync(tab.device)
    expect(await told(fold)).toEqual(['confirmed stockItem.registered x', 'confirmed stockItem.received x'])
    expect(fold.confirmed.map(({ version, position }) => [version, position])).toEqual([
      [1, 1],
      [2, 2],
    ])
  })

  test('stays as it is where others were first: what it says is the same, only its places are others', async () => {
    const tab = await openTab()
    await stocked(tab, 'x', 20)
    const fold = tab.follow(2)
    await pick(tab.device, 'x', 2)
    await pick(tab.device, 'x', 1)
    await pick(other, 'x', 3)
    await other.push()
    await tab.device.pull()
    expect(await told(fold)).toEqual(['tentative stockItem.picked x', 'tentative stockItem.picked x', 'confirmed stockItem.picked x'])
    await sync(tab.device)
    expect(await told(fold)).toEqual(['confirmed stockItem.picked x', 'confirmed stockItem.picked x'])
    expect(fold.confirmed.map(({ version, data }) => [version, data])).toEqual([
      [3, { quantity: 3 }],
      [4, { quantity: 2 }],
      [5, { quantity: 1 }],
    ])
  })

  test('is withdrawn where the server refuses it', async () => {
    const tab = await openTab()
    await stocked(tab, 'x', 20)
    const fold = tab.follow(2)
    await pick(tab.device, 'x', 15)
    await pick(other, 'x', 15)
    await other.push()
    await tab.device.push()
    await tab.device.pull()
    expect(await told(fold)).toEqual([
      'tentative stockItem.picked x',
      'confirmed stockItem.picked x',
      'confirmed $inbox.returned',
      'withdrawn stockItem.picked x',
    ])
  })

  test('is withdrawn where it no longer holds here, and told anew where it does again', async () => {
    const tab = await openTab()
    await stocked(tab, 'x', 20)
    const fold = tab.follow(2)
    await pick(tab.device, 'x', 15)
    await pick(other, 'x', 15)
    await other.push()
    await tab.device.pull()
    expect(await told(fold)).toEqual(['tentative stockItem.picked x', 'confirmed stockItem.picked x', 'withdrawn stockItem.picked x'])
    await receive(other, 'x', 15)
    await other.push()
    await tab.device.pull()
    expect(await told(fold)).toEqual(['confirmed stockItem.received x', 'tentative stockItem.picked x'])
    await sync(tab.device)
    expect(await told(fold)).toEqual(['confirmed stockItem.picked x'])
  })

  test('is withdrawn where it comes to something else, here or at the server, and that is told instead', async () => {
    const tab = await openTab()
    await stocked(tab, 'x', 20)
    await stocked(tab, 'y', 20)
    const fold = tab.follow(4)
    await placeOrder(tab.device, 'o', { x: 15, y: 1 })
    await placeOrder(tab.device, 'p', { y: 14 })
    expect(await told(fold)).toEqual([
      'tentative order.placed o',
      'tentative stockItem.picked x',
      'tentative stockItem.picked y',
      'tentative order.placed p',
      'tentative stockItem.picked y',
    ])
    // Decided again here: the first order is another one; the second is as it was, and nothing is told of it.
    await pick(other, 'x', 15)
    await other.push()
    await tab.device.pull()
    expect(await told(fold)).toEqual([
      'confirmed stockItem.picked x',
      'withdrawn order.placed o',
      'tentative order.declined o',
      'withdrawn stockItem.picked x',
      'withdrawn stockItem.picked y',
    ])
    // And at the server: the second one, too.
    await pick(other, 'y', 15)
    await other.push()
    await sync(tab.device)
    expect(await told(fold)).toEqual([
      'confirmed stockItem.picked y',
      'confirmed order.declined o',
      'withdrawn order.placed p',
      'confirmed order.declined p',
      'confirmed $inbox.returned',
      'confirmed $inbox.returned',
      'withdrawn stockItem.picked y',
    ])
    expect(fold.tentative.size).toBe(0)
  })

  test('is withdrawn with its Command, and what follows it only where it rested on that', async () => {
    const tab = await openTab()
    await stocked(tab, 'x', 20)
    const fold = tab.follow(2)
    const { commandId } = await receive(tab.device, 'x', 10)
    await pick(tab.device, 'x', 5)
    await pick(tab.device, 'x', 16)
    await told(fold)
    expect(await tab.device.sync.withdraw(commandId)).toBe(true)
    expect(await told(fold)).toEqual(['withdrawn stockItem.received x', 'withdrawn stockItem.picked x'])
    await sync(tab.device)
    expect(await told(fold)).toEqual(['confirmed stockItem.picked x', 'confirmed $inbox.returned'])
  })

  test('is a log’s whole tail where none was confirmed after the place that is given, and what comes after that place where all was', async () => {
    const tab = await openTab()
    await stocked(tab, 'x', 20)
    await receive(tab.device, 'x', 1)
    const [all, rest, fromNow] = [tab.follow(0), tab.follow(1), tab.follow()]
    await quiet()
    expect(all.told()).toEqual(['confirmed stockItem.registered x', 'confirmed stockItem.received x', 'tentative stockItem.received x'])
    expect(rest.told()).toEqual(['confirmed stockItem.received x', 'tentative stockItem.received x'])
    expect(fromNow.told()).toEqual(['tentative stockItem.received x'])
    await sync(tab.device)
    const late = tab.follow(2)
    for (const fold of [all, rest, fromNow, late]) expect(await told(fold)).toEqual(['confirmed stockItem.received x'])
  })

  test('is nothing in a log without a server: what is recorded is confirmed', async () => {
    const app = testApp(stock)
    const news: string[] = []
    app.events$({ after: 0, tentative: true }).subscribe(({ state, event }) => news.push(`${state} ${event.type}`))
    await app.commands.stockItem.register('x', { name: 'X' })
    await app.commands.stockItem.receive('x', { quantity: 7 })
    await quiet()
    expect(news).toEqual(['confirmed stockItem.registered', 'confirmed stockItem.received'])
    await app.close()
  })
})

test('who hears of confirmed Events alone hears, from now on, of those too that waited when he began', async () => {
  const tab = await openTab()
  await stocked(tab, 'x', 20)
  await receive(tab.device, 'x', 1)
  const [confirmed, fold] = [tab.confirmed(), tab.follow()]
  await quiet()
  await receive(tab.device, 'x', 2)
  await quiet()
  expect(confirmed).toEqual([])
  await sync(tab.device)
  await quiet()
  expect(confirmed.map(({ data }) => data)).toEqual([{ quantity: 1 }, { quantity: 2 }])
  expect(fold.confirmed).toEqual(confirmed)
})

describe('two tabs of one log', () => {
  test('hear of what is given, made void and confirmed in the other one', async () => {
    const [one, two] = [await openTab(), await openTab()]
    await stocked(one, 'x', 20)
    await two.device.engine.catchUp()
    const folds = [one.follow(2), two.follow(2)]
    await quiet()
    await pick(one.device, 'x', 15)
    await two.device.engine.catchUp()
    for (const fold of folds) expect(await told(fold)).toEqual(['tentative stockItem.picked x'])
    await pick(other, 'x', 10)
    await other.push()
    await two.device.pull()
    await one.device.engine.catchUp()
    for (const fold of folds) expect(await told(fold)).toEqual(['confirmed stockItem.picked x', 'withdrawn stockItem.picked x'])
    await receive(two.device, 'x', 1)
    await one.device.engine.catchUp()
    for (const fold of folds) expect(await told(fold)).toEqual(['tentative stockItem.received x'])
    await sync(two.device)
    await one.device.engine.catchUp()
    for (const fold of folds) expect(await told(fold)).toEqual(['confirmed stockItem.received x', 'confirmed $inbox.returned'])
    expect(folds.map(({ tentative }) => tentative.size)).toEqual([0, 0])
    expect(folds[0]?.confirmed).toEqual(folds[1]?.confirmed)
  })
})

describe('when the worker is replaced', () => {
  test('nothing is told twice, and what ended meanwhile is told', async () => {
    let opening = Promise.resolve()
    const tab = await openTab(() => opening)
    const second = await openTab()
    await stocked(tab, 'x', 20)
    const [fold, confirmed] = [tab.follow(0), tab.confirmed(0)]
    await pick(tab.device, 'x', 5)
    await pick(tab.device, 'x', 10)
    await quiet()
    await tab.replaceWorker()
    expect((await told(fold)).slice(2)).toEqual(['tentative stockItem.picked x', 'tentative stockItem.picked x'])

    let open = (): void => undefined
    opening = new Promise((resolve) => (open = resolve))
    const replaced = tab.replaceWorker()
    await second.device.engine.catchUp()
    await pick(other, 'x', 10)
    await other.push()
    await sync(second.device)
    await receive(second.device, 'x', 3)
    open()
    await replaced
    expect(await told(fold)).toEqual([
      'confirmed stockItem.picked x',
      'confirmed stockItem.picked x',
      'confirmed $inbox.returned',
      'tentative stockItem.received x',
      'withdrawn stockItem.picked x',
    ])
    expect(fold.confirmed).toEqual(confirmed)
    await tab.replaceWorker()
    expect(await told(fold)).toEqual([])
  })
})

/** A page's side of a feed on this engine, some of whose reads are another's. */
function feedOn(engine: Device['engine'], readEvents: Device['engine']['readEvents']) {
  const fold = new Fold()
  const topic = { kind: 'events', after: { position: 0 }, tentative: new Map<string, TentativeEvent>() } as const
  const feed = eventsFeed(Object.create(engine, { readEvents: { value: readEvents } }) as typeof engine, topic, {
    ring: () => undefined,
    fail: (thrown) => expect(thrown).toBeUndefined(),
  })
  /** @returns false where there was nothing to take */
  const take = (): boolean => {
    const page = feed.take()
    if (page?.kind === 'events') for (const news of page.told) fold.take(news as EventNews)
    return page !== undefined
  }
  return { fold, feed, take }
}

test('what is confirmed while the tail is read is never told as tentative', async () => {
  const tab = await openTab()
  const { device } = tab
  await stocked(tab, 'x', 20)
  await pick(other, 'x', 1)
  await other.push()
  let between = (): Promise<void> => Promise.resolve()
  const { fold, feed, take } = feedOn(device.engine, async (...given) => {
    const events = await device.engine.readEvents(...given)
    if (events.length === 0) await between()
    return events
  })
  take()
  await quiet()
  // When all that is confirmed has been read, and the tail is read next.
  between = () => {
    between = () => Promise.resolve()
    return device.pull()
  }
  while (take()) await quiet()
  expect(fold.told()).toEqual(['confirmed stockItem.registered x', 'confirmed stockItem.received x', 'confirmed stockItem.picked x'])
  feed.close()
})

test('a slow subscriber has one page read ahead for it, however much is given, confirmed and withdrawn meanwhile', async () => {
  const tab = await openTab()
  const { engine } = tab.device
  await stocked(tab, 'x', 5000)
  let reads = 0
  const { fold, feed, take } = feedOn(engine, (...given) => {
    reads++
    return engine.readEvents(...given)
  })
  take()
  await quiet()
  const before = reads
  const picks = Array.from({ length: 50 }, () => message('stockItem.pick', 'x', { quantity: 1 }))
  for (let i = 0; i < 30; i++) await Promise.all(engine.dispatch(picks.map((each) => ({ ...each, id: `${each.id} ${i}` }))))
  await pick(other, 'x', 4000)
  await other.push()
  await tab.device.pull()
  await quiet()
  expect(reads).toBe(before)
  while (take()) await quiet()
  // 1,000 that still hold, and the purchase order that the last ones bring about.
  expect([fold.confirmed.length, fold.tentative.size]).toEqual([3, 1001])
  feed.close()
})

test('a build that does not know what waits is told so, as with what is confirmed', async () => {
  const tab = await openTab()
  await stocked(tab, 'x', 20)
  await placeOrder(tab.device, 'o', { x: 1 })
  const older = await Tab.open(() => openDevice(server, 'a', storage.tab(), { domain: domain('stock', { aggregates: [stockItem] }) }))
  tabs.push(older)
  const codes: string[] = []
  const confirmed = older.confirmed(0)
  older.app.events$({ after: 0, tentative: true }).subscribe({ error: ({ code }: { code: string }) => codes.push(code) })
  await quiet()
  expect(codes).toEqual(['outdated'])
  expect(confirmed).toHaveLength(2)
})
