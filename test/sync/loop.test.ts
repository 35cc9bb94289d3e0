/** The loop's states and what leads from one to the other, on a virtual clock and network. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PullRequest, PushRequest } from '../../src/sync/requests.ts'
import { Device, type Tab } from './support/device.ts'
import { ErrorAnswered } from './support/simulated-server.ts'

let device: Device
let tab: Tab

const minute = 60_000
const open = (): Tab => (tab = device.open())
const pass = (ms: number): Promise<void> => device.clock.advance(ms)
const pushes = (): PushRequest[] => device.server.requestsOf('push').map(({ body }) => body as PushRequest)
const pulls = (): PullRequest[] => device.server.requestsOf('pull').map(({ body }) => body as PullRequest)
const sizes = (): number[] => pushes().map(({ commands }) => commands.length)
const connects = (): number => device.server.requestsOf('connect').length

beforeEach(() => (device = new Device()))
afterEach(async () => {
  expect(tab.reported).toEqual([])
  const closed = device.closeAll()
  await pass(3000)
  await closed
})

describe('at first', () => {
  test('the log is joined under a name of its own, follows the server from its beginning, and is up to date', async () => {
    device.server.foreign(3)
    open()
    expect(tab.status).toEqual({ state: 'connecting', pending: 0, here: false })
    await pass(1000)
    expect(tab.status).toEqual({ state: 'upToDate', pending: 0, here: true, lastSyncedAt: expect.any(Number) })
    expect(device.log.cursor).toMatchObject({ epoch: 'epoch-1', record: 3, sequence: 0, principal: 'ann' })
    expect(device.log.cursor?.clientId).toMatch(/^log-1\../)
    expect(device.log.records).toEqual([1, 2, 3])
    expect(tab.states).toEqual(['connecting', 'syncing', 'upToDate'])
  })
  test('what was given before there was a server is pushed in order', async () => {
    const ids = device.log.give(3)
    open()
    await pass(1000)
    expect(device.log.ended).toEqual(ids)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
  })
  test('a later tab goes on with what an earlier one left', async () => {
    open()
    await pass(1000)
    await tab.close()
    const ids = device.log.give(2)
    open()
    await pass(1000)
    expect(device.log.ended).toEqual(ids)
    expect(device.log.joins).toHaveLength(1)
    expect(tab.status.lastSyncedAt).toBeDefined()
  })
  test('when sync was last up to date is known before there is a connection', async () => {
    open()
    await pass(1000)
    const { lastSyncedAt } = tab.status
    await tab.close()
    device.network.isUp = false
    open()
    await pass(2000)
    expect(tab.status).toMatchObject({ state: 'offline', lastSyncedAt })
  })
})

describe('while it listens', () => {
  test('a Command is pushed, and its outcome pulled, within a moment; those given together go together', async () => {
    open()
    await pass(1000)
    device.log.give(1)
    device.log.give(2)
    await pass(300)
    expect(pushes().map(({ commands }) => commands.map(({ sequence }) => sequence))).toEqual([[1, 2, 3]])
    expect(device.log.ended).toHaveLength(3)
    expect(device.log.sent).toBe(3)
  })
  test('of a time in which Commands keep coming, a fifth goes to rounds at most, and none waits for its round for long', async () => {
    open()
    await pass(1000)
    const ids: string[] = []
    for (let n = 0; n < 500; n++) {
      ids.push(...device.log.give(1))
      await pass(10)
    }
    // A round takes two requests of 40 ms.
    expect(pushes().length).toBeLessThan(5000 / 80 / 4)
    expect(pushes().length).toBeGreaterThan(5000 / 500)
    await pass(1000)
    expect(device.log.ended).toEqual(ids)
  })
  test('what is about to be sent is stored before it is sent', async () => {
    const stored: number[] = []
    device.network.fault = (path) => void (path === 'push' && stored.push(device.log.sent))
    device.log.give(1200)
    open()
    await pass(2000)
    expect(stored).toEqual([500, 1000, 1200])
  })
  test('what other devices do arrives by the change notice, without asking', async () => {
    open()
    await pass(1000)
    const before = device.server.requests.length
    device.server.foreign(2)
    await pass(200)
    expect(device.log.records).toEqual([1, 2])
    expect(device.server.requests.slice(before).map(({ path }) => path)).toEqual(['pull'])
  })
  test('next to nothing is asked for hours while nothing happens and the change notice lives', async () => {
    open()
    await pass(1000)
    const before = device.server.requests.length
    await pass(60 * minute)
    expect(device.server.requests.length - before).toBeLessThan(7)
    expect(tab.status.state).toBe('upToDate')
  })
  test('a server that forgets to tell something is found out in the end', async () => {
    open()
    await pass(1000)
    const listeners = [...device.server.listeners]
    device.server.listeners.clear()
    device.server.foreign(1)
    for (const listener of listeners) device.server.listeners.add(listener)
    await pass(5 * minute)
    expect(device.log.records).toEqual([])
    await pass(6 * minute)
    expect(device.log.records).toEqual([1])
  })
  test('a change notice that has gone dumb is noticed, opened again, and what was missed is fetched', async () => {
    open()
    await pass(1000)
    device.network.heartbeats = false
    const listeners = [...device.server.listeners]
    device.server.listeners.clear()
    device.server.foreign(1)
    await pass(50_000)
    expect(device.log.records).toEqual([])
    await pass(15_000)
    expect(device.log.records).toEqual([1])
    expect(device.server.listeners.size).toBe(1)
    expect(listeners).toHaveLength(1)
    expect(tab.states.at(-1)).toBe('upToDate')
  })
  test('without any change notice it is looked from time to time, and that is no trouble to tell of', async () => {
    device.server.failing.set('changes', new ErrorAnswered('not-found', 'No such thing here.'))
    open()
    await pass(5 * minute)
    device.server.foreign(1)
    await pass(minute)
    expect(device.log.records).toEqual([1])
    expect(tab.states).toEqual(['connecting', 'upToDate', 'syncing', 'upToDate'])
    expect(connects()).toBeLessThan(40)
  })
  test('a stream that the server ends now and then is opened again at once', async () => {
    open()
    await pass(20_000)
    device.network.cut()
    await pass(200)
    expect(device.server.listeners.size).toBe(1)
    expect(tab.states).toEqual(['connecting', 'upToDate'])
  })
})

describe('without a network', () => {
  test('it is tried again for ever, seldom in the end, and nothing is dropped', async () => {
    const ids = device.log.give(2)
    device.network.isUp = false
    let tries = 0
    device.network.fault = () => void tries++
    open()
    await pass(24 * 60 * minute)
    expect(tab.status).toMatchObject({ state: 'offline', pending: 2, problem: expect.stringContaining('no way to the server') })
    expect(tries).toBeGreaterThan(24 * 60)
    expect(tries).toBeLessThan(24 * 60 * 2.1)
    device.network.isUp = true
    await pass(2 * minute)
    expect(device.log.ended).toEqual(ids)
    expect(tab.status).toMatchObject({ state: 'upToDate' })
  })
  test.each<[string, (tab: Tab) => void]>([
    ['the browser says that the network is back', (each) => each.network(true)],
    ['the page is shown', (each) => each.sync.setVisible(true)],
    ['somebody asks for it', (each) => void each.sync.request('now')],
  ])('it is tried at once when %s', async (_, happens) => {
    device.log.give(1)
    device.network.isUp = false
    open()
    await pass(30 * minute)
    device.network.isUp = true
    const { retryAt } = tab.status as { retryAt: number }
    expect(retryAt).toBeGreaterThan(device.clock.now())
    happens(tab)
    await pass(200)
    expect(device.log.ended).toHaveLength(1)
  })
  test('it is tried at once when the device wakes up', async () => {
    device.log.give(1)
    device.network.isUp = false
    open()
    const left = (): number => ('retryAt' in tab.status ? tab.status.retryAt - device.clock.now() : 0)
    while (left() < 30_000) await pass(1000)
    device.network.isUp = true
    tab.freeze()
    await pass(20_000)
    tab.thaw()
    await pass(200)
    expect(left()).toBe(0)
    expect(device.log.ended).toHaveLength(1)
  })
  test('that it goes is seen at once where the browser says so', async () => {
    open()
    await pass(1000)
    device.network.isUp = false
    tab.network(false)
    await pass(100)
    expect(tab.status.state).toBe('offline')
  })
  test('a request that hangs from before the device slept does not hold it up', async () => {
    open()
    await pass(1000)
    device.network.fault = (path) => (path === 'push' ? 'silent' : undefined)
    device.log.give(1)
    await pass(500)
    device.network.fault = () => undefined
    tab.network(true)
    await pass(500)
    expect(device.log.ended).toHaveLength(1)
  })
  test('a large page over a thin line is no fault, however long it takes', async () => {
    device.server.foreign(200)
    device.network.trickleMs = 5 * minute
    open()
    await pass(6 * minute)
    expect(device.log.records).toHaveLength(200)
    expect(tab.states).toEqual(['connecting', 'syncing', 'upToDate'])
  })
  test('a page on which the server falls silent is asked for again, and smaller', async () => {
    device.server.foreign(200)
    device.network.fault = (path) => (path === 'pull' && pulls().length < 2 ? 'silent' : undefined)
    open()
    await pass(2 * minute)
    expect(
      pulls()
        .map(({ limit }) => limit)
        .slice(0, 3),
    ).toEqual([500, 250, 125])
    expect(device.log.records).toHaveLength(200)
  })
  test('a silent server is given up after a while, and a smaller batch is tried', async () => {
    device.log.give(400)
    let sent = 0
    device.network.fault = (path) => (path === 'push' && ++sent < 3 ? 'swallowed' : undefined)
    open()
    await pass(3 * minute)
    expect(sizes()).toEqual([100, 125, 157, 18])
    expect(device.log.ended).toHaveLength(400)
  })
})

describe('a fault of the server', () => {
  test('is waited out, longer each time', async () => {
    device.server.failing.set('connect', new ErrorAnswered('internal', 'Oops.'))
    open()
    const waits: number[] = []
    for (let i = 0; i < 9; i++) {
      await pass(i === 0 ? 100 : (waits.at(-1) ?? 0) + 60)
      const { retryAt, problem } = tab.status as { retryAt: number; problem: string }
      expect(problem).toBe('The server answered connect with 500: Oops.')
      waits.push(retryAt - device.clock.now() + 60)
    }
    for (let i = 1; i < 7; i++) expect((waits[i] as number) / (waits[i - 1] as number)).toBeGreaterThan(1.5)
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_060)
    device.server.failing.clear()
    await pass(minute)
    expect(tab.status.state).toBe('upToDate')
  })
  test('between two steps that go well is waited out longer each time as well', async () => {
    device.log.give(1)
    device.server.failing.set('push', new ErrorAnswered('internal', 'Oops.'))
    open()
    await pass(60 * minute)
    expect(connects()).toBeLessThan(100)
    expect(connects()).toBeGreaterThan(50)
  })
  test('429 waits as long as the server says, whatever the page does; only asking for it comes sooner', async () => {
    device.server.failing.set('connect', new ErrorAnswered('rate', 'Slowly.', {}, { 'Retry-After': '90' }))
    open()
    await pass(1000)
    expect(connects()).toBe(1)
    tab.sync.setVisible(true)
    await pass(85_000)
    expect(connects()).toBe(1)
    void tab.sync.request('now')
    await pass(100)
    expect(connects()).toBe(2)
    device.server.failing.clear()
    await pass(91_000)
    expect(tab.status.state).toBe('upToDate')
  })
  test('503 with an instant in Retry-After waits until then', async () => {
    const until = device.clock.now() + 20_000
    device.server.failing.set(
      'connect',
      new ErrorAnswered('unavailable', 'Starting.', {}, { 'Retry-After': new Date(until).toUTCString() }),
    )
    open()
    await pass(1000)
    device.server.failing.clear()
    await pass(17_000)
    expect(connects()).toBe(1)
    await pass(3000)
    expect(tab.status.state).toBe('upToDate')
  })
  test('413 halves what is sent until it fits; what fits grows again, but is seldom too much', async () => {
    device.server.proxyBytes = 60_000
    device.log.give(2000, { payload: 'x'.repeat(200) })
    open()
    await pass(5000)
    expect(device.log.ended).toHaveLength(2000)
    const fits = (body: PushRequest): boolean => JSON.stringify(body).length <= 60_000
    const taken = pushes().filter(fits)
    expect(Math.max(...taken.map(({ commands }) => commands.length))).toBeGreaterThan(150)
    expect(pushes().length - taken.length).toBeGreaterThan(2)
    expect(pushes().length - taken.length).toBeLessThan(taken.length / 2)
  })
  test('what the server says that it takes is kept to, by number and by bytes', async () => {
    device.server.limits = { ...device.server.limits, pushCommands: 150, bodyBytes: 20_000 }
    device.log.give(200)
    device.log.give(100, { payload: 'x'.repeat(900) })
    open()
    await pass(5000)
    expect(device.log.ended).toHaveLength(300)
    expect(device.server.requestsOf('push').every(({ body }) => JSON.stringify(body).length <= 20_000)).toBe(true)
    expect(Math.max(...sizes())).toBeGreaterThan(100)
    expect(Math.max(...sizes())).toBeLessThanOrEqual(150)
  })
  test('a sign-in page of the network instead of an answer is no answer', async () => {
    open()
    await pass(1000)
    const { network } = device
    const real = network.fetch.bind(network)
    network.fetch = async () => new Response('<html>Welcome to the hotel</html>', { status: 200 })
    device.log.give(1)
    await pass(1000)
    expect(tab.status).toMatchObject({ state: 'offline', pending: 1, problem: expect.stringContaining('no answer of a sync server') })
    network.fetch = real
    await pass(5000)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
  })
  test('a page that does not go on where the last one ended is not applied', async () => {
    device.server.foreign(3)
    const missing = device.server.records.splice(1, 1)
    open()
    await pass(1000)
    expect(tab.status).toMatchObject({ state: 'offline', problem: expect.stringContaining('does not go on after record 0') })
    expect(device.log.records).toEqual([])
    device.server.records.splice(1, 0, ...missing)
    await pass(minute)
    expect(device.log.records).toEqual([1, 2, 3])
  })
})

describe('the token', () => {
  test('is asked for once, and again when it is refused', async () => {
    let asked = 0
    device.token = async () => `token-${++asked}`
    device.server.tokens.clear()
    device.server.tokens.set('token-1', 'ann')
    open()
    await pass(1000)
    device.log.give(1)
    await pass(1000)
    expect(asked).toBe(1)
    device.server.tokens.clear()
    device.server.tokens.set('token-2', 'ann')
    device.log.give(1)
    await pass(1000)
    expect(asked).toBe(2)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
    expect(tab.states).not.toContain('refusedByAuth')
  })
  test('that is refused and still the same is not sent again; sync goes on with the next one', async () => {
    device.server.tokens.clear()
    device.log.give(1)
    open()
    await pass(30 * minute)
    expect(tab.status).toMatchObject({ state: 'refusedByAuth', pending: 1 })
    expect(device.server.requests).toHaveLength(1)
    device.server.tokens.set('token-new', 'ann')
    device.token = async () => 'token-new'
    tab.sync.setVisible(true)
    await pass(500)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
  })
  test('is asked for again every few minutes, without anybody doing anything', async () => {
    device.server.tokens.clear()
    open()
    await pass(1000)
    device.server.tokens.set('token-new', 'ann')
    device.token = async () => 'token-new'
    await pass(4 * minute)
    expect(tab.status.state).toBe('upToDate')
  })
  test('that a server refused by mistake is tried again when somebody asks for it', async () => {
    device.server.tokens.clear()
    open()
    await pass(1000)
    device.server.tokens.set('token-ann', 'ann')
    void tab.sync.request('now')
    await pass(500)
    expect(tab.status.state).toBe('upToDate')
  })
  test('that cannot be had is asked for again', async () => {
    device.token = async () => Promise.reject(new Error('no session yet'))
    open()
    await pass(1000)
    expect(tab.status).toMatchObject({ state: 'offline', problem: 'token() failed: no session yet.' })
    device.token = async () => 'token-ann'
    await pass(minute)
    expect(tab.status.state).toBe('upToDate')
  })
  test('that a person has yet to give keeps nobody from closing', async () => {
    device.token = () => new Promise(() => undefined)
    open()
    await pass(1000)
    await tab.close()
  })
})

describe('what does not pass by itself', () => {
  test('403 pauses as forbidden, and goes on when the principal is let in', async () => {
    device.server.forbidden.add('ann')
    device.log.give(1)
    open()
    await pass(1000)
    expect(tab.status).toMatchObject({ state: 'forbidden', pending: 1 })
    device.server.forbidden.clear()
    await pass(4 * minute)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
  })
  test('a server that is too old, and one that is too new, say so in the status', async () => {
    device.server.protocol = { oldest: 0, newest: 0 }
    open()
    await pass(1000)
    expect(tab.status.state).toBe('serverTooOld')
    device.server.protocol = { oldest: 2, newest: 3 }
    void tab.sync.request('now')
    await pass(1000)
    expect(tab.status).toMatchObject({ state: 'serverTooNew', problem: expect.stringContaining('Load the newer app') })
    device.server.protocol = { oldest: 1, newest: 2 }
    await pass(4 * minute)
    expect(tab.status.state).toBe('upToDate')
  })
  test('a Command of a type that the server does not know holds those behind it, says which, and does not hold what comes', async () => {
    device.server.unknownTypes.add('stockItem.scan')
    device.log.give(1)
    device.log.give(1, { type: 'stockItem.scan' })
    device.log.give(1)
    open()
    await pass(1000)
    expect(tab.status).toMatchObject({
      state: 'held',
      pending: 2,
      command: { sequence: 2, type: 'stockItem.scan' },
      problem: expect.stringContaining('older than the app'),
    })
    device.server.foreign(1)
    await pass(1000)
    expect(device.log.records).toEqual([1, 2])
    const before = pushes().length
    await pass(10 * minute)
    expect(pushes().length - before).toBeGreaterThan(5)
    expect(pushes().length - before).toBeLessThan(15)
    device.server.unknownTypes.clear()
    await pass(2 * minute)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
  })
  test('the build that cannot decide what pends gives up the role, and takes it again when another has moved the log on', async () => {
    device.log.give(1, { type: 'new' })
    device.log.unknownTypes.add('new')
    open()
    await pass(1000)
    expect(tab.status).toMatchObject({ state: 'outdated', here: false, problem: expect.stringContaining('newer') })
    expect(device.holder).toBeUndefined()
    device.log.unknownTypes.clear()
    const newer = device.open()
    await pass(1000)
    expect(newer.status.state).toBe('upToDate')
    expect(tab.status).toMatchObject({ state: 'upToDate', here: false })
    await newer.close()
    await pass(3000)
    expect(tab.status).toMatchObject({ state: 'upToDate', here: true })
  })
})

describe('the log', () => {
  test('that is closed ends sync without a word: who closed it says why', async () => {
    open()
    await pass(1000)
    const requests = device.server.requests.length
    device.log.closed = true
    device.log.give(1)
    await pass(10 * minute)
    expect(device.server.requests.length).toBe(requests)
    expect(device.holder).toBeUndefined()
  })
  test('that cannot be written for a while is told of, and tried again', async () => {
    device.log.give(1)
    const full = new Error('The disk is full.')
    device.log.applying = async () => {
      throw full
    }
    open()
    await pass(minute)
    expect(tab.status).toMatchObject({ state: 'offline', pending: 1, problem: 'Sync failed on this device: The disk is full.' })
    expect(new Set(tab.reported.splice(0))).toEqual(new Set([full]))
    device.log.applying = async () => undefined
    await pass(2 * minute)
    tab.reported.length = 0
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
  })
})

describe('pause', () => {
  test('stops everything until resumed, also by a later tab, and Commands wait', async () => {
    open()
    await pass(1000)
    void tab.sync.request('pause')
    device.log.give(1)
    await pass(10 * minute)
    expect(tab.status).toMatchObject({ state: 'paused', pending: 1 })
    expect(pushes()).toEqual([])
    await tab.close()
    open()
    await pass(minute)
    expect(tab.status).toMatchObject({ state: 'paused', pending: 1 })
    void tab.sync.request('resume')
    await pass(1000)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
  })
})

describe('much at once', () => {
  test('pages are applied one by one while nothing pends, together while something does', async () => {
    device.server.limits.pullRecords = 10
    device.server.foreign(95)
    open()
    await pass(2000)
    expect(device.log.applied).toBe(10)
    device.network.isUp = false
    await pass(100)
    device.network.cut()
    device.log.give(1)
    device.server.foreign(95)
    device.network.isUp = true
    await pass(3000)
    expect(device.log.applied).toBe(11)
    expect(device.log.records).toHaveLength(191)
    expect(Math.max(0, ...device.log.decidedAgain.values())).toBe(0)
  })
  test('what was staged outlives a fault: the second try goes on where the first one ended', async () => {
    device.server.limits.pullRecords = 10
    open()
    await pass(1000)
    device.network.isUp = false
    device.network.cut()
    device.log.give(1)
    device.server.foreign(200)
    let pages = 0
    device.network.fault = (path) => (path === 'pull' && ++pages % 5 === 0 ? 'lost' : undefined)
    device.network.isUp = true
    void tab.sync.request('now')
    await pass(5 * minute)
    expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
    expect(new Set(pulls().map(({ after }) => after)).size).toBe(pulls().length)
  })
  test('the status tells how much of how much', async () => {
    device.log.give(1000)
    device.server.foreign(1000)
    open()
    const told: { done: number; of: number }[] = []
    tab.sync.listen(() => {
      const { status } = tab
      if (status.state === 'syncing') told.push({ done: status.done, of: status.of })
    })
    await pass(5000)
    expect(told[0]).toEqual({ done: 0, of: 2000 })
    for (const [i, { done, of }] of told.entries()) {
      expect(done).toBeGreaterThanOrEqual(told[i - 1]?.done ?? 0)
      expect(done).toBeLessThanOrEqual(of)
    }
    expect(told.some(({ done }) => done >= 2500)).toBe(true)
  })
})
