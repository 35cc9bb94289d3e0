import { aggregate, domain } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { unpack } from '../../src/internal/pack.ts'
import type { LogRecord } from '../../src/storage/record.ts'
import { give, openEngine, pagesOf } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

/** An export's lines, the header first. @param between runs after each page */
async function exported(engine: Engine, between: () => Promise<unknown> = async () => undefined): Promise<string[]> {
  let text = ''
  for (let page = await engine.exportPage(); ; page = await engine.exportPage(page.next)) {
    text += page.text
    if (!page.next) return text.split('\n').filter((line) => line !== '')
    await between()
  }
}
const restored = async ([header = '', ...lines]: readonly string[]) => {
  const engine = await openEngine(createMemoryStorage())
  await engine.import(pagesOf([header], lines))
  return engine
}
const told = async (engine: Engine): Promise<string[]> =>
  (await engine.readEvents(0, Infinity)).filter(({ type }) => type.startsWith('stockItem.')).map(({ id, version }) => `${id} ${version}`)
const pick = ({ engine }: Device, quantity: number) => give(engine, 'stockItem.pick', 'x', { quantity })

async function rebased() {
  const server = await SmallServer.open()
  const [a, b] = [await openDevice(server, 'a'), await openDevice(server, 'b')]
  await give(a.engine, 'stockItem.register', 'x', { name: 'X' })
  await give(a.engine, 'stockItem.receive', 'x', { quantity: 9 })
  await a.push()
  await a.pull()
  await b.pull()
  await pick(a, 8)
  await a.push()
  const refused = await pick(b, 7)
  await pick(b, 1)
  await b.pull() // both of its own are void now, and decided again
  return { server, a, b, refused }
}

test('an export of a synced log holds what counts, and is restored as a log that has lived alone', async () => {
  const { b, refused } = await rebased()
  const lines = await exported(b.engine)
  expect(lines.join()).not.toContain('clientId')
  const engine = await restored(lines)
  expect(await engine.load('stockItem', 'x')).toEqual({ state: { name: 'X', onHand: 0 }, version: 4 })
  expect(engine.inside.log.tail.cursor).toBeUndefined()
  // What it came to last is its receipt.
  expect(await give(engine, 'stockItem.pick', 'x', { quantity: 1 }, { id: refused.commandId })).toMatchObject({ refusal: 'outOfStock' })
  const events = await told(engine)
  expect(events).toHaveLength(4)
  expect(events.map((line) => line.split(' ')[1])).toEqual(['1', '2', '3', '4'])
})

test('a rebase in the middle of an export changes nothing of it', async () => {
  const { a, b } = await rebased()
  for (let i = 0; i < 150; i++) await give(b.engine, 'stockItem.receive', 'x', { quantity: 1 })
  const before = await restored(await exported(b.engine))
  await give(a.engine, 'stockItem.receive', 'x', { quantity: 1 })
  await a.push()
  let pages = 0
  const lines = await exported(b.engine, async () => {
    if (++pages === 1) await b.pull()
  })
  expect(pages).toBeGreaterThan(1)
  expect(await told(await restored(lines))).toEqual(await told(before))
})

test('what came back to this device is no part of an export: a log restored from it has nothing to push that no server knows', async () => {
  const { server, b } = await rebased()
  await b.push()
  await b.pull()
  expect((await b.engine.readEvents(0, Infinity)).some(({ type }) => type === '$inbox.returned')).toBe(true)
  const storage = createMemoryStorage()
  const engine = await openEngine(storage)
  const [header = '', ...lines] = await exported(b.engine)
  await engine.import(pagesOf([header], lines))
  await engine.close()
  const device = await openDevice(server, 'c', storage)
  const types = (await device.sync.pending(0, Infinity)).map(({ command }) => command?.type)
  expect(types).toHaveLength(4)
  expect(types.filter((type) => !type?.startsWith('stockItem.'))).toEqual([])
})

test('a record of which something was made void is exported without the states that it left', async () => {
  const counter = aggregate('counter', {
    persistence: 'state-stored',
    state: z.object({ count: z.number() }),
    events: { begun: z.object({}), raised: z.object({}) },
    commands: { raise: z.object({}) },
    create: { begun: () => ({ count: 1 }) },
    evolve: { raised: ({ count }) => ({ count: count + 1 }) },
    decide: { raise: (state, _, { emit }) => (state ? emit.raised({}) : emit.begun({})) },
  })
  const counters = domain('counters', { aggregates: [counter] })
  const server = await SmallServer.open(counters)
  const open = (clientId: string) => openDevice(server, clientId, createMemoryStorage(), { domain: counters })
  const [a, b] = [await open('a'), await open('b')]
  await give(a.engine, 'counter.raise', 'c', {})
  await a.push()
  await give(b.engine, 'counter.raise', 'c', {})
  await b.pull() // what it had is void, and decided again
  const records = (await exported(b.engine)).slice(1).map((line) => unpack(line) as LogRecord)
  expect(records.flatMap(({ states = [] }) => states.map(({ version, state }) => [version, state]))).toEqual([[2, { count: 2 }]])
})

test('a log that has joined its server, and holds nothing else, takes an export: all of it waits for the server', async () => {
  const { b } = await rebased()
  const [header = '', ...lines] = await exported(b.engine)
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const device = await openDevice(server, 'c', storage)
  expect(device.engine.inside.log.head.record).toBe(1)
  await device.engine.import(pagesOf([header], lines))
  expect(await device.engine.load('stockItem', 'x')).toEqual({ state: { name: 'X', onHand: 0 }, version: 4 })
  expect(device.sync.state.pending).toBeGreaterThan(0)
  await device.engine.close()

  const again = await openDevice(server, 'c', storage)
  expect(await again.engine.load('stockItem', 'x')).toEqual({ state: { name: 'X', onHand: 0 }, version: 4 })
  await expect(again.engine.import(pagesOf([header], lines))).rejects.toMatchObject({ code: 'log-not-empty' })
  // What this device had given is known whole, and is the new server's from now on.
  const own = (await again.sync.pending(0, Infinity)).filter(({ command }) => command && 'json' in command.payload && command.payload.json)
  expect(own.map(({ command }) => command?.type)).toContain('stockItem.pick')
})
