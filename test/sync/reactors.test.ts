import { domain, reactor } from 'outpost'
import { expect, test } from 'vitest'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockItem } from '../fixtures/stock.ts'
import { settle } from '../support/clock.ts'
import { give, openEngine, pagesOf } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

/** A device's domain, and what its reactors did. */
function listening() {
  const seen: string[] = []
  const note = (name: string, runs?: 'origin' | 'everywhere' | 'server') =>
    reactor(name, {
      from: [stockItem],
      on: { 'stockItem.picked': ({ data }) => void seen.push(`${name} ${data.quantity}`) },
      ...(runs && { runs }),
    })
  const reactors = [note('mail'), note('beep', 'everywhere'), note('bill', 'server')]
  return { seen, domain: domain('stock', { aggregates: [stockItem], reactors }) }
}

/** Its client id is of its log, as sync makes it. */
async function open(
  server: SmallServer,
  listened: ReturnType<typeof listening>,
  storage: MemoryStorage = createMemoryStorage(),
): Promise<Device> {
  const look = await openEngine(storage, { domain: listened.domain })
  const { logEpoch } = look.inside
  await look.close()
  return openDevice(server, `${logEpoch}.1`, storage, { domain: listened.domain })
}

const sync = async (device: Device): Promise<void> => {
  await device.push()
  await device.pull()
  await settle(60)
}
const pick = ({ engine }: Device, quantity: number) => give(engine, 'stockItem.pick', 'x', { quantity })

test('reactors wait for the server: on the device whose Command it was, or on each; a refused one has no effect', async () => {
  const server = await SmallServer.open()
  const [here, there] = [listening(), listening()]
  const [a, b] = [await open(server, here), await open(server, there)]
  await give(a.engine, 'stockItem.register', 'x', { name: 'X' })
  await give(a.engine, 'stockItem.receive', 'x', { quantity: 5 })
  await sync(a)
  await sync(b)
  await pick(a, 4)
  await pick(b, 3)
  await settle(60)
  expect([here.seen, there.seen]).toEqual([[], []])
  await sync(a)
  await sync(b)
  expect(here.seen.toSorted()).toEqual(['beep 4', 'mail 4'])
  expect(there.seen).toEqual(['beep 4'])
})

test('what a log had done alone is not done again when it joins: neither confirmed in place nor decided again', async () => {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const listened = listening()
  const alone = await openEngine(storage, { domain: listened.domain })
  await give(alone, 'stockItem.register', 'x', { name: 'X' })
  await give(alone, 'stockItem.receive', 'x', { quantity: 5 })
  await give(alone, 'stockItem.pick', 'x', { quantity: 1 })
  await settle(60)
  expect(listened.seen.splice(0).toSorted()).toEqual(['beep 1', 'mail 1'])
  await alone.close()

  // Another device was first: all of it has to be decided again.
  const other = await open(server, listening())
  await give(other.engine, 'stockItem.register', 'x', { name: 'X' })
  await give(other.engine, 'stockItem.receive', 'x', { quantity: 7 })
  await sync(other)
  const device = await open(server, listened, storage)
  await pick(device, 2)
  await sync(device)
  expect(((await device.engine.load('stockItem', 'x')).state as { onHand: number }).onHand).toBe(9)
  expect(listened.seen.toSorted()).toEqual(['beep 2', 'mail 2'])
})

/** A log that lived alone, in which something was picked. */
async function fullShelf() {
  const engine = await openEngine(createMemoryStorage(), { domain: listening().domain })
  await give(engine, 'stockItem.register', 'x', { name: 'X' })
  await give(engine, 'stockItem.receive', 'x', { quantity: 50 })
  await give(engine, 'stockItem.pick', 'x', { quantity: 1 })
  return engine
}
const exportOf = async (engine: Device['engine']): Promise<readonly string[]> => (await engine.exportPage()).text.split('\n')

test('what an import brings into a log that has joined is not done again when it has to be decided again', async () => {
  const [header = '', ...lines] = await exportOf(await fullShelf())
  const server = await SmallServer.open()
  const listened = listening()
  const device = await open(server, listened)
  await device.engine.import(pagesOf([header], lines))
  // Another device was first.
  const other = await open(server, listening())
  await give(other.engine, 'stockItem.register', 'y', { name: 'Y' })
  await sync(other)
  await pick(device, 2)
  await sync(device)
  expect(((await device.engine.load('stockItem', 'x')).state as { onHand: number }).onHand).toBe(47)
  expect(listened.seen.toSorted()).toEqual(['beep 2', 'mail 2'])
})

test('a reactor that starts at the beginning takes what an import has brought once it is confirmed, also after another start', async () => {
  const [header = '', ...lines] = await exportOf(await fullShelf())
  const server = await SmallServer.open()
  const seen: number[] = []
  const all = reactor('all', {
    from: [stockItem],
    startAt: 'beginning',
    on: { 'stockItem.picked': ({ data }) => void seen.push(data.quantity) },
  })
  const listened = { seen: [], domain: domain('stock', { aggregates: [stockItem], reactors: [all] }) }
  const storage = createMemoryStorage()
  const device = await open(server, listened, storage)
  await device.engine.import(pagesOf([header], lines))
  const other = await open(server, listening())
  await give(other.engine, 'stockItem.register', 'y', { name: 'Y' })
  await sync(other)
  // The other's is handled, its own wait for the server.
  await device.pull()
  await settle(60)
  await device.engine.close()
  const again = await open(server, listened, storage)
  await sync(again)
  expect(seen).toEqual([1])
})
