/** Ways to lose or double something (hazards.md) as far as they lie between the log and the wire, each a test. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PushRequest } from '../../src/sync/requests.ts'
import { Device, type Tab } from './support/device.ts'
import { MemoryLog } from './support/memory-log.ts'
import { ErrorAnswered } from './support/simulated-server.ts'

let devices: Device[]
let device: Device
const pass = (ms: number): Promise<void> => device.clock.advance(ms)
/** Another device at the same server. */
const anotherDevice = (log: MemoryLog): Device => {
  const { clock, network } = device
  const other = new Device({ clock, network, log })
  devices.push(other)
  return other
}
const pushes = (): PushRequest[] => device.server.requestsOf('push').map(({ body }) => body as PushRequest)

beforeEach(() => (devices = [(device = new Device())]))
afterEach(async () => {
  for (const tab of devices.flatMap(({ tabs }) => tabs)) {
    tab.thaw()
    expect(tab.reported).toEqual([])
  }
  const closed = Promise.all(devices.map((each) => each.closeAll()))
  await pass(3000)
  await closed
})

const onceEach = (ids: readonly string[]): void => {
  for (const id of ids) expect(device.server.effects.get(id), id).toBe(1)
}

test('hazard 16, the device ends a Command: the answer to a push ends nothing, only the applied slice does', async () => {
  device.network.fault = (path) => (path === 'pull' ? 'lost' : undefined)
  const ids = device.log.give(2)
  const tab = device.open()
  await pass(60_000)
  onceEach(ids)
  expect(pushes()).toHaveLength(1)
  expect(device.log.ended).toEqual([])
  expect(tab.status).toMatchObject({ pending: 2, state: 'offline' })
  device.network.fault = () => undefined
  void tab.sync.request('now')
  await pass(1000)
  expect(device.log.ended).toEqual(ids)
})

test('hazard 17, outcome without place: an outcome that the slices do not hand out is not taken for one', async () => {
  const tab = device.open()
  await pass(1000)
  device.log.give(1)
  // A process that answers pulls as of an older head than the one that took the push.
  device.server.lag = 1
  await pass(500)
  device.server.lag = 0
  expect(tab.status).toMatchObject({ state: 'offline', pending: 1, problem: expect.stringContaining('does not hand it out') })
  await pass(60_000)
  expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
})

test('hazard 20, sequence reused: after a power loss the new Commands of the same numbers get a new name', async () => {
  const { log, server } = device
  device.open()
  const first = log.give(6)
  await pass(1000)
  const asOf = log.clone()
  const lost = log.give(3)
  await pass(1000)
  await device.closeAll()
  onceEach([...first, ...lost])
  // The log is back where it was, and others are given.
  const after = anotherDevice(asOf)
  const fresh = after.log.give(5)
  after.open()
  await pass(1000)
  expect(after.log.ended).toEqual([...first, ...fresh])
  // Not the last two first, whose numbers the server did not know yet.
  expect(server.records.map(({ commands }) => commands[0]?.id)).toEqual([...first, ...lost, ...fresh])
  onceEach([...first, ...lost, ...fresh])
  expect(server.clients.size).toBe(2)
  expect(after.log.joins).toHaveLength(1)
})

test('hazard 20: after a power loss that left nothing to send, later Commands get a new name as well', async () => {
  device.open()
  await pass(1000)
  const asOf = device.log.clone()
  const lost = device.log.give(3)
  await pass(1000)
  await device.closeAll()
  const after = anotherDevice(asOf)
  after.open()
  await pass(1000)
  const fresh = after.log.give(1)
  await pass(1000)
  expect(after.log.ended).toEqual(fresh)
  onceEach([...lost, ...fresh])
})

test('hazard 20: Commands that had been sent before the name changed have no second effect, and end', async () => {
  device.network.fault = (path) => (path === 'push' ? 'unanswered' : undefined)
  device.open()
  const ids = device.log.give(3)
  await pass(300)
  await device.closeAll()
  device.network.fault = () => undefined
  // The profile is copied; the original goes on and takes the place of the fourth.
  const copy = anotherDevice(device.log.clone())
  copy.log.give(1)
  device.log.give(1)
  device.open()
  await pass(1000)
  copy.open()
  await pass(1000)
  onceEach(ids)
  expect(device.log.ended).toHaveLength(4)
  expect(copy.log.ended).toHaveLength(4)
})

test('hazard 20, restored export: a cursor that came with another log is no name to speak under', async () => {
  device.open()
  const ids = device.log.give(2)
  await pass(1000)
  const restored = device.log.clone()
  restored.logEpoch = 'log-2'
  const other = anotherDevice(restored)
  other.open()
  const fresh = other.log.give(1)
  await pass(1000)
  expect(other.log.cursor?.clientId).toMatch(/^log-2\./)
  expect(other.log.ended).toEqual([...ids, ...fresh])
  expect(other.log.records).toEqual([1, 2, 3])
})

test.each([
  ['under another epoch', () => (device.server.epoch = 'epoch-2')],
  ['under the same epoch, shorter', () => device.server.records.splice(2)],
  ['under the same epoch, without what it had of this device', () => device.server.clients.clear()],
])('hazard 21, server restored from backup %s: sync stops, nothing is sent, nothing is dropped', async (_, restore) => {
  const tab = device.open()
  device.log.give(4)
  await pass(1000)
  await device.closeAll()
  restore()
  const before = JSON.stringify([device.log.cursor, device.log.records])
  device.log.give(2)
  const late = device.open()
  await pass(30 * 60_000)
  expect(late.status).toMatchObject({ state: 'serverRestored', pending: 2, problem: expect.stringContaining('kept') })
  expect(JSON.stringify([device.log.cursor, device.log.records])).toBe(before)
  expect(pushes()).toHaveLength(1)
  expect(tab.states).not.toContain('serverRestored')
})

test('hazard 21: restored while devices listen', async () => {
  const tab = device.open()
  await pass(1000)
  device.server.foreign(1)
  await pass(1000)
  device.server.epoch = 'epoch-2'
  device.server.foreign(1)
  await pass(1000)
  expect(tab.status.state).toBe('serverRestored')
  expect(device.log.records).toEqual([1])
})

test('hazards 22 and 35, wrong person: nothing of one principal is processed under the token of another', async () => {
  device.server.tokens.set('token-bob', 'bob')
  device.token = async () => 'token-bob'
  const ids = device.log.give(5)
  const tab = device.open()
  await pass(10 * 60_000)
  expect(tab.status).toMatchObject({ state: 'refusedByAuth', pending: 5 })
  expect(device.server.head).toBe(0)
  device.token = async () => 'token-ann'
  tab.sync.setVisible(true)
  await pass(1000)
  expect(device.log.ended).toEqual(ids)
})

test('hazard 35: the token becomes another one’s between two pushes', async () => {
  device.server.tokens.set('token-bob', 'bob')
  const tab = device.open()
  await pass(1000)
  device.server.tokens.delete('token-ann')
  device.token = async () => 'token-bob'
  device.log.give(5)
  await pass(60_000)
  expect(tab.status).toMatchObject({ state: 'refusedByAuth', pending: 5 })
  expect(device.server.head).toBe(0)
})

test('hazard 24, quadratic first sync: 20,000 pending with one foreign Event a second are decided again once at most', async () => {
  const { log, server, clock } = device
  const ids = log.give(20_000)
  device.network.latencyMs = 500
  const foreign = (): void => {
    server.foreign(1)
    clock.later(1000, foreign)
  }
  foreign()
  const tab = device.open()
  while (log.ended.length < ids.length) await pass(5000)
  expect(log.ended).toEqual(ids)
  expect(pushes()).toHaveLength(40)
  expect(server.records.filter(({ commands }) => commands[0]?.clientId === 'other').length).toBeGreaterThan(40)
  expect(Math.max(0, ...log.decidedAgain.values())).toBeLessThanOrEqual(1)
  expect(log.applied).toBeLessThan(10)
  expect(tab.reported).toEqual([])
})

test('hazard 24: 20,000 that the server holds cost a tenth of the time at most, while foreign Events keep coming', async () => {
  const { log, server, clock } = device
  let busyMs = 0
  log.applying = async () => {
    const ms = log.waiting.length / 10
    busyMs += ms
    await new Promise<void>((resolve) => clock.later(ms, resolve))
  }
  server.unknownTypes.add('new')
  log.give(1, { type: 'new' })
  log.give(20_000)
  device.open()
  const foreign = (): void => {
    server.foreign(1)
    clock.later(1000, foreign)
  }
  foreign()
  await pass(20 * 60_000)
  expect(busyMs).toBeLessThan(0.13 * 20 * 60_000)
  expect(log.records.length).toBeGreaterThan(1150)
})

test('hazard 30, poisoned head: a Command that is too large for the server is told, and what comes is not held up by it', async () => {
  device.server.proxyBytes = 5000
  device.log.give(3)
  device.log.give(1, { payload: 'x'.repeat(10_000), type: 'note.write' })
  device.log.give(1)
  const tab = device.open()
  await pass(5000)
  expect(device.log.ended).toHaveLength(3)
  expect(tab.status).toMatchObject({
    state: 'held',
    pending: 2,
    command: { sequence: 4, type: 'note.write' },
    problem: expect.stringMatching(/note\.write.*log-1-c4.*larger/),
  })
  device.server.foreign(1)
  await pass(500)
  expect(device.log.cursor?.record).toBe(device.server.head)
  device.server.proxyBytes = Infinity
  void tab.sync.request('now')
  await pass(1000)
  expect(tab.status).toMatchObject({ state: 'upToDate', pending: 0 })
})

test('hazard 30: a server that takes none of a batch is told of, waited for, and loses nothing', async () => {
  device.server.failing.set('push', new ErrorAnswered('bad-request', 'commands.0.payload'))
  const ids = device.log.give(2)
  const tab = device.open()
  await pass(60_000)
  expect(tab.status).toMatchObject({ state: 'offline', pending: 2, problem: expect.stringContaining('commands.0.payload') })
  device.server.failing.clear()
  await pass(60_000)
  expect(device.log.ended).toEqual(ids)
})

test('hazard 32, stage applied twice: what a tab staged before it was frozen is dropped when another has gone on', async () => {
  device.server.limits.pullRecords = 10
  const [one, two] = [device.open(), device.open()] as [Tab, Tab]
  await pass(1000)
  device.network.fault = (path) => (path === 'push' ? 'lost' : undefined)
  device.log.give(1)
  // Something pends that is never sent, so pages are staged: freeze in the middle.
  device.server.unknownTypes.add('stockItem.pick')
  device.network.fault = () => undefined
  device.server.foreign(100)
  await pass(400)
  expect(device.log.records).toEqual([])
  expect(device.server.requestsOf('pull').length).toBeGreaterThan(3)
  one.freeze()
  await pass(20_000)
  expect(device.holder).toBe(two)
  expect(device.log.records).toHaveLength(100)
  one.thaw()
  await pass(20_000)
  expect(device.log.records).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
})

test('hazard 32: the stage is dropped even where the frozen tab’s slice was already on its way into the log', async () => {
  const { log } = device
  const [one] = [device.open(), device.open()] as [Tab, Tab]
  await pass(1000)
  let arrive = (): void => undefined
  const held = new Promise<void>((resolve) => (arrive = resolve))
  log.applying = () => {
    log.applying = async () => undefined
    return held
  }
  device.server.foreign(3)
  await pass(200)
  one.freeze()
  await pass(20_000)
  expect(log.records).toEqual([1, 2, 3])
  arrive()
  one.thaw()
  await pass(20_000)
  expect(log.records).toEqual([1, 2, 3])
  expect(log.applied).toBe(1)
})

test('hazard 36, fork inside a session: of two cloned profiles the second to push takes a new name, and nothing is taken for a duplicate', async () => {
  device.open()
  const first = device.log.give(6)
  await pass(1000)
  const copy = anotherDevice(device.log.clone())
  copy.open()
  await pass(1000)
  // Both give a different seventh at the same moment.
  const mine = device.log.give(1)
  const theirs = copy.log.give(1)
  await pass(5000)
  onceEach([...first, ...mine, ...theirs])
  expect(device.log.ended).toEqual([...first, ...mine])
  expect(copy.log.ended).toEqual([...first, ...theirs])
  expect(device.server.clients.size).toBe(2)
})

test('hazard 36: a clone notices that another one speaks under its name before it takes that one’s Commands for its own', async () => {
  device.open()
  await pass(1000)
  const copy = anotherDevice(device.log.clone())
  copy.open()
  await pass(1000)
  device.server.proxyBytes = 5000
  // The copy's first is pending, and cannot be sent, when the other's first arrives by the change notice.
  const theirs = copy.log.give(1, { payload: 'x'.repeat(10_000) })
  await pass(1000)
  const mine = device.log.give(1)
  await pass(1000)
  expect(copy.log.joins).toHaveLength(1)
  expect(copy.log.records).toEqual([1])
  device.server.proxyBytes = Infinity
  await pass(120_000)
  onceEach([...mine, ...theirs])
  expect(copy.log.ended).toEqual(theirs)
})
