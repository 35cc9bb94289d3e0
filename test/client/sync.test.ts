/** `app.sync` on the page: what crosses of the worker's sync. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RunningSync } from '../../src/sync/running-sync.ts'
import { startSync } from '../../src/sync/running-sync.ts'
import type { SyncStatus } from '../../src/sync/status.ts'
import type { PageSide } from '../../src/worker/host.ts'
import { type Realm, type RealmOptions, startRealm } from '../channel/realm.ts'
import { fakeTimers, turns } from '../channel/turns.ts'
import { createTestClock } from '../support/clock.ts'
import { MemoryLog } from '../sync/support/memory-log.ts'
import { Network } from '../sync/support/network.ts'
import { SimulatedServer } from '../sync/support/simulated-server.ts'

class FakeSync implements RunningSync {
  status: SyncStatus = { state: 'connecting', pending: 3, here: true }
  readonly listeners = new Set<() => void>()
  readonly requests: string[] = []
  readonly visible: boolean[] = []
  isClosed = false
  listen(changed: () => void): () => void {
    this.listeners.add(changed)
    return () => this.listeners.delete(changed)
  }
  show(status: SyncStatus): void {
    this.status = status
    for (const listener of this.listeners) listener()
  }
  async request(what: string, ...args: readonly unknown[]): Promise<unknown> {
    this.requests.push([what, ...args].join(' '))
    return undefined
  }
  setVisible(visible: boolean): void {
    this.visible.push(visible)
  }
  async close(): Promise<void> {
    this.isClosed = true
  }
}

let realm: Realm
let sync: FakeSync
let page: PageSide
const start = (options: RealmOptions = {}): Realm => {
  sync = new FakeSync()
  return (realm = startRealm({
    sync: (given) => {
      page = given
      return sync
    },
    ...options,
  }))
}
const told = (): SyncStatus[] => {
  const statuses: SyncStatus[] = []
  realm.app.sync.status$.subscribe((status) => statuses.push(status))
  return statuses
}
const upToDate: SyncStatus = { state: 'upToDate', pending: 0, here: true, lastSyncedAt: 5 }

beforeEach(fakeTimers)
afterEach(async () => {
  await realm.app.close()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('sync.status$', () => {
  test('is off where the worker was started without sync, and asking for something does nothing', async () => {
    start({ sync: () => undefined as never })
    const statuses = told()
    await realm.app.sync.pause()
    await realm.app.sync.now()
    await turns()
    expect(statuses).toEqual([{ state: 'off', pending: 0, here: false }])
  })
  test('tells the latest at once, then each change', async () => {
    start()
    const statuses = told()
    await turns()
    sync.show(upToDate)
    await turns()
    expect(statuses).toEqual([{ state: 'connecting', pending: 3, here: true }, upToDate])
    expect(told()).toEqual([])
    await turns()
    expect(sync.listeners.size).toBe(2)
  })
  test('is let go of with its last subscriber', async () => {
    start()
    const subscription = realm.app.sync.status$.subscribe()
    await turns()
    expect(sync.listeners.size).toBe(1)
    subscription.unsubscribe()
    await turns()
    expect(sync.listeners.size).toBe(0)
  })
  test('goes on with the next worker after one has died', async () => {
    start()
    const statuses = told()
    await turns()
    const first = sync
    sync = new FakeSync()
    realm.worker.kill()
    await turns()
    sync.show(upToDate)
    await turns()
    expect(statuses.at(-1)).toEqual(upToDate)
    expect(first).not.toBe(sync)
  })
})

test('pause, resume and now reach the worker', async () => {
  start()
  await realm.app.sync.pause()
  await realm.app.sync.resume()
  await realm.app.sync.now()
  expect(sync.requests).toEqual(['pause', 'resume', 'now'])
})

test('sync ends before the engine does', async () => {
  start()
  await turns()
  let engineWasOpen = false
  sync.close = async () => {
    engineWasOpen = !realm.worker.engine.closed
  }
  await realm.app.close()
  expect(engineWasOpen).toBe(true)
  expect(realm.worker.engine.closed).toBe(true)
})

test('the worker knows whether its page is shown, from the start and at each change', async () => {
  const listeners = new Set<() => void>()
  const document = {
    hidden: true,
    addEventListener: (_: string, listener: () => void) => listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => listeners.delete(listener),
  }
  vi.stubGlobal('document', document)
  start()
  await turns()
  document.hidden = false
  for (const listener of listeners) listener()
  await turns()
  expect(sync.visible).toEqual([false, true])
})

describe('a token', () => {
  test('is asked of the page that gives one, each time anew', async () => {
    let count = 0
    start({ connect: { token: async () => `token-${++count}` } })
    await turns()
    expect(await page.askPage()).toBe('token-1')
    expect(await Promise.all([page.askPage(), page.askPage()])).toEqual(['token-2', 'token-2'])
  })
  test('is none where the page gives none', async () => {
    start()
    await turns()
    expect(await page.askPage()).toBeUndefined()
  })
  test.each([
    ['rejects', async () => Promise.reject(new Error('signed out'))],
    [
      'throws',
      () => {
        throw new Error('signed out')
      },
    ],
  ])('of a page whose token() %s is told why', async (_, token) => {
    start({ connect: { token } })
    await turns()
    await expect(page.askPage()).rejects.toThrow('signed out')
  })
  test('of the page is the one that the server sees', async () => {
    const clock = createTestClock()
    const server = new SimulatedServer()
    const network = new Network(server, clock)
    const environment = {
      now: clock.now,
      random: () => 0.5,
      randomId: () => 'id',
      later: clock.later,
      fetch: (url: string, init: RequestInit) => network.fetch(url, init),
      gzip: undefined,
      lock: (_: string, __: object, held: () => Promise<void>) => held(),
      channel: () => ({ say: () => undefined, close: () => undefined }),
      onNetwork: () => () => undefined,
    }
    start({
      connect: { token: async () => 'token-ann' },
      sync: (given) =>
        startSync('https://server.example', undefined, environment, { log: new MemoryLog(), space: 's', prefix: 'p', ...given }),
    })
    const statuses = told()
    await turns()
    await clock.advance(1000)
    await turns()
    expect(server.requests[0]?.token).toBe('token-ann')
    expect(statuses.at(-1)?.state).toBe('upToDate')
  })
})
