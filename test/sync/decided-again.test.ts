/** Pending Commands that are decided again: what of them counts already, and what this build cannot decide. */
import { aggregate, domain, event, processManager } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { SyncCursor } from '../../src/storage/record.ts'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

const cursorOf = ({ sync }: Device): SyncCursor => sync.state.cursor as SyncCursor
const stateOf = async ({ engine }: Device, name: string, id: string) => (await engine.load(name, id)).state

test('a Command that the server processed under an earlier client id has its effect once, and ends', async () => {
  const server = await SmallServer.open()
  const device = await openDevice(server, 'a')
  await give(device.engine, 'stockItem.register', 'x', { name: 'X' })
  const received = await give(device.engine, 'stockItem.receive', 'x', { quantity: 5 })
  await device.push()
  await device.sync.join({ ...cursorOf(device), clientId: 'a2', sequence: 0 })
  await device.pull()
  const shown = () => stateOf(device, 'stockItem', 'x')
  expect(device.sync.state.pending).toBe(2)
  expect(await shown()).toEqual({ name: 'X', onHand: 5 })
  // Once more, now over what was kept of that.
  const other = await openDevice(server, 'b')
  await other.pull()
  await give(other.engine, 'stockItem.receive', 'x', { quantity: 1 })
  await other.push()
  await device.pull()
  expect(await shown()).toEqual({ name: 'X', onHand: 6 })
  expect(await give(device.engine, 'stockItem.pick', 'x', { quantity: 7 })).toMatchObject({ ok: false, refusal: 'outOfStock' })
  expect(await give(device.engine, 'stockItem.pick', 'x', { quantity: 6 })).toMatchObject({ ok: true })
  expect((await device.sync.pending(0, 9)).map(({ command }) => command?.id)).toContain(received.commandId)
})

const task = aggregate('task', {
  state: z.object({ status: z.enum(['open', 'overdue']) }),
  events: { opened: z.object({}), lapsed: z.object({}) },
  commands: { open: z.object({}), lapse: z.object({}) },
  create: { opened: () => ({ status: 'open' }) },
  evolve: { lapsed: () => ({ status: 'overdue' }) },
  decide: { open: (_, __, { emit }) => emit.opened({}), lapse: (_, __, { emit }) => emit.lapsed({}) },
})
const watch = processManager('watch', {
  version: 1,
  state: z.object({}),
  from: [task],
  sends: [task],
  ignores: ['task.lapsed'],
  on: {
    'task.opened': {
      key: ({ aggregateId }) => aggregateId,
      handle: () => ({ state: {}, timers: [{ timer: 'overdue', afterMs: 60_000 }] }),
    },
  },
  timers: { overdue: (_, __, { send }) => ({ state: undefined, commands: [send.task.lapse('t', {})] }) },
})
const tasks = domain('tasks', { aggregates: [task], processManagers: [watch] })

async function firedAlone() {
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const alone = await openEngine(storage, { domain: tasks, clock })
  await give(alone, 'task.open', 't', {}, { at: clock.now() })
  await clock.advance(61_000)
  expect((await alone.load('task', 't')).state).toEqual({ status: 'overdue' })
  await alone.close()
  const server = await SmallServer.open(tasks)
  const other = await openDevice(server, 'b', createMemoryStorage(), { domain: tasks })
  await give(other.engine, 'task.open', 'another', {})
  await other.push()
  return { server, storage }
}

test('hazard 4: what followed from a timer that fired alone follows again when it is decided again', async () => {
  const { server, storage } = await firedAlone()
  const device = await openDevice(server, 'a', storage, { domain: tasks })
  await device.pull()
  expect(device.sync.state.pending).toBe(2)
  expect(await stateOf(device, 'task', 't')).toEqual({ status: 'overdue' })
})

test('a build that does not have the process manager of a pending timer is outdated', async () => {
  const { server, storage } = await firedAlone()
  const without = { domain: domain('tasks', { aggregates: [task] }) }
  const device = await openDevice(server, 'a', storage, without)
  await expect(device.pull()).rejects.toThrow('outdated')
})

test('a build that cannot upcast what a pending Command rests on is outdated, and another one goes on', async () => {
  const note = (build: 1 | 2 | 3) =>
    aggregate('note', {
      state: z.object({}),
      events: {
        written:
          build === 1
            ? z.object({})
            : event(z.object({}), {
                version: 2,
                upcast: {
                  1: (data) => {
                    if (build === 2) throw new Error('mend me')
                    return data
                  },
                },
              }),
      },
      commands: { write: z.object({}) },
      create: { written: () => ({}) },
      evolve: { written: (state) => state },
      decide: { write: (_, __, { emit }) => emit.written({}) },
    })
  const build = (version: 1 | 2 | 3) => ({ domain: domain('notes', { aggregates: [note(version)] }) })
  const server = await SmallServer.open(build(1).domain)
  const storage = createMemoryStorage()
  const [device, other] = [await openDevice(server, 'a', storage, build(1)), await openDevice(server, 'b', undefined, build(1))]
  await give(device.engine, 'note.write', 'n', {})
  await give(other.engine, 'note.write', 'n', {})
  await other.push()
  await device.engine.close()
  const broken = await openDevice(server, 'a', storage, build(2))
  await expect(broken.pull()).rejects.toThrow('outdated')
  await broken.engine.close()
  const mended = await openDevice(server, 'a', storage, build(3))
  await mended.pull()
  expect((await mended.engine.load('note', 'n')).version).toBe(2)
})

const book = (newer: boolean) => {
  const shared = {
    state: z.object({}),
    create: { opened: () => ({}) },
  }
  const Nothing = z.object({})
  return newer
    ? aggregate('book', {
        ...shared,
        events: { opened: Nothing, signed: Nothing },
        commands: { open: Nothing, sign: Nothing },
        evolve: { signed: (state) => state },
        decide: { open: (_, __, { emit }) => emit.opened({}), sign: (_, __, { emit }) => emit.signed({}) },
      })
    : aggregate('book', {
        ...shared,
        events: { opened: Nothing },
        commands: { open: Nothing },
        evolve: {},
        decide: { open: (_, __, { emit }) => emit.opened({}) },
      })
}
const booksOf = (newer: boolean) => ({ domain: domain('books', { aggregates: [book(newer)] }) })

test('a Command that a build cannot withdraw, as it does not know another that waits, is sent as it is', async () => {
  const server = await SmallServer.open(booksOf(true).domain)
  const storage = createMemoryStorage()
  const newer = await openDevice(server, 'a', storage, booksOf(true))
  const opened = await give(newer.engine, 'book.open', 'b', {})
  await give(newer.engine, 'book.sign', 'b', {})
  await newer.engine.close()
  const older = await openDevice(server, 'a', storage, booksOf(false))
  await expect(older.sync.withdraw(opened.commandId)).rejects.toMatchObject({ code: 'outdated' })
  await older.engine.close()
  const again = await openDevice(server, 'a', storage, booksOf(true))
  await again.push()
  await again.pull()
  expect(await again.sync.receipt(opened.commandId)).toEqual({ state: 'confirmed' })
  expect((await again.engine.load('book', 'b')).version).toBe(2)
})

test('a build that does not know a pending Command confirms what stands before it, and decides nothing again', async () => {
  const server = await SmallServer.open(booksOf(true).domain)
  const storage = createMemoryStorage()
  const newer = await openDevice(server, 'a', storage, booksOf(true))
  const opened = await give(newer.engine, 'book.open', 'b', {})
  await newer.push()
  const signed = await give(newer.engine, 'book.sign', 'b', {})
  await newer.engine.close()

  const older = await openDevice(server, 'a', storage, booksOf(false))
  await older.pull()
  expect(await older.sync.receipt(opened.commandId)).toEqual({ state: 'confirmed' })
  expect(older.sync.state.pending).toBe(1)
  expect(older.engine.inside.log.tail.voids).toEqual([])
  const other = await openDevice(server, 'b', undefined, booksOf(true))
  await give(other.engine, 'book.open', 'c', {})
  await other.push()
  const before = await older.engine.inside.log.records(0, Infinity)
  // Here it would have to be decided again, which this build cannot do: nothing is written.
  await expect(older.pull()).rejects.toThrow('outdated')
  expect(await older.engine.inside.log.records(0, Infinity)).toEqual(before)
  await older.engine.close()

  const again = await openDevice(server, 'a', storage, booksOf(true))
  await again.pull()
  await again.push()
  await again.pull()
  expect(await again.sync.receipt(signed.commandId)).toEqual({ state: 'confirmed' })
  expect((await again.engine.load('book', 'b')).version).toBe(2)
})
