/** The engine's own status, from its first word on. */
import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
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
