import { expect, test } from 'vitest'
import { stock } from '../fixtures/stock.ts'
import { received, registered } from './stock-events.ts'
import { turns, until, World } from './world.ts'

test('status is told at once, then after changes, however many, at most each 100 ms', async () => {
  const world = new World()
  const tab = await world.tab(stock)
  await tab.side.settled(0)
  await turns()
  const told: number[] = []
  const subscription = tab.side.status$.subscribe(([items]) => told.push(items?.position ?? -1))
  expect(told).toEqual([0])
  await tab.append(registered('a'))
  await until(() => told.length === 2)
  for (let i = 0; i < 50; i++) await tab.append(received('a', 1))
  await tab.side.settled(tab.head.position)
  expect(told).toEqual([0, 1])
  await world.clock.advance(100)
  expect(told).toEqual([0, 1, 51])
  await world.clock.advance(1_000)
  expect(told).toEqual([0, 1, 51])
  subscription.unsubscribe()
  await tab.append(received('a', 1))
  await world.clock.advance(1_000)
  expect(told).toHaveLength(3)
})

test('it settles when all Read Models show a position', async () => {
  const tab = await new World().tab(stock)
  await tab.append(registered('a'), received('a', 1))
  await tab.side.settled(2)
  tab.side.status$.subscribe((all) => expect(all.map(({ position }) => position)).toEqual([2, 2, 2, 2])).unsubscribe()
})

test('`rebuild` of something unknown is refused', async () => {
  const tab = await new World().tab(stock)
  await expect(tab.side.rebuild('nothing')).rejects.toMatchObject({ code: 'unknown-read-model' })
})
