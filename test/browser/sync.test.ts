/**
 * Devices that were long apart, with real parts: browsers with their profiles on disk, and `outpost-server` as a process of its
 * own, on an embedded database and on a PostgreSQL. What all of them must come to is folded from the server's log by code that
 * shares nothing with the domain.
 */
import { rm } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { embeddedFolder } from '../support/embedded-folder.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { expectJoined, items, proxyTo, stockUp, untilPushed } from './support/joining.ts'
import { createRandom } from './support/random.ts'
import { buildAndServe, type Served } from './support/serve.ts'
import { readServerLog, untilGrown } from './support/server-log.ts'
import { buildServers, killServers, type ServerData, startServerProcess } from './support/server-process.ts'
import { SyncedDevice } from './support/synced-device.ts'
import type { Trick } from './support/sync-proxy.ts'

const isLong = process.env['OUTPOST_LONG'] === '1'
const seed = Number(process.env['OUTPOST_SEED'] ?? 1)
const timeout = isLong ? 1_200_000 : 120_000

let served: Served
let postgres: PostgresServer
beforeAll(async () => {
  await buildServers('stock')
  ;[served, postgres] = await Promise.all([buildAndServe({ entry: new URL('./pages/synced.ts', import.meta.url) }), startPostgres()])
})
afterAll(async () => {
  await served.close()
  await postgres.stop()
})
afterEach(killServers)

type Kind = 'an embedded database' | 'PostgreSQL'
const kinds: readonly Kind[] = ['an embedded database', 'PostgreSQL']

async function newData(kind: Kind): Promise<ServerData> {
  if (kind === 'PostgreSQL') return { databaseUrl: await postgres.database() }
  const folder = await embeddedFolder()
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  return { folder }
}

async function openDevices(urls: Readonly<Record<string, string>>): Promise<SyncedDevice[]> {
  const devices: SyncedDevice[] = []
  for (const [principal, url] of Object.entries(urls)) devices.push(await SyncedDevice.open(served.url, { principal, url }))
  for (const { page } of devices) await page.call('watch', 'stockList')
  return devices
}

describe.each(kinds)('on %s', (kind) => {
  test(
    'three devices that were long offline at the same items join, and nothing is lost, doubled, or shown otherwise',
    { timeout },
    async () => {
      const server = await startServerProcess(await newData(kind))
      const proxy = await proxyTo(server.url)
      const devices = await openDevices({ ann: proxy.url, ben: proxy.url, cas: proxy.url })
      await stockUp(devices)

      proxy.target(undefined)
      const commands = isLong ? 1_500 : 100
      await Promise.all(devices.map((device, i) => device.contend(seed + i, items, commands)))
      const [, ben] = devices as [SyncedDevice, SyncedDevice, SyncedDevice]
      await ben.kill()
      await ben.start()
      await Promise.all(devices.map((device, i) => device.contend(seed + 100 + i, items, commands)))
      for (const { page } of devices) expect(await page.call('untilSync', ['offline'])).toMatchObject({ here: true })

      proxy.target(server.url)
      const { ends } = await expectJoined(devices, server.url)
      // They had the rules against each other.
      expect(Object.values(ends).every((count) => count > 0)).toBe(true)
      expect(await server.stop()).toBe(0)
    },
  )

  test('a server that is killed again and again in the middle of pushes loses and doubles nothing', { timeout }, async () => {
    const data = await newData(kind)
    let server = await startServerProcess(data)
    const proxy = await proxyTo(server.url)
    const devices = await openDevices({ ann: proxy.url, ben: proxy.url })
    await stockUp(devices)
    const processed = async () => (await readServerLog(server.url, ['ann', 'ben'])).commands.length
    const moments = [
      { hasKept: false, comes: () => proxy.arrival('push') },
      // Long pushes are committed in parts: after the first of them, or after all.
      { hasKept: true, comes: () => untilGrown(server.url, 'ann') },
      { hasKept: true, comes: () => Promise.all([proxy.withheld('push'), untilGrown(server.url, 'ann')]) },
    ]
    for (let kill = 0; kill < (isLong ? 30 : 3); kill++) {
      const { hasKept, comes } = moments[kill % moments.length] as (typeof moments)[number]
      proxy.target(undefined)
      await Promise.all(devices.map((device, i) => device.contend(seed + kill * 10 + i, items, 80)))
      const before = await processed()
      const moment = comes()
      proxy.target(server.url)
      for (const { page } of devices) await page.call('sync', 'now')
      await moment
      await server.kill()
      server = await startServerProcess(data)
      if (hasKept) expect(await processed()).toBeGreaterThan(before)
      proxy.target(server.url)
    }
    const { ends } = await expectJoined(devices, server.url)
    expect(ends.refused + ends.changed).toBeGreaterThan(0)
  })
})

test('requests that are lost, doubled or late, and answers that are lost or break off, change nothing', { timeout }, async () => {
  const server = await startServerProcess(await newData('PostgreSQL'))
  const proxy = await proxyTo(server.url)
  const devices = await openDevices({ ann: proxy.url, ben: proxy.url })
  await stockUp(devices)
  const random = createRandom(seed)
  const tricks: readonly Trick[] = ['lost request', 'lost answer', 'cut answer', 'doubled', 'late again']
  proxy.trick((route) => (route !== 'connect' && random.chance(0.5) ? random.pick(tricks) : undefined))
  for (let round = 0; round < (isLong ? 40 : 8); round++) {
    await Promise.all(devices.map((device, i) => device.contend(seed + round * 10 + i, items, 20)))
    for (const { page } of devices) await page.call('sync', 'now')
    await untilPushed(devices)
  }
  proxy.trick(undefined)
  await expectJoined(devices, server.url)
  for (const trick of tricks) expect({ trick, played: proxy.played.get(trick) ?? 0 }).not.toEqual({ trick, played: 0 })
})

test('two server processes on one PostgreSQL are one server to devices that each know another of them', { timeout }, async () => {
  const data = await newData('PostgreSQL')
  const [one, two] = [await startServerProcess(data), await startServerProcess(data)]
  const devices = await openDevices({ ann: one.url, ben: two.url, cas: two.url })
  await stockUp(devices)
  // Online all the while: each decides on what the others have just brought about.
  await Promise.all(devices.map((device, i) => device.contend(seed + i, items, isLong ? 2_000 : 200)))
  const { log } = await expectJoined(devices, one.url)
  expect(
    await readServerLog(
      two.url,
      devices.map(({ principal }) => principal),
    ),
  ).toEqual(log)
  // They wrote at once, not one after the other.
  const writers = log.events.map(({ actor }) => actor)
  expect(writers.filter((actor, i) => i > 0 && actor !== writers[i - 1]).length).toBeGreaterThan(10)
})
