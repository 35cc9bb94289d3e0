import { afterEach, expect, test, vi } from 'vitest'
import { LiveQuery } from '../../src/read/live-query.ts'
import type { QueryDescription } from '../../src/domain/query.ts'
import { movements, stock, stockList } from '../fixtures/stock.ts'
import { from } from './queries.ts'
import { picked, received, registered, type StockRow } from './stock-events.ts'
import { type Tab, turns, until, watchAll, World } from './world.ts'

const read = from(stockList)

async function filled(world: World, items: number): Promise<Tab> {
  const tab = await world.tab(stock)
  await tab.append(...Array.from({ length: items }, (_, i) => registered(`s${String(i).padStart(4, '0')}`, `name ${i}`)))
  await tab.side.flush()
  return tab
}

/** How often a watched query has taken changes in, from now on. */
function countEvaluations(): () => number {
  const { mock } = vi.spyOn(LiveQuery.prototype, 'apply')
  return () => mock.calls.length
}
afterEach(() => vi.restoreAllMocks())

/** How often a tab read rows. */
function countReads(
  tab: Tab,
  operations: readonly ('rows.scan' | 'rows.count' | 'rows.load')[] = ['rows.scan', 'rows.count'],
): () => number {
  let reads = 0
  const open = tab.storage.openReadStore
  Object.assign(tab.storage, {
    openReadStore: async (...given: Parameters<typeof open>) => {
      const store = await open(...given)
      for (const operation of operations) {
        const name = operation.slice('rows.'.length) as 'scan'
        const original = store[name].bind(store)
        Object.assign(store, {
          [name]: (argument: never) => {
            reads++
            return original(argument)
          },
        })
      }
      return store
    },
  })
  return () => reads
}

test('of 1,000 watched queries a change evaluates only those that it can touch', async () => {
  const world = new World()
  const tab = await filled(world, 500)
  let told = 0
  const watch = (description: QueryDescription) => tab.side.watch(description, () => told++)
  for (let i = 0; i < 500; i++) await watch(read.get(`s${String(i).padStart(4, '0')}`).description)
  for (let i = 0; i < 250; i++) await watch(read.where({ name: `name ${i}` }).description)
  for (let i = 0; i < 250; i++) await watch(read.where({ name: `name ${i}` }).count().description)
  const evaluations = countEvaluations()
  await tab.append(received('s0007', 3))
  await until(() => told >= 2)
  await turns()
  // Its row, the list that holds it, and the count of that list, which stays the same.
  expect(evaluations()).toBe(3)
  expect(told).toBe(2)
  await tab.append(registered('new', 'name 7'))
  await until(() => told >= 4)
  await turns()
  expect(evaluations()).toBe(5)
  expect(told).toBe(4)
})

test('equal queries are evaluated once, however they are written and however many watch', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const reads = countReads(tab)
  await tab.append(registered('a'))
  const watches = await Promise.all([
    watchAll<StockRow[]>(tab, read.where({ name: 'a' }).where({ onHand: 0 }).description),
    watchAll<StockRow[]>(tab, read.where({ onHand: 0 }).where({ name: 'a' }).description),
    watchAll<StockRow[]>(tab, read.where({ onHand: 0, name: 'a' }).description),
  ])
  expect(reads()).toBe(1)
  const evaluations = countEvaluations()
  await tab.append(received('a', 1))
  await until(() => watches.every(({ frames }) => frames.length === 2))
  expect(evaluations()).toBe(1)
  expect(watches[0].last()).toBe(watches[2].last())
})

test('rows that did not change keep their identity, and so does a result that did not', async () => {
  const world = new World()
  const tab = await filled(world, 5)
  const { frames, watched } = await watchAll<StockRow[]>(tab, read.orderBy('name').description)
  const first = watched.snapshot
  await tab.append(received('s0002', 1), picked('s0002', 1)) // changes, and changes back
  await tab.ask(read.description)
  expect(watched.snapshot).toBe(first)
  await tab.append(received('s0002', 1))
  await until(() => frames.length === 2)
  frames[1]?.forEach((row, i) => (i === 2 ? expect(row.onHand).toBe(1) : expect(row).toBe(frames[0]?.[i])))
})

test('a page that rows leave is refilled from memory; only when that runs dry it is read again', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const reads = countReads(tab)
  await tab.append(...Array.from({ length: 100 }, (_, i) => registered(`s${String(i).padStart(4, '0')}`)))
  const query = read.where({ onHand: 0 }).limit(10).description
  const { frames, last } = await watchAll<StockRow[]>(tab, query)
  expect(reads()).toBe(1)
  for (let i = 0; i < 10; i++) await tab.append(received(`s${String(i).padStart(4, '0')}`, 1))
  await until(() => frames.length === 11)
  expect(reads()).toBe(1)
  expect(last().map(({ sku }) => sku)).toEqual(Array.from({ length: 10 }, (_, i) => `s00${i + 10}`))
  await tab.append(...Array.from({ length: 60 }, (_, i) => received(`s${String(i + 10).padStart(4, '0')}`, 1)))
  await until(() => last()[0]?.sku === 's0070')
  expect(reads()).toBe(2)
  expect(frames).toHaveLength(12)
})

test('two thousand rows that come, go elsewhere and stay at once end up in their order, without being read again', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const reads = countReads(tab)
  const skus = Array.from({ length: 2_000 }, (_, i) => `s${String(i).padStart(4, '0')}`)
  await tab.append(...skus.map((sku) => registered(sku)))
  const { last } = await watchAll<StockRow[]>(tab, read.orderBy('onHand').description)
  const moving = skus.filter((_, i) => i % 2 === 0)
  await tab.append(...moving.flatMap((sku) => [received(sku, 1), registered(`${sku}-new`)]))
  await until(() => last().length === 3_000)
  const staying = skus.filter((sku) => !moving.includes(sku))
  expect(last().map(({ sku }) => sku)).toEqual([...[...moving.map((sku) => `${sku}-new`), ...staying].sort(), ...moving])
  expect(reads()).toBe(1)
})

test('a count follows from the changes without being counted again', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const reads = countReads(tab)
  await tab.append(registered('a'), registered('b'))
  const { frames } = await watchAll<number>(tab, read.where({ onHand: 0 }).count().description)
  expect(reads()).toBe(1)
  await tab.append(received('a', 1))
  await tab.append(registered('c'))
  await tab.append(registered('c')) // put again: it is counted already
  await tab.append(picked('a', 1))
  await until(() => frames.length === 4)
  await turns()
  expect(frames).toEqual([2, 1, 2, 3])
  expect(reads()).toBe(1)
})

test('a count over many replaced rows is counted again', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const { frames, last } = await watchAll<number>(tab, from(movements).count().description)
  await tab.append(registered('a'), ...Array.from({ length: 1_000 }, () => received('a', 1)))
  await until(() => last() === 1_000)
  expect(frames).toEqual([0, 1_000])
})

test('`first` and `offset` are kept up to date', async () => {
  const world = new World()
  const tab = await filled(world, 6)
  const first = await watchAll<StockRow | undefined>(tab, read.orderBy('onHand', 'descending').first().description)
  const page = await watchAll<StockRow[]>(tab, read.orderBy('onHand', 'descending').offset(1).limit(2).description)
  await tab.append(received('s0003', 5))
  await tab.append(received('s0001', 9))
  await until(() => page.last()[0]?.sku === 's0003')
  expect(first.last()).toMatchObject({ sku: 's0001', onHand: 9 })
  expect(page.last().map(({ sku }) => sku)).toEqual(['s0003', 's0005'])
})

test('a watched row is told when it comes, changes and goes; not of others', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const { frames } = await watchAll<StockRow | undefined>(tab, read.get('a').description)
  await tab.append(registered('b'))
  await tab.append(registered('a'))
  await tab.append(received('b', 1))
  await tab.append(received('a', 1))
  await until(() => frames.length === 3)
  await turns()
  expect(frames).toEqual([undefined, { sku: 'a', name: 'a', onHand: 0 }, { sku: 'a', name: 'a', onHand: 1 }])
})

test('a change during the first reading is neither missed nor counted twice', async () => {
  const world = new World()
  const tab = await filled(world, 3)
  const pause = tab.storage.faults.pause('rows.count', 'after')
  const watching = watchAll<number>(tab, read.where({ onHand: 0 }).count().description)
  await pause.reached // counted, but not told yet
  await tab.append(registered('new'), registered('newer'), received('s0000', 1))
  await until(() => tab.status('stockList').lag === 0)
  pause.release()
  const { frames } = await watching
  expect(frames[0]).toBe(4)
  await tab.append(registered('newest'))
  await until(() => frames.length === 2)
  expect(frames).toEqual([4, 5])
})

test('a query that nobody watches any more is not evaluated', async () => {
  const world = new World()
  const tab = await filled(world, 3)
  const { watched, frames } = await watchAll(tab, read.where({ name: 'name 1' }).description)
  const other = await watchAll(tab, read.get('s0000').description)
  watched.close()
  watched.close()
  const evaluations = countEvaluations()
  await tab.append(received('s0001', 1), received('s0000', 1))
  await until(() => other.frames.length === 2)
  expect(evaluations()).toBe(1)
  expect(frames).toHaveLength(1)
})

test('a watch that cannot be answered is refused, and may be asked for again', async () => {
  const world = new World()
  const tab = await filled(world, 1)
  await expect(tab.side.watch({ ...(read.description as object), limit: -1 } as QueryDescription, () => {})).rejects.toMatchObject({
    code: 'invalid-query',
  })
  tab.storage.faults.fail('rows.scan', 'UnknownError')
  await expect(tab.side.watch(read.description, () => {})).rejects.toMatchObject({ code: 'storage-failed' })
  expect((await watchAll<unknown[]>(tab, read.description)).frames[0]).toHaveLength(1)
})

test('a watched query that cannot be read again says that it is stale, and recovers', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(...Array.from({ length: 100 }, (_, i) => registered(`s${String(i).padStart(4, '0')}`)))
  const { watched, last } = await watchAll<StockRow[]>(tab, read.where({ onHand: 0 }).limit(10).description)
  tab.storage.faults.fail('rows.scan', 'UnknownError')
  await tab.append(...Array.from({ length: 60 }, (_, i) => received(`s${String(i).padStart(4, '0')}`, 1)))
  await until(() => watched.snapshot.stale)
  expect(last()[0]?.sku).toBe('s0000')
  await world.clock.advance(200)
  await until(() => !watched.snapshot.stale)
  expect(last()[0]?.sku).toBe('s0060')
})

test('after closing everything is refused, and what waits is told', async () => {
  const world = new World()
  const tab = await filled(world, 1)
  const pause = tab.storage.faults.pause('rows.scan')
  const waiting = tab.side.watch(read.description, () => {})
  await pause.reached
  await tab.close()
  await tab.close()
  pause.release()
  await expect(waiting).rejects.toMatchObject({ code: 'closed' })
  await expect(tab.side.run(read.description, 0, 1_000)).rejects.toMatchObject({ code: 'closed' })
  await expect(tab.side.watch(read.description, () => {})).rejects.toMatchObject({ code: 'closed' })
})

test('a query for none of a field’s values takes nothing from those that come after it', async () => {
  const tab = await filled(new World(), 3)
  const watch = (description: QueryDescription) => tab.side.watch(description, () => {})
  const none = await watch(read.where({ name: { anyOf: [] } }).description)
  const first = await watch(read.where({ name: 'name 0' }).description)
  first.close()
  const last = await watch(read.where({ name: 'new' }).description)
  none.close()
  await tab.append(registered('s9', 'new'))
  await turns()
  expect(last.snapshot.data).toEqual([{ sku: 's9', name: 'new', onHand: 0 }])
})
