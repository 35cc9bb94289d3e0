/**
 * A log that goes on under a new client id, after a fork or a power loss, over the real server: what was sent under the old one
 * counts, and is told as it would have been under that.
 */
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, expect, test } from 'vitest'
import type { SyncCursor } from '../../src/storage/record.ts'
import { EngineLog } from '../../src/sync/engine-log.ts'
import { PullAnswer } from '../../src/sync/protocol.ts'
import { give, openEngine } from '../support/engine.ts'
import { closeServers, Device as Wire, okOf, startServer, type TestServer } from '../support/sync-server.ts'

afterEach(closeServers)

/** A log and its server, request by request. */
async function joined(server: TestServer, clientId: string) {
  const engine = await openEngine(createMemoryStorage())
  const log = new EngineLog(engine.inside, () => Promise.resolve())
  let wire = new Wire(server, { clientId })
  const { place } = await wire.connect()
  const cursor = (): SyncCursor => log.state.cursor as SyncCursor
  await log.join({ epoch: place.epoch, record: 0, clientId, sequence: 0, principal: 'ann' })
  return {
    engine,
    log,
    async push() {
      const commands = await log.sending(await log.pending(cursor().sequence, Infinity))
      await wire.pushed(commands)
    },
    async pull() {
      const { record: after } = cursor()
      const { records } = PullAnswer.parse(await okOf(wire.post('pull', { epoch: wire.epoch, after })))
      if (records.length > 0) expect(await log.apply(cursor(), records)).toBe('applied')
    },
    async rename(to: string) {
      wire = new Wire(server, { clientId: to })
      await wire.connect()
      await log.join({ ...cursor(), clientId: to, sequence: 0 })
    },
  }
}

/** The server declined an order that was placed here, and took another one as it was; neither answer came. */
async function sentAndRenamed() {
  const server = startServer()
  const [device, other] = [await joined(server, 'a'), await joined(server, 'b')]
  await give(other.engine, 'stockItem.register', 'x', { name: 'X' })
  await give(other.engine, 'stockItem.receive', 'x', { quantity: 5 })
  await other.push()
  await device.pull()
  await give(other.engine, 'stockItem.pick', 'x', { quantity: 4 })
  await other.push()
  const changed = await give(device.engine, 'fulfilment.placeOrder', undefined, { orderId: 'o', lines: { x: 2 } })
  const kept = await give(device.engine, 'stockItem.pick', 'x', { quantity: 1 })
  await device.push()
  await device.rename('a2')
  return { server, device, changed: changed.commandId, kept: kept.commandId }
}

test('what the server had changed under the old client id is returned as changed', async () => {
  const { device, changed, kept } = await sentAndRenamed()
  await device.pull()
  await device.push()
  await device.pull()
  expect(device.log.state.pending).toBe(0)
  expect(await device.log.receipt(changed)).toMatchObject({
    state: 'changed',
    returned: {
      then: { events: [{ type: 'order.placed' }, { type: 'stockItem.picked' }] },
      now: { ok: true, events: [{ type: 'order.declined', data: { missing: ['x'] } }] },
    },
  })
  expect(await device.log.receipt(kept)).toEqual({ state: 'confirmed' })
})

test('and also where all of that comes with one slice', async () => {
  const { device, changed, kept } = await sentAndRenamed()
  await device.push()
  await device.pull()
  expect(device.log.state.pending).toBe(0)
  expect(await device.log.receipt(changed)).toMatchObject({ state: 'changed', returned: { now: { events: [{ type: 'order.declined' }] } } })
  expect(await device.log.receipt(kept)).toEqual({ state: 'confirmed' })
})

test('what may have been sent under the old client id cannot be withdrawn under the new one', async () => {
  const { device, kept } = await sentAndRenamed()
  expect(await device.log.receipt(kept)).toEqual({ state: 'pushed' })
  expect(await device.log.withdraw(kept)).toBe(false)
  const later = await give(device.engine, 'stockItem.receive', 'x', { quantity: 3 })
  expect(await device.log.receipt(later.commandId)).toEqual({ state: 'durable' })
  expect(await device.log.withdraw(later.commandId)).toBe(true)
})

test('what the server had processed under the old client id is answered with what it came to, whenever it is given again', async () => {
  const { device, kept } = await sentAndRenamed()
  const again = () => give(device.engine, 'stockItem.pick', 'x', { quantity: 1 }, { id: kept })
  const picked = { ok: true, events: [{ type: 'stockItem.picked', aggregateId: 'x' }] }
  expect(await again()).toMatchObject(picked)
  await device.pull()
  expect(await again()).toMatchObject(picked)
  await device.push()
  await device.pull()
  expect(await again()).toMatchObject(picked)
})
