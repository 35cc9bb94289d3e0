import { expect, test } from 'vitest'
import { aggregate, domain, readModel } from 'outpost'
import { z } from 'zod'
import { movements, stock, stockList } from '../fixtures/stock.ts'
import { from } from './queries.ts'
import { picked, received, registered, type StockRow } from './stock-events.ts'
import { type Tab, soon, turns, until, watchAll, World } from './world.ts'

const all = from(stockList).description
const row = (tab: Tab, sku: string): Promise<StockRow | undefined> => tab.ask(from(stockList).get(sku).description)

/** What storage has, read past every tab. */
async function storedRows(world: World, readModel: string, generation = 1) {
  const store = await world.storage.openReadStore(`app.space.ann.read.${readModel}@1#${generation}`, { key: 'sku', indexes: [] })
  const { rows, checkpoint } = await store.scan({})
  store.close()
  return { rows, record: checkpoint?.record }
}

test('rows are there as soon as their Events are recorded, before anything is stored', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'), received('a', 5), picked('a', 2))
  expect(await tab.ask<StockRow[]>(all)).toEqual([{ sku: 'a', name: 'a', onHand: 3 }])
  expect(await row(tab, 'a')).toEqual({ sku: 'a', name: 'a', onHand: 3 })
  expect(await tab.ask<number>(from(movements).count().description)).toBe(2)
  expect((await storedRows(world, 'stockList')).rows).toEqual([])
})

test('rows are stored when commits pause, and a new start reads no Event again', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'), received('a', 5))
  await tab.ask(all)
  await world.clock.advance(1_100)
  await tab.close()
  expect(await storedRows(world, 'stockList')).toEqual({ rows: [{ sku: 'a', name: 'a', onHand: 5 }], record: 1 })

  const again = await world.tab(stock)
  const folded: number[] = []
  const { decode } = again
  Object.assign(again, {
    decode(record: Parameters<typeof decode>[0]) {
      folded.push(record.number)
      return decode(record)
    },
  })
  expect(await again.ask<StockRow[]>(all)).toEqual([{ sku: 'a', name: 'a', onHand: 5 }])
  expect(again.status('stockList')).toMatchObject({ state: 'live', position: 2, lag: 0 })
  expect(folded).toEqual([])
})

test('a burst of commits becomes one flush, and a long one is flushed all the same', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const commit = async (): Promise<void> => {
    await tab.append(received('a', 1))
    await tab.ask(all)
    await world.clock.advance(60)
  }
  await tab.append(registered('a'))
  for (let i = 0; i < 10; i++) await commit()
  expect((await storedRows(world, 'stockList')).record).toBeUndefined()
  for (let i = 0; i < 170; i++) await commit()
  expect((await storedRows(world, 'stockList')).record).toBeGreaterThan(20)
})

test('a commit that takes long is no pause: rows wait until it is through', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'))
  await tab.ask(all)
  tab.isBusy = true
  await world.clock.advance(2_500)
  expect((await storedRows(world, 'stockList')).record).toBeUndefined()
  tab.isBusy = false
  await world.clock.advance(1_100)
  expect((await storedRows(world, 'stockList')).record).toBe(1)
})

test('the last record of the log is passed over without being folded twice after a start in between', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'), received('a', 5))
  await tab.side.flush()
  await tab.append(picked('a', 1))
  await tab.append(picked('a', 1))
  await tab.ask(all)
  await tab.close() // the tail is not stored
  const again = await world.tab(stock)
  expect((await row(again, 'a'))?.onHand).toBe(3)
})

test('a tab that watches nothing leaves records of others alone, then stands on what they stored', async () => {
  const world = new World()
  const writer = await world.tab(stock)
  const idle = await world.tab(stock)
  await idle.ask(all)
  await writer.append(registered('a'), received('a', 5))
  await writer.side.flush()
  await idle.hear()
  await turns()
  expect(idle.status('stockList')).toMatchObject({ position: 0, lag: 2 })
  await world.clock.advance(4_000)
  expect(idle.status('stockList')).toMatchObject({ position: 2, lag: 0 })
})

test('a query in a tab that watches nothing includes what that tab has heard of', async () => {
  const world = new World()
  const writer = await world.tab(stock)
  const idle = await world.tab(stock)
  await writer.append(registered('a'), received('a', 5))
  await idle.hear()
  expect((await row(idle, 'a'))?.onHand).toBe(5)
})

test('a tab that watches sees records of others at once', async () => {
  const world = new World()
  const writer = await world.tab(stock)
  const other = await world.tab(stock)
  const { frames } = await watchAll<StockRow[]>(other, all)
  await writer.append(registered('a'))
  await other.hear()
  await until(() => frames.length === 2)
  expect(frames[1]).toEqual([{ sku: 'a', name: 'a', onHand: 0 }])
})

test('what a tab writes and then asks for is in the answer, however far the rows are behind', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'))
  for (let i = 0; i < 200; i++) await tab.append(received('a', 1))
  const { data, stale } = await tab.side.run(from(stockList).get('a').description, tab.head.position, 1_000)
  expect(data).toEqual({ sku: 'a', name: 'a', onHand: 200 })
  expect(stale).toBe(false)
})

test('an answer that could not catch up in time is marked stale', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'))
  await tab.ask(all)
  const asked = tab.side.run(all, 99, 1_000)
  await turns()
  await world.clock.advance(1_000)
  expect(await asked).toMatchObject({ stale: true, position: 1, data: [{ sku: 'a' }] })
})

test('hazard 6: a tab that flushes late does not count again what another tab has stored', async () => {
  const world = new World()
  const a = await world.tab(stock)
  const b = await world.tab(stock)
  await a.append(registered('x'))
  for (let i = 0; i < 10; i++) await a.append(received('x', 1))
  await b.hear()
  await b.ask(all) // B has folded up to 10
  const pause = b.storage.faults.pause('rows.save')
  const late = b.side.flush()
  await pause.reached // B's flush is on its way
  for (let i = 0; i < 10; i++) await a.append(received('x', 1))
  await a.side.flush() // A stored up to 20
  pause.release()
  await late
  expect((await storedRows(world, 'stockList')).rows).toEqual([{ sku: 'x', name: 'x', onHand: 20 }])
  await b.hear()
  expect((await row(b, 'x'))?.onHand).toBe(20)
  await b.append(received('x', 1))
  await b.side.flush()
  expect((await storedRows(world, 'stockList')).rows).toEqual([{ sku: 'x', name: 'x', onHand: 21 }])
})

test('hazard 7: a row that another tab stored later is not folded onto', async () => {
  const world = new World()
  const a = await world.tab(stock)
  await a.append(registered('x'), received('x', 10))
  await a.side.flush()
  const b = await world.tab(stock)
  await b.ask<number>(from(stockList).count().description) // B stands at 1 and knows no row
  const { frames } = await watchAll<StockRow[]>(b, from(stockList).where({ onHand: { from: 0 } }).description)
  for (let i = 0; i < 10; i++) await a.append(received('x', 1))
  await a.side.flush()
  await b.hear() // folds 2 to 11, for which it must load the row as of 1, and finds the one as of 11
  await until(() => b.status('stockList').lag === 0)
  expect((await row(b, 'x'))?.onHand).toBe(20)
  await until(() => frames.at(-1)?.[0]?.onHand === 20)
  expect(frames.every((frame) => (frame[0]?.onHand ?? 0) <= 20)).toBe(true)
})

test('hazard 9: rows that outlived their records are built anew', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('x'), received('x', 10))
  await tab.append(received('x', 100))
  await tab.append(received('x', 1000))
  await tab.side.flush()
  await tab.close()
  world.losePower(2)
  const after = await world.tab(stock)
  await after.append(picked('x', 1)) // takes the number of a lost record
  await after.append(picked('x', 1))
  await until(() => after.status('stockList').state === 'live' && after.status('stockList').lag === 0)
  expect((await row(after, 'x'))?.onHand).toBe(8)
  await after.side.flush()
  expect((await storedRows(world, 'stockList', 2)).rows).toEqual([{ sku: 'x', name: 'x', onHand: 8 }])
  expect(await world.storage.list('app.space.ann.read.stockList')).toEqual(['app.space.ann.read.stockList@1#2'])
})

test('hazard 9: a log that lost its last records and was not written since has its rows built anew, too', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('x'))
  await tab.append(received('x', 100))
  await tab.side.flush()
  await tab.close()
  world.losePower(1)
  const after = await world.tab(stock)
  await until(() => after.status('stockList').state === 'live' && after.status('stockList').lag === 0)
  expect((await row(after, 'x'))?.onHand).toBe(0)
})

test('without space rows are read from memory, status says so, and they are stored when there is space', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('x'))
  await tab.ask(all)
  const lift = tab.storage.faults.fail('rows.save', 'QuotaExceededError', Infinity)
  await world.clock.advance(3_000)
  await tab.append(received('x', 5))
  expect((await row(tab, 'x'))?.onHand).toBe(5)
  expect(tab.status('stockList')).toMatchObject({ state: 'live', position: 2, problem: expect.stringContaining('is full') })
  expect((await storedRows(world, 'stockList')).rows).toEqual([])
  lift()
  await world.clock.advance(60_000)
  expect((await storedRows(world, 'stockList')).rows).toEqual([{ sku: 'x', name: 'x', onHand: 5 }])
  expect(tab.status('stockList')).not.toHaveProperty('problem')
})

test('a flush in doubt is found out about, and nothing is counted twice', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('x'), received('x', 5))
  await tab.ask(all)
  tab.storage.faults.failInDoubt('rows.save', 4)
  await world.clock.advance(500)
  await tab.append(received('x', 5))
  await tab.ask(all)
  await world.clock.advance(60_000)
  expect((await storedRows(world, 'stockList')).rows).toEqual([{ sku: 'x', name: 'x', onHand: 10 }])
  expect((await row(tab, 'x'))?.onHand).toBe(10)
})

test('storage that fails while rows are loaded delays the fold, no more', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('x'), received('x', 5))
  await tab.side.flush()
  await tab.close()
  const again = await world.tab(stock)
  await again.ask<number>(from(stockList).count().description)
  again.storage.faults.fail('rows.load', 'UnknownError', 2)
  await again.append(received('x', 5))
  await world.clock.advance(soon)
  await until(() => again.status('stockList').problem !== undefined)
  await world.clock.advance(1_000)
  expect((await row(again, 'x'))?.onHand).toBe(10)
  expect(again.status('stockList')).not.toHaveProperty('problem')
})

/** One Event makes this many rows. */
function written(rowsOfEvent: number) {
  const log = aggregate('log', {
    state: z.object({}),
    events: { written: z.object({}) },
    commands: {},
    create: { written: () => ({}) },
    evolve: {},
    decide: {},
  })
  const lines = readModel('lines', {
    version: 1,
    from: [log],
    row: z.object({ id: z.string() }),
    key: 'id',
    on: {
      'log.written': ({ aggregateId }, rows) => {
        for (let i = 0; i < rowsOfEvent; i++) rows.put({ id: `${aggregateId}.${i}` })
      },
    },
  })
  const record = (name: number, events: number) =>
    Array.from({ length: events }, (_, i) => ({ type: 'log.written', aggregateId: `${name}-${i}`, data: {} }))
  return { lines, record, logs: domain('logs', { aggregates: [log], readModels: [lines] }) }
}

test('with many rows waiting for storage nothing more is folded until some are stored', async () => {
  const { lines, record, logs } = written(1)
  const world = new World()
  const tab = await world.tab(logs)
  await tab.ask(from(lines).count().description)
  const pause = tab.storage.faults.pause('rows.save')
  for (let i = 0; i < 30; i++) await tab.append(...record(i, 2_000))
  await world.clock.advance(soon)
  await pause.reached
  await until(() => tab.status('lines').position === 48_000)
  await turns(20)
  expect(tab.status('lines').position).toBe(48_000)
  pause.release()
  await until(() => tab.status('lines').lag === 0)
  expect(await tab.ask<number>(from(lines).count().description)).toBe(60_000)
})

test('rows that keep others from being folded are stored at once, also while Commands come', async () => {
  const { lines, record, logs } = written(5)
  const world = new World()
  const tab = await world.tab(logs)
  await tab.ask(from(lines).count().description)
  tab.isBusy = true
  for (let i = 0; i < 6; i++) await tab.append(...record(i, 2_000))
  await world.clock.advance(soon)
  await until(() => tab.status('lines').lag === 0)
  expect(await tab.ask<number>(from(lines).count().description)).toBe(60_000)
})
