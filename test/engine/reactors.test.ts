/** Reactors: at least once, in order, one tab at a time, retried, parked, retried by hand. */
import { domain, reactor, type ReactorTools } from 'outpost'
import { expect, test, vi } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { createRoles, give, openEngine, statusOf } from '../support/engine.ts'
import { stockItem } from '../fixtures/stock.ts'

function listening(behave: (event: { readonly id: string }, tools: ReactorTools) => void | Promise<void> = () => undefined) {
  const seen: string[] = []
  const announce = reactor('announce', {
    from: [stockItem],
    on: {
      'stockItem.registered': async (event, tools) => {
        seen.push(`${tools.key} ${tools.attempt}`)
        await behave(event, tools)
      },
    },
    retry: { attempts: 3, firstDelayMs: 100 },
  })
  return { seen, domain: domain('stock', { aggregates: [stockItem], reactors: [announce] }) }
}
const status = (engine: Awaited<ReturnType<typeof openEngine>>) => statusOf(engine).handlers

test('each Event is handled once, in order, with a key that follows from it, and not again after a restart', async () => {
  const storage = createMemoryStorage()
  const { seen, domain: listened } = listening()
  const first = await openEngine(storage, { domain: listened })
  await settle()
  await give(first, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await give(first, 'stockItem.receive', 'a', { quantity: 1 })
  await give(first, 'stockItem.register', 'b', { name: 'B' }, { id: '2' })
  await settle()
  await first.close()
  const second = await openEngine(storage, { domain: listened })
  await give(second, 'stockItem.register', 'c', { name: 'C' }, { id: '3' })
  await settle()
  expect(seen).toEqual(['announce/1.0 1', 'announce/2.0 1', 'announce/3.0 1'])
  await second.close()
})

test('who stood still in an effect, and was overtaken by another process, does not set back how far that one has come', async () => {
  const storage = createMemoryStorage()
  let wake = (): void => undefined
  const { domain: listened } = listening(({ id }) => (id === '1.0' ? new Promise<void>((resolve) => (wake = resolve)) : undefined))
  const engine = await openEngine(storage, { domain: listened })
  await settle()
  await give(engine, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await settle()
  const { meta } = await storage.tab().openLog('stock.hall-7.ann.log')
  const noted = async () => [...(await meta.entries('')).entries()].filter(([name]) => name.includes('announce'))
  const [[name] = ['']] = await noted()
  await meta.update(name, () => ({ position: 7 }))
  wake()
  await settle()
  expect(await noted()).toEqual([[name, { position: 7 }]])
  await engine.close()
})

test('a failing Event is tried again with backoff, then parks alone, and `retry` continues', async () => {
  const clock = createTestClock()
  let broken = true
  const { seen, domain: listened } = listening(() => {
    if (broken) throw new Error('no line')
  })
  const engine = await openEngine(createMemoryStorage(), { domain: listened, clock })
  await settle()
  await give(engine, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await give(engine, 'stockItem.register', 'b', { name: 'B' }, { id: '2' })
  await settle()
  expect(seen).toEqual(['announce/1.0 1'])
  await clock.advance(99)
  expect(seen).toHaveLength(1)
  await clock.advance(1)
  expect(seen).toHaveLength(2)
  await clock.advance(200)
  await clock.advance(60)
  expect(seen).toEqual(['announce/1.0 1', 'announce/1.0 2', 'announce/1.0 3'])
  expect(status(engine)).toMatchObject([{ name: 'announce', state: 'parked', parked: [{ position: 1, error: 'no line', attempts: 3 }] }])
  expect(await give(engine, 'stockItem.receive', 'a', { quantity: 1 })).toMatchObject({ ok: true })
  await clock.advance(60_000)
  expect(seen).toHaveLength(3)
  broken = false
  await engine.retry('announce')
  await clock.advance(100)
  expect(seen.slice(3)).toEqual(['announce/1.0 1', 'announce/2.0 1'])
  expect(status(engine)).toMatchObject([{ state: 'live', parked: [] }])
})

test('of two tabs one runs it; when that closes, the other goes on where it stopped', async () => {
  const storage = createMemoryStorage()
  const roles = createRoles()
  const { seen, domain: listened } = listening()
  const one = await openEngine(storage.tab(), { domain: listened, roles })
  const two = await openEngine(storage.tab(), { domain: listened, roles })
  await settle()
  await give(two, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await one.catchUp()
  await settle()
  expect(seen).toEqual(['announce/1.0 1'])
  await one.close()
  await give(two, 'stockItem.register', 'b', { name: 'B' }, { id: '2' })
  await settle()
  expect(seen).toEqual(['announce/1.0 1', 'announce/2.0 1'])
})

test('one that is new to a log begins at its end, or where it says', async () => {
  const storage = createMemoryStorage()
  const plain = await openEngine(storage, { domain: domain('stock', { aggregates: [stockItem] }) })
  await give(plain, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await plain.close()
  const { seen, domain: listened } = listening()
  const engine = await openEngine(storage, { domain: listened })
  await settle()
  await give(engine, 'stockItem.register', 'b', { name: 'B' }, { id: '2' })
  await settle()
  expect(seen).toEqual(['announce/2.0 1'])
})

test('one that parked is shown as parked in every tab, and as live again when it was retried in any', async () => {
  const storage = createMemoryStorage()
  const options = { roles: createRoles(), clock: createTestClock() }
  let broken = true
  const { domain: listened } = listening(() => {
    if (broken) throw new Error('no line')
  })
  const one = await openEngine(storage.tab(), { domain: listened, ...options })
  await settle()
  const two = await openEngine(storage.tab(), { domain: listened, ...options })
  await give(one, 'stockItem.register', 'a', { name: 'A' })
  await two.catchUp()
  await options.clock.advance(60_000)
  expect(status(two)).toMatchObject([{ state: 'parked', parked: [{ position: 1, error: 'no line' }] }])
  expect(status(two)).toEqual(status(one))
  broken = false
  await two.retry('announce')
  await options.clock.advance(10_000)
  expect(status(two)).toMatchObject([{ state: 'live', position: 1, parked: [] }])
})

test('a failure of storage at its start keeps it no longer than until the next try', async () => {
  const storage = createMemoryStorage()
  const clock = createTestClock()
  const { seen, domain: listened } = listening()
  const first = await openEngine(storage, { domain: listened })
  await settle()
  await first.close()
  storage.faults.fail('meta.update', 'UnknownError')
  const engine = await openEngine(storage, { domain: listened, clock })
  await settle()
  await give(engine, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await clock.advance(60_000)
  expect(seen).toEqual(['announce/1.0 1'])
})

test('a handler that never settles keeps nobody from closing, and its Event comes again', async () => {
  const storage = createMemoryStorage()
  const { domain: hanging } = listening(() => new Promise(() => undefined))
  const first = await openEngine(storage, { domain: hanging })
  await settle()
  await give(first, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await settle()
  await first.close()
  const { seen, domain: listened } = listening()
  const second = await openEngine(storage, { domain: listened })
  await settle()
  expect(seen).toEqual(['announce/1.0 1'])
  await second.close()
})

test('it needs nothing of the platform that the oldest supported browsers lack', async () => {
  const any = vi.spyOn(AbortSignal, 'any').mockImplementation(() => {
    throw new TypeError('AbortSignal.any is not a function')
  })
  const { seen, domain: listened } = listening()
  const engine = await openEngine(createMemoryStorage(), { domain: listened })
  await settle()
  await give(engine, 'stockItem.register', 'a', { name: 'A' }, { id: '1' })
  await settle()
  expect(seen).toEqual(['announce/1.0 1'])
  await engine.close()
  any.mockRestore()
})
