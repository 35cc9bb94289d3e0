import { expect, test, vi } from 'vitest'
import { domain, query } from 'outpost'
import { dexieTable, type ReadOnlyTable } from 'outpost/dexie'
import { testApp } from 'outpost/testing'
import { z } from 'zod'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { stockItem, stockList } from '../fixtures/stock.ts'
import { received, registered, type StockRow } from '../read/stock-events.ts'
import { PREFIX, soon, turns, until, watchAll, World } from '../read/world.ts'
import { give, openEngine } from '../support/engine.ts'
import { createBrowser } from './browser.ts'

const call = (name = 'q', input: unknown = {}) => ({ kind: 'named', query: name, input }) as const
const inStock = <Q extends { readonly kind: 'query' }>(...queries: readonly Q[]) =>
  domain('stock', { aggregates: [stockItem], readModels: [stockList], queries: queries as never })

type Rows = ReadOnlyTable<StockRow, string>
/** A domain whose named query `q` asks the Dexie table of the stock list, with the builder beside it. */
const asking = (ask: (rows: Rows, read: () => PromiseLike<readonly StockRow[]>) => Promise<unknown>) =>
  inStock(
    query('q', {
      reads: [stockList],
      input: z.object({}),
      run: async (read) => ask(await dexieTable(read.stockList), () => read.stockList),
    }),
  )
function open() {
  const browser = createBrowser()
  const world = new World(() => createIndexedDbStorage(browser))
  return { browser, world }
}
const database = (generation = 1): string => `${PREFIX}.read.stockList@1#${generation}`
const row = (sku: string, onHand = 0, name = sku): StockRow => ({ sku, name, onHand })

test('holds what has just been folded and is stored nowhere yet, with the indexes of the Read Model', async () => {
  const search = query('search', {
    reads: [stockList],
    input: z.object({ text: z.string() }),
    run: async (read, { text }) => (await dexieTable(read.stockList)).where('name').startsWithIgnoreCase(text).limit(2).toArray(),
  })
  const { world } = open()
  const tab = await world.tab(inStock(search))
  await tab.append(
    registered('a', 'Bolt'),
    registered('b', 'bolt, long'),
    registered('c', 'BOLTS'),
    registered('d', 'Nut'),
    received('a', 7),
  )
  expect(await tab.side.run(call('search', { text: 'bO' }), 5, 1_000)).toEqual({
    data: [row('c', 0, 'BOLTS'), row('a', 7, 'Bolt')],
    position: 5,
    stale: false,
  })
  const both = asking(async (rows) => [await rows.where('[name+onHand]').equals(['Bolt', 7]).primaryKeys(), await rows.get('b')])
  expect(await (await world.tab(both)).ask(call())).toEqual([['a'], row('b', 0, 'bolt, long')])
})

test('with sync, holds confirmed rows alone; the builder beside it shows what is pending too', async () => {
  const { world } = open()
  const tab = await world.tab(asking(async (rows, read) => [await rows.toArray(), await read()]))
  await tab.append(registered('a'))
  await tab.join()
  await tab.append(received('a', 5), registered('b'))
  expect(await tab.ask(call())).toEqual([[row('a')], [row('a', 5), row('b')]])
  await tab.rebase({ slice: [[received('a', 2)]], again: [[received('a', 5)]] })
  expect(await tab.ask(call())).toEqual([[row('a', 2)], [row('a', 7)]])
  await tab.confirm(1)
  await world.clock.advance(soon)
  expect(await tab.ask(call())).toEqual([[row('a', 7)], [row('a', 7)]])
})

test('works in the real engine, on rows of Commands that were just given', async () => {
  const engine = await openEngine(createIndexedDbStorage(createBrowser()), { domain: asking((rows) => rows.toArray()) })
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  const { position } = engine
  expect(await engine.run(call(), position, 1_000)).toEqual({ data: [row('a', 0, 'A')], position, stale: false })
  await engine.close()
})

test('watched, the query sees new Events', async () => {
  const { world } = open()
  const tab = await world.tab(asking((rows) => rows.where('onHand').above(0).primaryKeys()))
  await tab.append(registered('a'), registered('b'))
  const { frames } = await watchAll<string[]>(tab, call())
  await tab.append(received('b', 1))
  await until(() => frames.length === 2)
  await tab.append(received('a', 1))
  await until(() => frames.length === 3)
  expect(frames).toEqual([[], ['b'], ['a', 'b']])
})

test('stands still while this tab records more, as what the query builder gives does', async () => {
  let during = async (): Promise<void> => {}
  const { world } = open()
  const tab = await world.tab(
    asking(async (rows, read) => {
      await during()
      return [await rows.count(), (await read()).length]
    }),
  )
  await tab.append(registered('a'))
  during = async () => {
    during = async () => {}
    await tab.append(registered('b'))
    await turns(10)
  }
  expect(await tab.side.run(call(), 1, 1_000)).toEqual({ data: [1, 1], position: 1, stale: false })
  expect(await tab.side.run(call(), 2, 1_000)).toEqual({ data: [2, 2], position: 2, stale: false })
})

test('where another tab stores more while it runs, the query runs again, and has seen one record', async () => {
  let during = async (): Promise<void> => {}
  const answers: unknown[] = []
  const counting = asking(async (rows) => {
    const before = await rows.count()
    await during()
    const answer = [before, await rows.count()]
    answers.push(answer)
    return answer
  })
  const { world } = open()
  const [here, there] = [await world.tab(counting), await world.tab(counting)]
  await here.append(registered('a'))
  during = async () => {
    during = async () => {}
    await there.append(registered('b'))
    await there.side.flush()
  }
  expect(await here.side.run(call(), 1, 1_000)).toEqual({ data: [2, 2], position: 2, stale: false })
  expect(answers).toEqual([
    [1, 2],
    [2, 2],
  ])
})

test('where another tab had stored more before, its rows and those of the query builder are of one record', async () => {
  const both = asking(async (rows, read) => [await rows.toArray(), await read()])
  const { world } = open()
  const [here, there] = [await world.tab(both), await world.tab(both)]
  await here.append(registered('a'))
  await here.ask(call())
  await here.append(received('a', 1))
  await there.append(received('a', 1), registered('b'))
  await there.side.flush()
  const [stored, built] = await here.ask<[unknown, unknown]>(call(), 2)
  expect(stored).toEqual([row('a', 2), row('b')])
  expect(built).toEqual(stored)
})

test('where a rebuild swaps the rows while it runs, the query runs again on the new ones, and the old ones can be deleted', async () => {
  let during = async (): Promise<void> => {}
  const { browser, world } = open()
  const tab = await world.tab(
    asking(async (rows) => {
      await during()
      return [rows.db.name, await rows.count()]
    }),
  )
  await tab.append(registered('a'))
  expect(await tab.ask(call())).toEqual([database(1), 1])
  during = async () => {
    during = async () => {}
    await tab.side.rebuild('stockList')
    for (let names = [database(1)]; names.includes(database(1)); await turns(1)) {
      names = (await browser.indexedDB.databases()).map(({ name }) => name as string)
    }
  }
  expect(await tab.side.run(call(), 1, 1_000)).toEqual({ data: [database(2), 1], position: 1, stale: false })
  expect(browser.held()).toEqual(['stockList@1#2', 'stockList@1#2'])
})

test('rejects with the error of storage where the rows cannot be stored, and recovers', async () => {
  const { browser, world } = open()
  const tab = await world.tab(asking((rows) => rows.count()))
  await tab.append(registered('a'))
  browser.refuseRows(new DOMException('no space', 'QuotaExceededError'))
  await expect(tab.side.run(call(), 1, 1_000)).rejects.toMatchObject({ code: 'storage-full' })
  // The query builder needs no space.
  expect(await tab.ask({ kind: 'get', model: 'stockList', key: 'a' })).toEqual(row('a'))
  browser.refuseRows(undefined)
  expect(await tab.ask(call())).toBe(1)
})

test('of a parked Read Model, it ends with the last whole record', async () => {
  const { world } = open()
  const tab = await world.tab(asking(async (rows, read) => [await rows.toArray(), await read()]))
  await tab.append(registered('a'))
  await tab.append(registered('b'), received('nothing', 1))
  expect(await tab.side.run(call(), 0, 1_000)).toEqual({ data: [[row('a')], [row('a'), row('b')]], position: 2, stale: true })
  await tab.close()
})

test('what the query itself throws is passed on at once', async () => {
  let runs = 0
  const { world } = open()
  const tab = await world.tab(
    asking(async () => {
      runs++
      throw new RangeError('not today')
    }),
  )
  await expect(tab.side.run(call(), 0, 1_000)).rejects.toThrow('not today')
  expect(runs).toBe(1)
})

test('one connection serves all runs, and ends with the read side', async () => {
  const { browser, world } = open()
  const tab = await world.tab(asking((rows) => rows.count()))
  await tab.append(registered('a'))
  await Promise.all([tab.ask(call()), tab.ask(call())])
  const opened = browser.opened()
  await tab.append(registered('b'))
  expect(await tab.ask(call())).toBe(2)
  expect(browser.opened()).toBe(opened)
  expect(browser.held()).toEqual(['stockList@1#1', 'stockList@1#1'])
  await tab.close()
  expect(browser.held()).toEqual([])
})

test('its connection makes way where the database is deleted, also from elsewhere, and says nothing on the console', async () => {
  const warn = vi.spyOn(console, 'warn')
  const { browser, world } = open()
  const tab = await world.tab(asking((rows) => rows.count()))
  await tab.append(registered('a'))
  await tab.ask(call())
  await browser.remove(database())
  // What is gone is built anew.
  await until(() => browser.held().length > 0)
  await until(() => tab.status('stockList').state === 'live' && tab.status('stockList').lag === 0)
  expect(await tab.ask(call())).toBe(1)
  expect(warn).not.toHaveBeenCalled()
})

test('the data of an app can be destroyed while its query is reading', async () => {
  const browser = createBrowser()
  let reading = (): void => {}
  const isReading = new Promise<void>((resolve) => (reading = resolve))
  const engine = await openEngine(createIndexedDbStorage(browser), {
    domain: asking(async (rows) => {
      for (;;) {
        await rows.count()
        reading()
      }
    }),
  })
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  const failure = engine.run(call(), 0, 1_000).catch((error: unknown) => error)
  await isReading
  await engine.destroy()
  expect(await failure).toMatchObject({ code: 'closed' })
  expect(await browser.indexedDB.databases()).toEqual([])
})

const item = { sku: 'b', name: 'b', onHand: 1 } as never
test.each<[string, (rows: Rows) => PromiseLike<unknown>]>([
  ['add', (rows) => rows.add(item)],
  ['put', (rows) => rows.put(item)],
  ['update', (rows) => rows.update('a', { onHand: 9 } as never)],
  ['upsert', (rows) => rows.upsert('a', { onHand: 9 } as never)],
  ['delete', (rows) => rows.delete('a')],
  ['clear', (rows) => rows.clear()],
  ['bulkAdd', (rows) => rows.bulkAdd([item])],
  ['bulkPut', (rows) => rows.bulkPut([item])],
  ['bulkUpdate', (rows) => rows.bulkUpdate([{ key: 'a', changes: { onHand: 9 } }])],
  ['bulkDelete', (rows) => rows.bulkDelete(['a'])],
  ['modify', (rows) => rows.toCollection().modify({ onHand: 9 } as never)],
  ['the deletion of what was found', (rows) => rows.where('onHand').equals(0).delete()],
  ['a transaction that may write', (rows) => rows.db.transaction('rw', rows, () => rows.count())],
  ['another table', (rows) => rows.db.table('system').clear()],
  ['the deletion of the database', (rows) => rows.db.delete()],
])('is read only: %s is refused', async (_, write) => {
  const { world } = open()
  const tab = await world.tab(
    asking(async (rows) => [await Promise.resolve(write(rows)).catch((error: unknown) => error), await rows.toArray()]),
  )
  await tab.append(registered('a'))
  const [refusal, rows] = await tab.ask<[unknown, unknown]>(call())
  expect(refusal).toMatchObject({ name: 'OutpostError', code: 'unsupported', message: expect.stringContaining('made by Events only') })
  expect(rows).toEqual([row('a')])
})

test('in an explicit transaction for reading, reads are of one moment and a write is refused', async () => {
  const { world } = open()
  const tab = await world.tab(
    asking((rows) =>
      rows.db.transaction('r', rows, async () => [
        await rows.count(),
        await rows.delete('a').catch((error: unknown) => (error as Error).name),
        await rows.count(),
      ]),
    ),
  )
  await tab.append(registered('a'))
  expect(await tab.ask(call())).toEqual([1, 'ReadOnlyError', 1])
})

test('where rows are not in IndexedDB, it says what to do', async () => {
  const app = testApp(asking((rows) => rows.count()))
  await expect((app.read as unknown as { q(input: object): PromiseLike<unknown> }).q({})).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('use the query builder'),
  })
  await app.close()
})

test('given anything but a Read Model of a named query, it says what to do', async () => {
  const app = testApp(inStock())
  const refusal = { code: 'unsupported', message: expect.stringContaining('call it in `run` of a named query') }
  await expect(dexieTable(app.read.stockList as never)).rejects.toMatchObject(refusal)
  await app.close()
  const { world } = open()
  const narrowed = query('q', {
    reads: [stockList],
    input: z.object({}),
    run: async (read) => (await dexieTable(read.stockList.limit(1) as never)).count(),
  })
  await expect((await world.tab(inStock(narrowed))).ask(call())).rejects.toMatchObject(refusal)
})
