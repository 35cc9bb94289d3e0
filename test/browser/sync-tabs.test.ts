/** Tabs of one device that share a sync: one that freezes or dies while it syncs for all, and builds that differ. */
import { rm } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { embeddedFolder } from '../support/embedded-folder.ts'
import { freeze } from './support/freezable.ts'
import { expectJoined, items, proxyTo, stockUp } from './support/joining.ts'
import { prepareCrash } from './support/processes.ts'
import { buildAndServe, type Served } from './support/serve.ts'
import { readServerLog } from './support/server-log.ts'
import { buildServers, killServers, startServerProcess } from './support/server-process.ts'
import { SyncedDevice } from './support/synced-device.ts'

const seed = Number(process.env['OUTPOST_SEED'] ?? 1)

let served: Served
beforeAll(async () => {
  await buildServers('stock', 'counter-old', 'counter-new')
  served = await buildAndServe({ entry: new URL('./pages/synced.ts', import.meta.url) })
})
afterAll(() => served.close())
afterEach(killServers)

async function newFolder(): Promise<{ readonly folder: string }> {
  const folder = await embeddedFolder()
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  return { folder }
}

describe('the tab that syncs for all', () => {
  test('freezes in the middle of a push: another one takes over, and the thawed one does no harm', async () => {
    const server = await startServerProcess(await newFolder())
    const proxy = await proxyTo(server.url)
    const ann = await SyncedDevice.open(served.url, { principal: 'ann', url: proxy.url, freezable: true })
    const ben = await SyncedDevice.open(served.url, { principal: 'ben', url: proxy.url })
    const frozen = ann.page
    for (const { page } of [ann, ben]) await page.call('watch', 'stockList')
    await stockUp([ann, ben])
    const other = await ann.openTab()
    expect(await frozen.call('untilHere', true)).toMatchObject({ here: true })
    expect(await other.call('untilHere', false)).toMatchObject({ here: false })

    await frozen.call('sync', 'pause')
    await ann.contend(seed, items, 40, frozen)
    await ben.contend(seed + 1, items, 40)
    const arrival = proxy.arrival('push')
    await frozen.call('sync', 'resume')
    await arrival
    const thaw = await freeze(frozen.page)
    await ann.contend(seed + 2, items, 40, other)
    expect(await other.call('untilHere', true)).toMatchObject({ here: true })
    await other.call('untilSync', ['upToDate'], 0)
    await ben.contend(seed + 3, items, 40)

    await thaw()
    // What it believed is over: it is not the one any more, and what it is told goes out all the same.
    await frozen.call('untilHere', false)
    await ann.contend(seed + 4, items, 40, frozen)
    await expectJoined([ann, ben, { page: other, told: ann.told, principal: 'ann' }], server.url)
    expect(await other.call('syncStatus')).toMatchObject({ here: true, state: 'upToDate' })
  })

  test('dies in the middle of a push: the next one goes on where it was', async () => {
    const server = await startServerProcess(await newFolder())
    const proxy = await proxyTo(server.url)
    const ann = await SyncedDevice.open(served.url, { principal: 'ann', url: proxy.url })
    const ben = await SyncedDevice.open(served.url, { principal: 'ben', url: proxy.url })
    for (const { page } of [ann, ben]) await page.call('watch', 'stockList')
    await stockUp([ann, ben])
    for (let death = 0; death < 3; death++) {
      const dying = ann.page
      await ann.openNext()
      expect(await dying.call('syncStatus')).toMatchObject({ here: true })
      await dying.call('sync', 'pause')
      await ann.contend(seed + death, items, 40, dying)
      await ben.contend(seed + 10 + death, items, 20)
      const crash = await prepareCrash(dying.page)
      const arrival = proxy.arrival('push')
      await dying.call('sync', 'resume')
      await arrival
      await crash()
      expect(await ann.page.call('untilHere', true)).toMatchObject({ here: true })
    }
    await expectJoined([ann, ben], server.url)
  })
})

describe('an old build and a new one', () => {
  const confirmed = (device: SyncedDevice) => device.told.map(() => ({ state: 'confirmed' }))
  const receipts = (device: SyncedDevice, page = device.page) =>
    page.call(
      'receipts',
      device.told.map(({ outcome }) => outcome.commandId),
    )
  const recorded = async (url: string) =>
    (await readServerLog(url, ['ann', 'ben'])).events.map(({ type, aggregateId }) => `${type} ${aggregateId}`)

  test('share a log: what only the new one knows is sent by the old one, unread, and lost by none', async () => {
    const server = await startServerProcess(await newFolder(), 'counter-new')
    const ann = await SyncedDevice.open(served.url, { principal: 'ann', url: server.url, build: 'counter-old' })
    const old = ann.page
    await old.call('untilHere', true)
    await old.call('untilSync', ['upToDate'])
    await old.call('sync', 'pause')
    const young = await ann.openTab('counter-new')
    await ann.give('counter.begin', 'x', {}, old)
    await ann.give('counter.add', 'x', { by: 8 }, old)
    await ann.give('counter.halve', 'x', {}, young)
    await ann.give('note.write', 'n', { text: 'from the old one' }, old)
    await old.call('sync', 'resume')
    await young.call('untilSync', ['upToDate'], 0)
    expect(await recorded(server.url)).toEqual(['counter.begun x', 'counter.added x', 'counter.halved x', 'note.written n'])
    // The server's build records another version of this Event than the one that decided it on the device.
    const [, added] = ann.told.map(({ outcome }) => outcome.commandId)
    const states = (await receipts(ann, young)).map((receipt) => receipt?.state)
    expect(states).toEqual(['confirmed', 'changed', 'confirmed', 'confirmed'])
    expect(await young.call('inbox')).toMatchObject([
      { commandId: added, told: { events: [{ data: { by: 8 } }] }, now: { events: [{ data: { by: 8, unit: 'box' } }] } },
    ])
    expect(await young.call('load', 'counter', ['x'])).toEqual([{ id: 'x', state: { n: 4 }, version: 3 }])
    expect(await old.call('load', 'counter', ['x'])).toMatchObject([{ id: 'x', fault: 'outdated' }])

    // Alone again, the old one goes on with what it knows.
    await young.page.close()
    await ann.give('note.write', 'm', { text: 'still here' }, old)
    await old.call('untilSync', ['upToDate'], 0)
    expect(await recorded(server.url)).toEqual([
      'counter.begun x',
      'counter.added x',
      'counter.halved x',
      'note.written n',
      'note.written m',
    ])
  })

  test('at a server that is old: what it cannot take waits; the old build cannot decide it again and steps back, the new one goes on', async () => {
    const data = await newFolder()
    const server = await startServerProcess(data, 'counter-old')
    const proxy = await proxyTo(server.url)
    const ann = await SyncedDevice.open(served.url, { principal: 'ann', url: proxy.url, build: 'counter-old' })
    const ben = await SyncedDevice.open(served.url, { principal: 'ben', url: proxy.url, build: 'counter-old' })
    const old = ann.page
    await old.call('untilHere', true)
    const first = await ann.openTab('counter-new')
    await ann.give('counter.begin', 'x', {}, first)
    await ann.give('counter.halve', 'x', {}, first)
    await ann.give('note.write', 'n', { text: 'behind it' }, first)
    const held = { state: 'held', pending: 2, command: { type: 'counter.halve' } }
    expect(await first.call('untilSync', ['held'], 2)).toMatchObject({ ...held, here: false })
    await first.page.close()

    // What another device does has to go before what waits, which is to be decided again on it.
    await ben.give('note.write', 'b', { text: 'from ben' })
    await old.call('untilSync', ['outdated'])
    expect(await old.call('untilHere', false)).toMatchObject({ state: 'outdated', pending: 2 })
    const young = await ann.openTab('counter-new')
    await young.call('watch', 'notes')
    await young.call('untilSeen', 'notes', [
      { id: 'b', text: 'from ben' },
      { id: 'n', text: 'behind it' },
    ])
    expect(await young.call('untilSync', ['held'], 2)).toMatchObject({ ...held, here: true })
    expect(await recorded(server.url)).toEqual(['counter.begun x', 'note.written b'])

    expect(await server.stop()).toBe(0)
    const next = await startServerProcess(data, 'counter-new')
    proxy.target(next.url)
    await young.call('sync', 'now')
    await young.call('untilSync', ['upToDate'], 0)
    expect(await recorded(next.url)).toEqual(['counter.begun x', 'note.written b', 'counter.halved x', 'note.written n'])
    expect(await receipts(ann, young)).toEqual(confirmed(ann))
    expect(await young.call('inbox')).toEqual([])
    expect(await young.call('load', 'counter', ['x'])).toEqual([{ id: 'x', state: { n: 0 }, version: 2 }])
    expect(await old.call('untilSync', ['upToDate'], 0)).toMatchObject({ here: false })
    expect(await receipts(ann, old)).toEqual(confirmed(ann))
  })
})
