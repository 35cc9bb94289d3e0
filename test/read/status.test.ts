import { expect, test } from 'vitest'
import { stock } from '../fixtures/stock.ts'
import { received, registered } from './stock-events.ts'
import { until, World } from './world.ts'

test('it rings once a change shows in the status', async () => {
  const tab = await new World().tab(stock)
  await tab.side.settled(0)
  const told: number[] = []
  tab.stateChanged$.subscribe(() => told.push(tab.side.status()[0]?.position ?? -1))
  await tab.append(registered('a'))
  await until(() => told.at(-1) === 1)
  await tab.append(received('a', 1), received('a', 1))
  await until(() => told.at(-1) === 3)
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
