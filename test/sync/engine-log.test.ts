import { describe, expect, test } from 'vitest'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { SyncCursor } from '../../src/storage/record.ts'
import { EngineLog } from '../../src/sync/engine-log.ts'
import { give, openEngine } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

const onHand = async ({ engine }: Device, sku: string) =>
  ((await engine.load('stockItem', sku)).state as { onHand: number } | undefined)?.onHand
const register = ({ engine }: Device, sku: string) => give(engine, 'stockItem.register', sku, { name: sku })
const receive = ({ engine }: Device, sku: string, quantity: number) => give(engine, 'stockItem.receive', sku, { quantity })
const pick = ({ engine }: Device, sku: string, quantity: number) => give(engine, 'stockItem.pick', sku, { quantity })
const pushAndPull = async (device: Device): Promise<void> => {
  await device.push()
  await device.pull()
}
/** A device that is in step with the server, and has given another Command since. */
async function oneAhead(server: SmallServer, storage: MemoryStorage): Promise<Device> {
  const device = await openDevice(server, 'a', storage)
  await register(device, 'x')
  await pushAndPull(device)
  await receive(device, 'x', 5)
  return device
}
const ofDeviceA = { epoch: 'server', record: 0, clientId: 'a', sequence: 0, principal: 'ann' }
const state = ({ sync }: Device) => ({ sequence: sync.state.cursor?.sequence, pending: sync.state.pending })

describe('a device that is alone with the server', () => {
  test('has its Commands confirmed as they stand', async () => {
    const server = await SmallServer.open()
    const device = await openDevice(server, 'a')
    await register(device, 'x')
    await receive(device, 'x', 5)
    expect(state(device)).toEqual({ sequence: 0, pending: 2 })
    expect(device.engine.inside.log.tail.confirmed).toBe(0)
    await pushAndPull(device)
    expect(state(device)).toEqual({ sequence: 2, pending: 0 })
    expect(device.engine.inside.log.tail.voids).toEqual([])
    expect(device.engine.inside.log.tail.confirmed).toBe(2)
    expect(await onHand(device, 'x')).toBe(5)
  })

  test('goes on from where a start finds it, with what is pending', async () => {
    const server = await SmallServer.open()
    const storage = createMemoryStorage()
    const before = await oneAhead(server, storage)
    await before.engine.close()
    const after = await openDevice(server, 'a', storage)
    expect(state(after)).toEqual({ sequence: 1, pending: 1 })
    expect(await onHand(after, 'x')).toBe(5)
    await pushAndPull(after)
    expect(state(after)).toEqual({ sequence: 2, pending: 0 })
  })

  test('confirms what came in pages, each a part of one record', async () => {
    const server = await SmallServer.open()
    const device = await openDevice(server, 'a')
    await Promise.all([register(device, 'x'), receive(device, 'x', 5), receive(device, 'x', 6), receive(device, 'x', 7)])
    await device.push()
    await device.pull(1)
    expect(state(device)).toEqual({ sequence: 4, pending: 0 })
    expect(device.engine.inside.log.tail.voids).toEqual([])
    expect(await onHand(device, 'x')).toBe(18)
  })
})

describe('two devices that were apart', () => {
  test('come to the same, and what no longer holds is refused and handed back', async () => {
    const server = await SmallServer.open()
    const [a, b] = [await openDevice(server, 'a'), await openDevice(server, 'b')]
    await register(a, 'x')
    await receive(a, 'x', 5)
    await pushAndPull(a)
    await b.pull()
    expect(await onHand(b, 'x')).toBe(5)

    expect(await pick(a, 'x', 4)).toMatchObject({ ok: true })
    const lost = await pick(b, 'x', 3)
    expect(lost).toMatchObject({ ok: true })
    expect(await pick(b, 'x', 1)).toMatchObject({ ok: true })
    await pushAndPull(a)
    await b.pull()
    // Not the server's word yet: at risk, and waiting.
    expect(state(b)).toEqual({ sequence: 0, pending: 2 })
    expect(await onHand(b, 'x')).toBe(0)
    await pushAndPull(b)
    await a.pull()
    expect(state(b)).toEqual({ sequence: 2, pending: 0 })
    expect([await onHand(a, 'x'), await onHand(b, 'x')]).toEqual([0, 0])
    expect(await b.sync.receipt(lost.commandId)).toMatchObject({
      state: 'refused',
      returned: {
        type: 'stockItem.pick',
        payload: { quantity: 3 },
        then: { ok: true },
        now: { ok: false, refusal: 'outOfStock', details: { onHand: 1 } },
      },
    })
    expect(await give(b.engine, 'stockItem.pick', 'x', { quantity: 3 }, { id: lost.commandId })).toMatchObject({
      ok: false,
      refusal: 'outOfStock',
    })
  })

  test('void what stood in the tail for whoever reads: history, versions and Events', async () => {
    const server = await SmallServer.open()
    const storage = createMemoryStorage()
    const [a, b] = [await openDevice(server, 'a'), await openDevice(server, 'b', storage)]
    await register(b, 'x') // the other one is first
    await receive(b, 'x', 2)
    await register(a, 'x')
    await receive(a, 'x', 9)
    await a.push()
    await b.pull()
    expect(await onHand(b, 'x')).toBe(11)
    await pushAndPull(b)
    await b.engine.close()
    const again = await openDevice(server, 'b', storage)
    expect((await again.engine.history('stockItem', 'x')).map(({ type, version }) => [type, version])).toEqual([
      ['stockItem.registered', 1],
      ['stockItem.received', 2],
      ['stockItem.received', 3],
    ])
    const read = await again.engine.readEvents(0, 1_000)
    expect(read.filter(({ type }) => !type.startsWith('$')).map(({ version }) => version)).toEqual([1, 2, 3])
    expect(await onHand(again, 'x')).toBe(11)
  })
})

test('a Command that was never sent can be withdrawn; what rested on it is decided again', async () => {
  const server = await SmallServer.open()
  const device = await openDevice(server, 'a')
  await register(device, 'x')
  const received = await receive(device, 'x', 5)
  const picked = await pick(device, 'x', 2)
  expect(await device.sync.withdraw(received.commandId)).toBe(true)
  expect(await onHand(device, 'x')).toBe(0)
  expect(await device.sync.receipt(received.commandId)).toEqual({ state: 'withdrawn' })
  await device.push()
  expect(await device.sync.withdraw(picked.commandId)).toBe(false)
  await device.pull()
  expect(state(device)).toEqual({ sequence: 3, pending: 0 })
  expect(await onHand(device, 'x')).toBe(0)
  expect(await device.sync.receipt(picked.commandId)).toMatchObject({ state: 'refused' })
  expect(await device.sync.receipt(received.commandId)).toEqual({ state: 'withdrawn' })
})

test('a log that had lived alone is opened anew when it joins: all of it waits, and is confirmed where it stands', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const alone = await openEngine(storage)
  await give(alone, 'stockItem.register', 'x', { name: 'X' })
  await give(alone, 'stockItem.receive', 'x', { quantity: 5 })
  await give(alone, 'stockItem.pick', 'x', { quantity: 6 }) // refused: told, and done with
  await alone.close() // which saves
  const joining = await openEngine(storage)
  await expect(new EngineLog(joining.inside, () => Promise.resolve()).join(ofDeviceA)).rejects.toMatchObject({ code: 'closed' })
  await expect(give(joining, 'stockItem.register', 'y', { name: 'Y' })).rejects.toMatchObject({ code: 'closed' })

  const device = await openDevice(server, 'a', storage)
  expect(state(device)).toEqual({ sequence: 0, pending: 2 })
  expect(device.engine.inside.log.settled.record).toBe(0)
  expect(await onHand(device, 'x')).toBe(5)
  await pushAndPull(device)
  expect(state(device)).toEqual({ sequence: 2, pending: 0 })
  expect(await onHand(device, 'x')).toBe(5)
  const other = await openDevice(server, 'b')
  await other.pull()
  expect(await onHand(other, 'x')).toBe(5)
})

test('a log that has joined, and is not opened anew yet, tells of nothing that waits that it were confirmed', async () => {
  const alone = await openEngine(createMemoryStorage())
  const { commandId } = await give(alone, 'stockItem.register', 'x', { name: 'X' })
  const log = new EngineLog(alone.inside, () => Promise.resolve())
  const joining = log.join(ofDeviceA)
  const asked = [log.receipt(commandId), log.withdraw(commandId), log.pending(0, 9)]
  await expect(joining).rejects.toMatchObject({ code: 'closed' })
  for (const each of asked) await expect(each).rejects.toMatchObject({ code: 'closed' })
})

test('a Command that waits while its log joins is refused to nobody: the engine that opens the log anew answers it', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  let reopened = 0
  const joining = await openEngine(storage, { environment: { reopen: () => reopened++ } })
  await give(joining, 'stockItem.register', 'x', { name: 'X' })
  const faults: unknown[] = []
  const joined = new EngineLog(joining.inside, () => Promise.resolve()).join(ofDeviceA)
  give(joining, 'stockItem.receive', 'x', { quantity: 5 }, { id: 'waits' }).catch((fault: unknown) => faults.push(fault))
  await expect(joined).rejects.toMatchObject({ code: 'closed' }) // to the sync loop alone
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(reopened).toBe(1)
  expect(faults).toEqual([])

  const device = await openDevice(server, 'a', storage)
  expect(await give(device.engine, 'stockItem.receive', 'x', { quantity: 5 }, { id: 'waits' })).toMatchObject({ ok: true })
  await pushAndPull(device)
  expect(await onHand(device, 'x')).toBe(5)
})

test('a log whose last Commands were lost after they were pushed is told so, and loses none of those given since', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const before = await oneAhead(server, storage)
  await before.push()
  await before.engine.close()
  storage.powerLoss('stock.hall-7.ann.log', 1)

  const device = await openDevice(server, 'a', storage)
  await receive(device, 'x', 7)
  const cursor = device.sync.state.cursor as SyncCursor
  expect(await device.sync.apply(cursor, await server.pull(cursor.record))).toBe('forked')
  await device.sync.join({ ...cursor, clientId: 'a2', sequence: 0 })
  await device.pull()
  expect(await onHand(device, 'x')).toBe(12)
  expect(state(device)).toEqual({ sequence: 0, pending: 1 })
})
