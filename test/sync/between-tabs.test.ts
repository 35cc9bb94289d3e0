/** What happens in one tab just while another one is at work on the same log. */
import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { SyncCursor } from '../../src/storage/record.ts'
import { give, openEngine } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

type Engine = Device['engine']

const onHand = async (engine: Engine, sku: string) =>
  ((await engine.load('stockItem', sku)).state as { onHand: number } | undefined)?.onHand
const register = (engine: Engine, sku: string) => give(engine, 'stockItem.register', sku, { name: sku })
const receive = (engine: Engine, sku: string, quantity: number) => give(engine, 'stockItem.receive', sku, { quantity })
const cursorOf = ({ sync }: Device): SyncCursor => sync.state.cursor as SyncCursor

test('a tab that opens while another one joins the server knows of it', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const tab = storage.tab()
  const held = tab.faults.pause('events.last')
  const opening = openEngine(tab)
  await held.reached
  const first = await openDevice(server, 'a', storage.tab())
  await register(first.engine, 'x')
  held.release()
  const { tail } = (await opening).inside.log
  expect(tail.cursor).toEqual(cursorOf(first))
  expect(tail.pending).toHaveLength(1)
})

test('a tab that opens while another one joins, between the two reads that tell it, knows of all that was kept', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const lone = await openEngine(storage.tab())
  await register(lone, 'w')
  await lone.close()
  const tab = storage.tab()
  const last = tab.faults.pause('events.last')
  const opening = openEngine(tab)
  await last.reached
  const kept = tab.faults.pause('meta.get')
  last.release()
  await kept.reached
  const first = await openDevice(server, 'a', storage.tab())
  await register(first.engine, 'x')
  kept.release()
  const { tail } = (await opening).inside.log
  expect(tail.cursor).toEqual(cursorOf(first))
  expect(tail.pending).toHaveLength(2)
})

test('a tab that has not heard of the server saves nothing as confirmed that waits for it', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const late = await openEngine(storage.tab())
  await register(late, 'x')
  await receive(late, 'x', 5)
  const device = await openDevice(server, 'a', storage.tab())
  await device.engine.load('stockItem', 'y') // it is up
  await late.close() // which saves
  const other = await openDevice(server, 'b')
  await register(other.engine, 'x')
  await receive(other.engine, 'x', 1)
  await other.push()
  await device.pull()
  const again = await openDevice(server, 'a', storage.tab())
  expect([await onHand(device.engine, 'x'), await onHand(again.engine, 'x')]).toEqual([6, 6])
})

test('a rebase that learns of another one while it loads gives way, and the tab goes on', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const before = await openDevice(server, 'a', storage.tab())
  await register(before.engine, 'x')
  await receive(before.engine, 'x', 5)
  await before.push()
  await before.pull()
  await before.engine.close() // which saves
  const tab = storage.tab()
  const device = await openDevice(server, 'a', tab)
  const giver = await openDevice(server, 'a', storage.tab())
  await receive(giver.engine, 'x', 1)
  await giver.engine.close()
  await device.engine.catchUp()
  const other = await openDevice(server, 'b')
  await other.pull()
  await receive(other.engine, 'x', 2)
  await other.push()
  const held = tab.faults.pause('states.load')
  const applying = device.sync.apply(cursorOf(device), await server.pull(cursorOf(device).record))
  await held.reached
  const quicker = await openDevice(server, 'a', storage.tab())
  await quicker.pull()
  await quicker.engine.close() // which saves what is confirmed by now
  held.release()
  expect(await applying).toBe('moved')
  expect(await onHand(device.engine, 'x')).toBe(8)
})

test('a rebase that another tab’s withdrawal is ahead of does not bring the Command back', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const tab = storage.tab()
  const [device, withdrawing] = [await openDevice(server, 'a', tab), await openDevice(server, 'a', storage.tab())]
  await register(device.engine, 'x')
  const { commandId } = await receive(device.engine, 'x', 5)
  await receive(device.engine, 'x', 2)
  await withdrawing.engine.catchUp()
  const other = await openDevice(server, 'b')
  await register(other.engine, 'y')
  await other.push()
  const held = tab.faults.pause('events.append')
  const pulling = device.pull()
  await held.reached
  expect(await withdrawing.sync.withdraw(commandId)).toBe(true)
  held.release()
  await pulling
  expect(await device.sync.receipt(commandId)).toEqual({ state: 'withdrawn' })
  expect(await onHand(device.engine, 'x')).toBe(2)
  expect(await onHand(device.engine, 'y')).toBe(0)
})

test('a tab that has not heard of a new client id withdraws nothing that was sent under it', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const device = await openDevice(server, 'a', storage.tab())
  await register(device.engine, 'x')
  const { commandId } = await receive(device.engine, 'x', 5)
  const stale = await openDevice(server, 'a', storage.tab())
  await device.sync.join({ ...cursorOf(device), clientId: 'a2', sequence: 0 })
  await device.sync.sending(await device.sync.pending(0, 10))
  expect(await stale.sync.withdraw(commandId)).toBe(false)
  expect(await device.sync.receipt(commandId)).toEqual({ state: 'pushed' })
})

test('what one transaction brought is shown whole, however many records of the server are in it', async () => {
  const server = await SmallServer.open()
  const [here, there] = [await openDevice(server, 'a'), await openDevice(server, 'b')]
  await register(there.engine, 'x')
  for (let i = 0; i < 150; i++) await receive(there.engine, 'x', 1)
  await there.push()
  const shown = new Set<unknown>()
  const watched = await here.engine.watch({ kind: 'get', model: 'stockList', key: 'x' }, () =>
    shown.add((watched.snapshot.data as { onHand: number } | undefined)?.onHand),
  )
  await here.pull()
  await expect.poll(() => shown.has(150)).toBe(true)
  expect([...shown]).toEqual([150])
})
