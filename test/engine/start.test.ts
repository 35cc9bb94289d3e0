/** A start that storage does not let through at once. */
import { createMemoryStorage, type MemoryStorage } from 'outpost/testing'
import { expect, test } from 'vitest'
import { createEngine } from '../../src/engine/create-engine.ts'
import type { LogRecord } from '../../src/storage/record.ts'
import { turns } from '../channel/turns.ts'
import { stock } from '../fixtures/stock.ts'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine, testEnvironment } from '../support/engine.ts'

/** As an app left it that was closed. */
async function diskWithOneItem(): Promise<MemoryStorage> {
  const disk = createMemoryStorage()
  const first = await openEngine(disk.tab())
  await give(first, 'stockItem.register', 'a', { name: 'A' })
  await first.close()
  return disk
}

test('one failure of storage at a start delays the first Commands, and fails none', async () => {
  const disk = createMemoryStorage()
  const first = await openEngine(disk.tab())
  await give(first, 'stockItem.register', 'a', { name: 'A' })
  const [tab, clock] = [disk.tab(), createTestClock()]
  tab.faults.fail('events.read', 'UnknownError')
  const engine = await openEngine(tab, { clock })
  const received = give(engine, 'stockItem.receive', 'a', { quantity: 2 })
  await clock.advance(1000)
  expect(await received).toMatchObject({ ok: true })
})

test('where storage goes on failing, Commands fail with its error', async () => {
  const disk = createMemoryStorage()
  const first = await openEngine(disk.tab())
  await give(first, 'stockItem.register', 'a', { name: 'A' })
  const [tab, clock] = [disk.tab(), createTestClock()]
  tab.faults.fail('events.read', 'UnknownError', Infinity)
  const engine = await openEngine(tab, { clock })
  const received = give(engine, 'stockItem.receive', 'a', { quantity: 2 })
  await Promise.all([expect(received).rejects.toMatchObject({ code: 'storage-failed' }), clock.advance(60_000)])
})

test('rows are opened beside the log, not after it', async () => {
  const disk = await diskWithOneItem()
  const tab = disk.tab()
  const [log, rows] = [tab.faults.pause('events.last'), tab.faults.pause('openReadStore')]
  const opening = openEngine(tab)
  await Promise.all([log.reached, rows.reached])
  log.release()
  rows.release()
  const engine = await opening
  expect((await engine.run({ kind: 'get', model: 'stockList', key: 'a' }, 1, 1000)).data).toMatchObject({ name: 'A' })
})

test('where the log cannot be opened, the rows that were opened beside it are closed', async () => {
  const disk = await diskWithOneItem()
  const tab = disk.tab()
  tab.faults.fail('events.last', 'UnknownError')
  const rows = tab.faults.pause('openReadStore')
  const closed = new Promise<void>((resolve) => {
    const open = tab.openReadStore
    Object.assign(tab, {
      async openReadStore(...given: Parameters<typeof open>) {
        const store = await open(...given)
        const close = store.close.bind(store)
        return Object.assign(store, {
          close() {
            close()
            resolve()
          },
        })
      },
    })
  })
  await expect(openEngine(tab)).rejects.toMatchObject({ code: 'storage-failed' })
  await rows.reached
  rows.release()
  await closed
})

test('a log of a newer build is left as it is, also by a build whose rows are others', async () => {
  const disk = await diskWithOneItem()
  const name = 'stock.hall-7.ann.log'
  const { events, meta } = await disk.tab().openLog(name)
  const last = (await events.last()) as LogRecord
  await events.append([{ ...last, number: last.number + 1, id: 'newer', format: 99 }], 'relaxed')
  const whole = async () => [await disk.list(''), await meta.entries('')]
  const before = await whole()
  const others = [...stock.readModels.values()].map((model) => [model.name, { ...model, rowFingerprint: 'other' }] as const)
  const log = await disk.tab().openLog(name)
  let read: () => void = () => undefined
  const held = new Promise<void>((resolve) => (read = resolve))
  const slow = { ...log, states: { ...log.states, checkpoints: () => held.then(() => log.states.checkpoints()) } }
  const tab = Object.assign(disk.tab(), { openLog: async () => slow })
  const opening = openEngine(tab, { domain: { ...stock, readModels: new Map(others) } })
  await turns(50)
  read()
  await expect(opening).rejects.toMatchObject({ code: 'storage-newer' })
  await turns(50)
  expect(await whole()).toEqual(before)
})

test('a tab that begins the log while another one opens it makes that one build nothing', async () => {
  const disk = createMemoryStorage()
  const tab = disk.tab()
  const checkpoints = tab.faults.pause('states.checkpoints')
  const opening = openEngine(tab)
  await checkpoints.reached
  const other = await openEngine(disk.tab())
  await give(other, 'stockItem.register', 'a', { name: 'A' })
  checkpoints.release()
  const engine = await opening
  const seen: string[] = []
  engine.status$.subscribe(({ readModels }) => seen.push(...readModels.map(({ state }) => state)))
  expect((await engine.run({ kind: 'get', model: 'stockList', key: 'a' }, 1, 1000)).data).toMatchObject({ name: 'A' })
  expect(new Set(seen)).toEqual(new Set(['live']))
  const generations = (await disk.list('')).filter((name) => name.includes('.read.')).map((name) => name.split('#')[1])
  expect(new Set(generations)).toEqual(new Set(['1']))
})

test('a space whose name is no well-formed text is refused by name', async () => {
  const options = { domain: stock, storage: createMemoryStorage(), principal: 'ann', environment: testEnvironment(createTestClock()) }
  await expect(createEngine({ ...options, space: '\ud800' })).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('ud800'),
  })
})

test('questions that make no sense are refused', async () => {
  const engine = await openEngine(createMemoryStorage())
  await expect(engine.readEvents(NaN, 10)).rejects.toMatchObject({ code: 'invalid-query' })
  await expect(engine.loadAt('stockItem', 'a', undefined as never)).rejects.toMatchObject({ code: 'invalid-query' })
})
