import { expect, test } from 'vitest'
import { stock, stockList } from '../fixtures/stock.ts'
import { from } from './queries.ts'
import { received, registered } from './stock-events.ts'
import { soon, turns, until, watchAll, World } from './world.ts'

test('it rings once a change shows in the status', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.side.settled(0)
  const told: number[] = []
  tab.stateChanged$.subscribe(() => told.push(tab.side.status()[0]?.position ?? -1))
  await tab.append(registered('a'))
  await world.clock.advance(soon)
  await until(() => told.at(-1) === 1)
  await tab.append(received('a', 1), received('a', 1))
  await world.clock.advance(soon)
  await until(() => told.at(-1) === 3)
})

test('what this tab does and nobody asks for is folded a moment later, all of it together; whoever asks does not wait', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.side.settled(0)
  let changes = 0
  tab.stateChanged$.subscribe(() => changes++)
  for (let i = 0; i < 20; i++) await tab.append(registered(`s${i}`))
  await turns()
  expect(tab.status('stockList').position).toBe(0)
  await world.clock.advance(soon)
  expect(tab.status('stockList').position).toBe(20)
  // For each Read Model those of one fold, not of twenty.
  expect(changes).toBeLessThanOrEqual(2 * tab.side.status().length)
  await tab.append(registered('asked'))
  expect(await tab.ask(from(stockList).count().description)).toBe(21)
  const { last } = await watchAll(tab, from(stockList).count().description)
  await tab.append(registered('watched'))
  await until(() => last() === 22)
})

test('it settles when all Read Models show a position', async () => {
  const tab = await new World().tab(stock)
  await tab.append(registered('a'), received('a', 1))
  await tab.side.settled(2)
  expect(tab.side.status().map(({ position }) => position)).toEqual([2, 2, 2, 2])
})

test('`rebuild` of something unknown is refused', async () => {
  const tab = await new World().tab(stock)
  await expect(tab.side.rebuild('nothing')).rejects.toMatchObject({ code: 'unknown-read-model' })
})
