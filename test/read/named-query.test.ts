import { expect, test } from 'vitest'
import { domain, query } from 'outpost'
import { z } from 'zod'
import { lowStock, purchaseOrder, purchaseOrderList, stock, stockItem, stockList } from '../fixtures/stock.ts'
import { picked, received, registered } from './stock-events.ts'
import { turns, until, watchAll, World } from './world.ts'

const call = (below: number) => ({ kind: 'named', query: 'lowStock', input: { below } }) as const
const opened = (id: string, sku: string) => ({ type: 'purchaseOrder.opened', aggregateId: id, data: { sku, quantity: 1 } })

interface Low {
  readonly sku: string
  readonly onHand: number
  readonly ordered: boolean
}

test('a named query reads several Read Models', async () => {
  const tab = await new World().tab(stock)
  await tab.append(registered('a'), registered('b'), received('b', 9), opened('o1', 'a'))
  expect(await tab.side.run(call(5), 4, 1_000)).toEqual({ data: [{ sku: 'a', onHand: 0, ordered: true }], position: 4, stale: false })
})

test('watched, it runs again when one of its Read Models changes; rows that did not change keep their identity', async () => {
  const tab = await new World().tab(stock)
  await tab.append(registered('a'), registered('b'))
  const { frames } = await watchAll<Low[]>(tab, call(5))
  await tab.append(opened('o1', 'b'))
  await until(() => frames.length === 2)
  await tab.append(received('a', 9))
  await until(() => frames.length === 3)
  expect(frames).toEqual([
    [
      { sku: 'a', onHand: 0, ordered: false },
      { sku: 'b', onHand: 0, ordered: false },
    ],
    [
      { sku: 'a', onHand: 0, ordered: false },
      { sku: 'b', onHand: 0, ordered: true },
    ],
    [{ sku: 'b', onHand: 0, ordered: true }],
  ])
  expect(frames[1]?.[0]).toBe(frames[0]?.[0])
  await tab.append(received('a', 1)) // not low: nothing to tell
  await turns(20)
  expect(frames).toHaveLength(3)
})

test('it sees all its Read Models as of one record, whatever is recorded while it runs', async () => {
  let during = async (): Promise<void> => {}
  const both = query('both', {
    reads: [stockList, purchaseOrderList],
    input: z.object({}),
    run: async (read) => {
      const items = await read.stockList.count()
      await during()
      return { items, orders: await read.purchaseOrderList.count() }
    },
  })
  const world = new World()
  const tab = await world.tab(
    domain('stock', { aggregates: [stockItem, purchaseOrder], readModels: [stockList, purchaseOrderList], queries: [both] }),
  )
  await tab.append(registered('a'), opened('o1', 'a'))
  const named = { kind: 'named', query: 'both', input: {} } as const
  await tab.ask(named)
  during = async () => {
    during = async () => {}
    await tab.append(registered('b'), opened('o2', 'b'))
    await turns(10)
  }
  expect(await tab.side.run(named, 2, 1_000)).toEqual({ data: { items: 1, orders: 1 }, position: 2, stale: false })
  expect(await tab.side.run(named, 4, 1_000)).toEqual({ data: { items: 2, orders: 2 }, position: 4, stale: false })
})

test('one that never ends holds nothing up for long', async () => {
  const stuck = query('stuck', { reads: [stockList], input: z.object({}), run: () => new Promise<number>(() => {}) })
  const world = new World()
  const tab = await world.tab(domain('stock', { aggregates: [stockItem], readModels: [stockList], queries: [stuck] }))
  await tab.append(registered('a'))
  await tab.ask({ kind: 'get', model: 'stockList', key: 'a' })
  void tab.side.run({ kind: 'named', query: 'stuck', input: {} }, 0, 1_000)
  await turns()
  await tab.append(received('a', 1))
  await turns()
  await world.clock.advance(1_000)
  expect(await tab.ask({ kind: 'get', model: 'stockList', key: 'a' })).toMatchObject({ onHand: 1 })
})

test('what its function throws is told with its name', async () => {
  const failing = query('failing', {
    reads: [stockList],
    input: z.object({}),
    run: async () => {
      throw new RangeError('not today')
    },
  })
  const tab = await new World().tab(domain('stock', { aggregates: [stockItem], readModels: [stockList], queries: [failing] }))
  const told = { code: 'query-failed', message: 'Named query "failing" failed: not today', cause: new RangeError('not today') }
  await expect(tab.side.run({ kind: 'named', query: 'failing', input: {} }, 0, 1_000)).rejects.toMatchObject(told)
  await expect(tab.side.watch({ kind: 'named', query: 'failing', input: {} }, () => {})).rejects.toMatchObject(told)
  await tab.append(registered('a'), picked('a', 1))
  expect(await tab.ask({ kind: 'get', model: 'stockList', key: 'a' })).toMatchObject({ onHand: -1 })
})

test('one that changes a row it was given fails, also where the row comes from storage', async () => {
  const careless = query('careless', {
    reads: [stockList],
    input: z.object({}),
    run: async (read) => {
      const row = await read.stockList.get('a')
      if (row) row.onHand = 99
      return row?.onHand
    },
  })
  const world = new World()
  const withCareless = domain('stock', { aggregates: [stockItem], readModels: [stockList], queries: [careless] })
  const first = await world.tab(withCareless)
  await first.append(registered('a'))
  await first.side.flush()
  const tab = await world.tab(withCareless)
  await expect(tab.side.run({ kind: 'named', query: 'careless', input: {} }, 0, 1_000)).rejects.toMatchObject({ code: 'query-failed' })
  await tab.append(received('a', 1))
  expect(await tab.ask({ kind: 'get', model: 'stockList', key: 'a' })).toMatchObject({ onHand: 1 })
})

test('what it cannot read keeps its code, and is told with its name', async () => {
  const careless = query('careless', {
    reads: [stockList],
    input: z.object({}),
    run: async (read) => read.stockList.limit(-1),
  })
  const tab = await new World().tab(domain('stock', { aggregates: [stockItem], readModels: [stockList], queries: [careless] }))
  await expect(tab.side.run({ kind: 'named', query: 'careless', input: {} }, 0, 1_000)).rejects.toMatchObject({
    code: 'invalid-query',
    message: expect.stringMatching(/^Named query "careless" failed: Query of Read Model "stockList": `limit` is -1/) as string,
  })
})

test('one that throws when it runs again keeps its last answer, marked stale, says why, and recovers', async () => {
  const picky = query('picky', {
    reads: [stockList],
    input: z.object({}),
    run: async (read) => {
      const count = await read.stockList.count()
      if (count === 2) throw new RangeError('not two')
      return count
    },
  })
  const world = new World()
  const tab = await world.tab(domain('stock', { aggregates: [stockItem], readModels: [stockList], queries: [picky] }))
  const watched = await tab.side.watch({ kind: 'named', query: 'picky', input: {} }, () => {})
  await tab.append(registered('a'))
  await until(() => watched.snapshot.data === 1)
  expect(watched.error).toBeUndefined()
  await tab.append(registered('b'))
  await until(() => watched.snapshot.stale)
  expect(watched.snapshot.data).toBe(1)
  expect(watched.error).toMatchObject({ code: 'query-failed', message: 'Named query "picky" failed: not two' })
  await tab.append(registered('c'))
  await world.clock.advance(200)
  await until(() => watched.snapshot.data === 3)
  expect(watched.snapshot.stale).toBe(false)
  expect(watched.error).toBeUndefined()
})

test('an input that does not fit, or an unknown name, is refused with what to do', async () => {
  const tab = await new World().tab(stock)
  await expect(tab.side.run({ ...call(1), input: { below: 'x' } }, 0, 1_000)).rejects.toMatchObject({
    code: 'invalid-query',
    message: expect.stringContaining('Named query "lowStock": its input does not fit the schema (below: '),
  })
  await expect(tab.side.run({ ...call(1), query: 'nothing' }, 0, 1_000)).rejects.toMatchObject({
    code: 'unknown-query',
    details: { known: [lowStock.name] },
  })
})
