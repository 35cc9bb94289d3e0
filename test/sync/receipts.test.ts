/** Receipts: what is told of a Command once the server, or this device, has ended it. */
import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { LogRecord } from '../../src/storage/record.ts'
import { EngineLog } from '../../src/sync/engine-log.ts'
import { give, openEngine } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

const sync = async (device: Device): Promise<void> => {
  await device.push()
  await device.pull()
}
const recordsOf = ({ engine }: Device): Promise<readonly LogRecord[]> => engine.inside.log.records(0, Infinity)
/** Ids of what followed from this Command. */
const followers = async (device: Device, rootId: string): Promise<readonly string[]> =>
  (await recordsOf(device)).flatMap(({ commands }) =>
    commands.filter(({ root }) => root !== undefined && commands[root]?.id === rootId).map(({ id }) => id),
  )

/** Five of "x", on a device that has been told so. */
async function stocked(clientId: string, server: SmallServer, storage = createMemoryStorage()): Promise<Device> {
  const device = await openDevice(server, clientId, storage)
  await device.pull()
  if ((await device.engine.load('stockItem', 'x')).version === 0) {
    await give(device.engine, 'stockItem.register', 'x', { name: 'X' })
    await give(device.engine, 'stockItem.receive', 'x', { quantity: 5 })
    await sync(device)
  }
  return device
}

test('a Command that the device itself refused is refused, with the reason, also after a restart', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const device = await stocked('a', server, storage)
  const { commandId } = await give(device.engine, 'stockItem.pick', 'x', { quantity: 9 })
  const told = { state: 'refused', refusal: 'outOfStock', details: { onHand: 5 } }
  expect(await device.sync.receipt(commandId)).toEqual(told)
  await give(device.engine, 'stockItem.receive', 'x', { quantity: 9 })
  await sync(device)
  expect(await device.sync.receipt(commandId)).toEqual(told)
  await device.engine.close()
  const again = await openDevice(server, 'a', storage)
  expect(await again.sync.receipt(commandId)).toEqual(told)
})

test('one that the server refused says why, beside what was told', async () => {
  const server = await SmallServer.open()
  const [a, b] = [await stocked('a', server), await stocked('b', server)]
  await give(a.engine, 'stockItem.pick', 'x', { quantity: 4 })
  const lost = await give(b.engine, 'stockItem.pick', 'x', { quantity: 3 })
  await sync(a)
  await sync(b)
  expect(await b.sync.receipt(lost.commandId)).toMatchObject({
    state: 'refused',
    refusal: 'outOfStock',
    details: { onHand: 1 },
    returned: { then: { ok: true }, now: { ok: false, refusal: 'outOfStock' } },
  })
})

test('what follows from a Command waits with it, and is confirmed with it', async () => {
  const server = await SmallServer.open()
  const device = await stocked('a', server)
  const low = await give(device.engine, 'stockItem.pick', 'x', { quantity: 3 })
  const [order] = (await followers(device, low.commandId)) as [string]
  expect(await device.sync.receipt(order)).toEqual({ state: 'durable' })
  await device.push()
  expect(await device.sync.receipt(order)).toEqual({ state: 'pushed' })
  await device.pull()
  expect(await device.sync.receipt(order)).toEqual({ state: 'confirmed' })
})

test('what followed from a Command that is refused is refused for the same reason, also after a restart', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const [a, b] = [await stocked('a', server), await stocked('b', server, storage)]
  await give(a.engine, 'stockItem.pick', 'x', { quantity: 4 })
  const lost = await give(b.engine, 'stockItem.pick', 'x', { quantity: 3 })
  const [order] = (await followers(b, lost.commandId)) as [string]
  await sync(a)
  await sync(b)
  const told = { state: 'refused', refusal: 'outOfStock', details: { onHand: 1 } }
  expect(await b.sync.receipt(lost.commandId)).toMatchObject(told)
  expect(await b.sync.receipt(order)).toEqual(told)
  await b.engine.close()
  const again = await openDevice(server, 'b', storage)
  expect(await again.sync.receipt(order)).toEqual(told)
})

test('what no longer follows from a Command that stands is refused by nobody', async () => {
  const server = await SmallServer.open()
  const [a, b] = [await stocked('a', server), await stocked('b', server)]
  await give(a.engine, 'stockItem.receive', 'x', { quantity: 50 })
  const picked = await give(b.engine, 'stockItem.pick', 'x', { quantity: 3 })
  const [order] = (await followers(b, picked.commandId)) as [string]
  await sync(a)
  await b.pull()
  // Decided again it waits for the server still, and so does what might follow from it.
  expect(await b.sync.receipt(order)).toEqual({ state: 'durable' })
  await sync(b)
  expect(await b.sync.receipt(picked.commandId)).toEqual({ state: 'confirmed' })
  expect(await b.sync.receipt(order)).toEqual({ state: 'refused' })
})

test('what was withdrawn takes with it what followed', async () => {
  const server = await SmallServer.open()
  const device = await stocked('a', server)
  const { commandId } = await give(device.engine, 'stockItem.pick', 'x', { quantity: 3 })
  const [order] = (await followers(device, commandId)) as [string]
  expect(await device.sync.withdraw(commandId)).toBe(true)
  expect(await device.sync.receipt(order)).toEqual({ state: 'withdrawn' })
  await sync(device)
  expect(await device.sync.receipt(commandId)).toEqual({ state: 'withdrawn' })
  expect(await device.sync.receipt(order)).toEqual({ state: 'withdrawn' })
})

test('in a log that has joined no server yet everything waits', async () => {
  const engine = await openEngine(createMemoryStorage())
  const log = new EngineLog(engine.inside, () => Promise.resolve())
  const { commandId } = await give(engine, 'stockItem.register', 'x', { name: 'X' })
  expect(await log.receipt(commandId)).toEqual({ state: 'durable' })
  const refused = await give(engine, 'stockItem.pick', 'x', { quantity: 1 })
  expect(await log.receipt(refused.commandId)).toEqual({ state: 'refused', refusal: 'outOfStock', details: { onHand: 0 } })
  expect(await log.receipt('of nobody')).toBeUndefined()
})
