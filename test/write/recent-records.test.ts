/** The log’s last records, which are kept in memory, beside those that are read. */
import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { give, openEngine } from '../support/engine.ts'

test('a history is whole where the log goes on while it is read', async () => {
  const storage = createMemoryStorage()
  const engine = await openEngine(storage)
  const receive = (sku: string) => give(engine, 'stockItem.receive', sku, { quantity: 1 })
  for (const sku of ['bolt', 'nut']) await give(engine, 'stockItem.register', sku, { name: sku })
  // Some of the bolt's records are in memory by now, the first is not.
  for (let n = 0; n < 600; n++) await receive(n % 100 === 0 ? 'bolt' : 'nut')
  const reading = storage.faults.pause('events.get', 'after')
  const history = engine.history('stockItem', 'bolt')
  await reading.reached
  for (let n = 0; n < 500; n++) await receive('nut')
  reading.release()
  expect((await history).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7])
  await engine.close()
})
