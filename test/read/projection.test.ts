import { expect, test } from 'vitest'
import { movements, stock, stockList } from '../fixtures/stock.ts'
import { from } from './queries.ts'
import { until, watchAll, World } from './world.ts'

interface StockRow {
  readonly sku: string
  readonly name: string
  readonly onHand: number
}

const registered = (aggregateId: string, name = aggregateId) => ({ type: 'stockItem.registered', aggregateId, data: { name } })
const received = (aggregateId: string, quantity: number) => ({ type: 'stockItem.received', aggregateId, data: { quantity } })
const picked = (aggregateId: string, quantity: number) => ({ type: 'stockItem.picked', aggregateId, data: { quantity } })

const all = from(stockList).description

test('rows are there as soon as their Events are recorded, before anything is stored', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'), received('a', 5), picked('a', 2))
  expect(await tab.ask<StockRow[]>(all)).toEqual([{ sku: 'a', name: 'a', onHand: 3 }])
  expect(await tab.ask<StockRow | undefined>(from(stockList).get('a').description)).toEqual({ sku: 'a', name: 'a', onHand: 3 })
  expect(await tab.ask<number>(from(movements).count().description)).toBe(2)
})

test('rows are stored a moment after, and a new start folds nothing again', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.append(registered('a'), received('a', 5))
  await tab.ask(all)
  await world.clock.advance(200)
  await tab.close()
  const again = await world.tab(stock)
  const seen: string[] = []
  const decode = again.decode
  Object.assign(again, { decode: (record: never) => (seen.push('decoded'), decode(record)) })
  expect(await again.ask<StockRow[]>(all)).toEqual([{ sku: 'a', name: 'a', onHand: 5 }])
  expect(again.status('stockList')).toMatchObject({ state: 'live', position: 2, lag: 0 })
})

test('a watched query is told once for each record, whatever it holds', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  const { frames } = await watchAll<StockRow[]>(tab, all)
  await tab.append(registered('a'), received('a', 5), picked('a', 2))
  await until(() => frames.length === 2)
  await tab.append(registered('b'))
  await until(() => frames.length === 3)
  expect(frames).toEqual([
    [],
    [{ sku: 'a', name: 'a', onHand: 3 }],
    [
      { sku: 'a', name: 'a', onHand: 3 },
      { sku: 'b', name: 'b', onHand: 0 },
    ],
  ])
  expect(frames[2]?.[0]).toBe(frames[1]?.[0])
})
