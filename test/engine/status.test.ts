/** The engine's own status, from its first word on. */
import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine, statusOf } from '../support/engine.ts'

test('the first word names every handler, and how far the log reaches', async () => {
  const storage = createMemoryStorage()
  const first = await openEngine(storage)
  await give(first, 'stockItem.register', 'a', { name: 'A' })
  await first.close()
  const { position, readModels, handlers } = statusOf(await openEngine(storage))
  expect(position).toBe(1)
  expect(readModels.map(({ name }) => name)).toEqual(['stockList', 'movements', 'orderList', 'purchaseOrderList'])
  expect(handlers).toMatchObject([{ name: 'reorder', state: 'building', position: 0 }])
})

test('it is told after changes, however many, at most each 50 ms, and never twice', async () => {
  const clock = createTestClock()
  const engine = await openEngine(createMemoryStorage(), { clock })
  await clock.advance(100)
  const told: number[] = []
  const subscription = engine.status$.subscribe(({ readModels }) => told.push(readModels[0]?.position ?? -1))
  expect(told).toEqual([0])
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  for (let i = 0; i < 20; i++) await give(engine, 'stockItem.receive', 'a', { quantity: 1 })
  await clock.advance(49)
  expect(told).toEqual([0])
  await clock.advance(1)
  expect(told).toEqual([0, 21])
  // A Command without Events is on record as well, and changes nothing of it.
  expect(await give(engine, 'stockItem.register', 'a', { name: 'A' })).toMatchObject({ ok: true, events: [] })
  await clock.advance(10_000)
  expect(told).toEqual([0, 21])
  subscription.unsubscribe()
})
