/** One tab syncs for all: who has the role, and how it moves on from one who is hidden, frozen or dead. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Device, type Tab } from './support/device.ts'

let device: Device
const pass = (ms: number): Promise<void> => device.clock.advance(ms)
const holders = (): Tab[] => device.tabs.filter((tab) => !tab.isDead && tab.status.here)

beforeEach(() => (device = new Device()))
afterEach(async () => {
  for (const tab of device.tabs) {
    if (!tab.isDead) tab.thaw()
    expect(tab.reported).toEqual([])
  }
  const closed = device.closeAll()
  await pass(3000)
  await closed
})

const openThree = async (): Promise<[Tab, Tab, Tab]> => {
  const tabs = [device.open(), device.open(), device.open()] as [Tab, Tab, Tab]
  await pass(1000)
  return tabs
}
const stillSyncs = async (): Promise<void> => {
  const ids = device.log.give(1)
  device.server.foreign(1)
  await pass(1000)
  expect(device.log.ended).toEqual(expect.arrayContaining(ids))
  expect(device.log.cursor?.record).toBe(device.server.head)
  expect(holders()).toHaveLength(1)
}

describe('of several tabs', () => {
  test('one syncs, and each knows how it stands and whether it is the one', async () => {
    const [first, second, third] = await openThree()
    expect(device.server.requestsOf('connect')).toHaveLength(1)
    expect([first, second, third].map(({ status }) => status.here)).toEqual([true, false, false])
    for (const { status } of [first, second, third])
      expect(status).toMatchObject({ state: 'upToDate', lastSyncedAt: first.status.lastSyncedAt })
    device.network.isUp = false
    device.log.give(2)
    await pass(200)
    for (const { status } of [first, second, third]) expect(status).toMatchObject({ state: 'offline', pending: 2 })
  })
  test('each pushes through the one that syncs', async () => {
    await openThree()
    await stillSyncs()
  })
  test('a tab that comes later learns at once how it stands', async () => {
    await openThree()
    device.network.isUp = false
    device.network.cut()
    await pass(500)
    const late = device.open()
    await pass(10)
    expect(late.status).toMatchObject({ state: 'offline', here: false })
  })
  test('pause, resume and now hold for all, whoever is asked', async () => {
    const [first, second, third] = await openThree()
    void third.sync.request('pause')
    await pass(100)
    for (const { status } of [first, second, third]) expect(status.state).toBe('paused')
    device.log.give(1)
    await first.close()
    await pass(3000)
    expect(holders()).toHaveLength(1)
    expect(device.log.ended).toEqual([])
    for (const { status } of [second, third]) expect(status.state).toBe('paused')
    const late = device.open()
    await pass(10)
    expect(late.status.state).toBe('paused')
    void second.sync.request('resume')
    await pass(1000)
    expect(device.log.ended).toHaveLength(1)
    device.network.isUp = false
    device.network.cut()
    await pass(600_000)
    device.network.isUp = true
    void late.sync.request('now')
    await pass(200)
    expect(late.status.state).toBe('upToDate')
  })
})

describe('the role moves on', () => {
  test('at once when its tab is closed', async () => {
    const [first] = await openThree()
    await first.close()
    await pass(100)
    await stillSyncs()
  })
  test('at once when its tab dies, in the middle of a push', async () => {
    const [first] = await openThree()
    const ids = device.log.give(5)
    await pass(60)
    expect(device.log.sent).toBe(5)
    first.kill()
    await pass(1000)
    expect(device.log.ended).toEqual(ids)
    expect(ids.map((id) => device.server.effects.get(id))).toEqual([1, 1, 1, 1, 1])
    await stillSyncs()
  })
  test('from a frozen tab, after some seconds, to a visible one', async () => {
    const [first, second] = await openThree()
    first.freeze()
    await pass(8000)
    expect(device.holder).toBe(first)
    await pass(8000)
    expect(device.holder).not.toBe(first)
    first.thaw()
    await pass(100)
    expect(first.status.here).toBe(false)
    expect(second.status.state).toBe('upToDate')
    await stillSyncs()
  })
  test('not from a frozen tab to hidden ones, which are no better', async () => {
    const [first, second, third] = await openThree()
    for (const tab of [second, third]) tab.sync.setVisible(false)
    first.freeze()
    await pass(120_000)
    expect(device.holder).toBe(first)
    second.sync.setVisible(true)
    await pass(15_000)
    expect(device.holder).toBe(second)
  })
  test('from a hidden tab to a visible one, after a while', async () => {
    const [first, second, third] = await openThree()
    first.sync.setVisible(false)
    second.sync.setVisible(false)
    await pass(25_000)
    expect(device.holder).toBe(first)
    await pass(45_000)
    expect(device.holder).toBe(third)
    await stillSyncs()
  })
  test('not from a hidden tab while no other is visible', async () => {
    const [first, second, third] = await openThree()
    for (const tab of [first, second, third]) tab.sync.setVisible(false)
    await pass(600_000)
    expect(device.holder).toBe(first)
    await stillSyncs()
  })
  test('not from a living tab to one that hears nothing: silence alone is no sign', async () => {
    const [first, second, third] = await openThree()
    await third.close()
    second.isDeaf = true
    await pass(600_000)
    expect(device.holder).toBe(first)
    second.isDeaf = false
  })
  test('not from a living tab because the one that waits was frozen itself', async () => {
    const [first, second, third] = await openThree()
    await third.close()
    second.freeze()
    await pass(60_000)
    second.thaw()
    await pass(9000)
    expect(device.holder).toBe(first)
  })
  test('seldom, where tabs steal it from one another', async () => {
    const tabs = await openThree()
    let changes = 0
    let before = device.holder
    // Each hears itself, and none the others.
    for (const tab of tabs) tab.hearsOnlyItself = true
    for (let i = 0; i < 600; i++) {
      await pass(1000)
      if (device.holder !== before) changes++
      before = device.holder
    }
    expect(changes).toBeGreaterThan(1)
    expect(changes).toBeLessThan(25)
    for (const tab of tabs) tab.hearsOnlyItself = false
    await pass(1000)
    await stillSyncs()
  })
})

describe('one who lost the role while he was frozen', () => {
  test('sends and applies nothing any more after he is thawed, whatever he had in hand', async () => {
    const [first] = await openThree()
    device.log.give(3)
    // Frozen when the answer to its push is under way.
    await pass(65)
    first.freeze()
    const before = device.server.requests.length
    await pass(30_000)
    expect(device.log.ended).toHaveLength(3)
    const after = device.server.requests.length
    expect(after).toBeGreaterThan(before)
    device.network.isUp = false
    device.network.cut()
    device.log.give(1)
    const { applied, sent } = device.log
    first.thaw()
    await pass(10_000)
    expect(device.log.applied).toBe(applied)
    expect(first.status.here).toBe(false)
    device.network.isUp = true
    void device.tabs[1]?.sync.request('now')
    await pass(1000)
    expect(device.log.sent).toBeGreaterThan(sent)
    await stillSyncs()
  })
  test('notices by the epoch, even before the browser tells him that the lock was stolen', async () => {
    const [first] = await openThree()
    const { log } = device
    await pass(1000)
    // Another one has the role, and nothing was said of it: the worst that a browser could do.
    await log.meta.update<number>('sync.role', (epoch = 0) => epoch + 1)
    log.give(1)
    // It would be sent after 50 ms; he has to take the role again first, and to connect.
    await pass(80)
    expect(log.sent).toBe(0)
    expect(device.server.requestsOf('push')).toEqual([])
    await pass(1000)
    expect(log.ended).toHaveLength(1)
    expect(first.reported).toEqual([])
  })
})
