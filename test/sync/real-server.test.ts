/** Real engines, the real sync client and the real server, over real HTTP. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createSyncServer, type SyncServer } from 'outpost/server'
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { browserEnvironment } from '../../src/sync/browser-environment.ts'
import { EngineLog } from '../../src/sync/engine-log.ts'
import { type RunningSync, startSync } from '../../src/sync/running-sync.ts'
import { stock } from '../fixtures/stock.ts'
import { allEvents, give, openEngine } from '../support/engine.ts'
import { authenticate } from '../support/sync-server.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

/** `navigator.locks` came to Node with version 24. */
const soleLock = async (_: string, { signal }: { signal?: AbortSignal }, held: () => Promise<void>): Promise<void> => {
  if (!signal?.aborted) await held()
}
const storage = createMemoryStorage()
let server: SyncServer
let http: Server
let port = 0
const listen = async (): Promise<void> => {
  server = createSyncServer({ domain: stock, storage, authenticate, access: () => true, path: '/sync', actAs: () => true })
  const answer = getRequestListener((request) => server.fetch(request))
  http = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  port = (http.address() as AddressInfo).port
}
const stop = async (): Promise<void> => {
  const closed = new Promise((resolve) => http.close(resolve))
  await server.close()
  http.closeAllConnections()
  await closed
}

const devices: { engine: Engine; sync: RunningSync; reported: unknown[] }[] = []
async function openDevice(token = 'ann', own = createMemoryStorage()): Promise<{ engine: Engine; sync: RunningSync; log: EngineLog }> {
  const engine = await openEngine(own)
  const log = new EngineLog(engine.inside, () => new Promise((resolve) => setImmediate(resolve)))
  const reported: unknown[] = []
  const sync = startSync(
    `http://127.0.0.1:${port}/sync`,
    async () => token,
    { ...browserEnvironment(), lock: soleLock },
    {
      log,
      space: 'hall-7',
      prefix: `device-${devices.length}`,
      askPage: async () => undefined,
      report: (thrown) => reported.push(thrown),
    },
  )
  devices.push({ engine, sync, reported })
  return { engine, sync, log }
}
const until = async (holds: () => boolean): Promise<void> => vi.waitFor(() => expect(holds()).toBe(true), { timeout: 20_000, interval: 5 })
/** All devices have all. */
const converged = (): Promise<void> =>
  until(() => {
    const records = devices.map(({ engine }) => engine.inside.log.tail.cursor?.record)
    return new Set(records).size === 1 && devices.every(({ sync: { status } }) => status.state === 'upToDate' && status.pending === 0)
  })
const onHand = async ({ engine }: { engine: Engine }): Promise<unknown> =>
  ((await engine.load('stockItem', 'a')).state as { onHand: number } | undefined)?.onHand

beforeEach(async () => {
  vi.stubGlobal('addEventListener', () => undefined)
  vi.stubGlobal('removeEventListener', () => undefined)
  await listen()
})
afterEach(async () => {
  for (const { engine, sync, reported } of devices.splice(0)) {
    expect(reported).toEqual([])
    await sync.close()
    await engine.close()
  }
  await stop()
  vi.unstubAllGlobals()
})

test('devices converge: what holds on all is kept, what no longer holds is returned, also over a restart of the server', async () => {
  const one = await openDevice()
  await converged()
  await give(one.engine, 'stockItem.register', 'a', { name: 'A' })
  await give(one.engine, 'stockItem.receive', 'a', { quantity: 10 })
  await converged()
  const two = await openDevice()
  await converged()
  expect(await onHand(two)).toBe(10)

  // Apart, both pick the last ones.
  await stop()
  await until(() => devices.every(({ sync }) => sync.status.state === 'offline'))
  expect(await give(one.engine, 'stockItem.pick', 'a', { quantity: 8 }, { id: 'by-one' })).toMatchObject({ ok: true })
  expect(await give(two.engine, 'stockItem.pick', 'a', { quantity: 8 }, { id: 'by-two' })).toMatchObject({ ok: true })
  expect(two.sync.status.pending).toBe(1)
  await listen()
  for (const { sync } of devices) void sync.request('now')
  await converged()
  expect([await onHand(one), await onHand(two)]).toEqual([2, 2])
  const receipts = await Promise.all([one.log.receipt('by-one'), two.log.receipt('by-two')])
  expect(new Set(receipts.map((receipt) => receipt?.state))).toEqual(new Set(['confirmed', 'refused']))
  await give(two.engine, 'stockItem.receive', 'a', { quantity: 1 })
  await until(
    () => one.engine.inside.log.tail.cursor?.record === two.engine.inside.log.tail.cursor?.record && two.sync.status.pending === 0,
  )
  expect(await onHand(one)).toBe(3)
})

test('1,000 Commands given while there was no server are confirmed once each, and another device has them', async () => {
  const one = await openDevice()
  await converged()
  await stop()
  await give(one.engine, 'stockItem.register', 'b', { name: 'B' })
  for (let i = 0; i < 10; i++)
    await Promise.all(Array.from({ length: 100 }, () => give(one.engine, 'stockItem.receive', 'b', { quantity: 1 })))
  expect(one.sync.status.pending).toBe(1001)
  await listen()
  void one.sync.request('now')
  await converged()
  const two = await openDevice()
  await converged()
  const received = (await allEvents(two.engine)).filter(({ aggregateId }) => aggregateId === 'b')
  expect(received).toHaveLength(1001)
  expect((await two.engine.load('stockItem', 'b')).state).toMatchObject({ onHand: 1000 })
})

test('a log from before there was a server is closed when it has joined; opened anew, it pushes what it held', async () => {
  const own = createMemoryStorage()
  const before = await openEngine(own)
  await give(before, 'stockItem.register', 'c', { name: 'C' })
  await give(before, 'stockItem.receive', 'c', { quantity: 5 })
  await before.close()
  const joining = await openDevice('ann', own)
  const told: string[] = []
  joining.sync.listen(() => told.push(joining.sync.status.state))
  await until(() => joining.log.state.cursor !== undefined)
  await expect(give(joining.engine, 'stockItem.register', 'd', { name: 'D' })).rejects.toMatchObject({ code: 'closed' })
  await joining.sync.close()
  // As it stands it does not know that anything waits.
  expect(new Set(told)).toEqual(new Set(['connecting']))
  await openDevice('ann', own)
  devices.shift()
  await converged()
  const other = await openDevice()
  await converged()
  expect((await other.engine.load('stockItem', 'c')).state).toMatchObject({ onHand: 5 })
})
