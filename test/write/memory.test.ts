/** What is kept in memory of the log and of states, and what is asked for beside it. */
import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { give, message, openEngine } from '../support/engine.ts'

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

test('what a Command asks for stays in memory until it is decided, however much else is loaded', async () => {
  const storage = createMemoryStorage()
  const first = await openEngine(storage)
  const skus = Array.from({ length: 18_500 }, (_, n) => `sku-${n}`)
  const all = (engine: typeof first, type: string, payload: (sku: string) => object, of: readonly string[]) =>
    Promise.all(engine.dispatch(of.map((sku) => message(type, sku, payload(sku)))))
  await all(first, 'stockItem.register', (name) => ({ name }), skus)
  await all(first, 'stockItem.receive', () => ({ quantity: 9 }), skus)
  await first.close()

  const clock = createTestClock()
  const engine = await openEngine(storage, { clock })
  const asked = skus.slice(0, 16_384)
  await all(engine, 'stockItem.receive', () => ({ quantity: 1 }), asked)
  await clock.advance(60_000) // all of them are saved
  // Of each order one item was asked for longest ago, and one never; so has its process manager.
  const placed: boolean[] = []
  for (let n = 0; n < 3; n++) {
    const lines = { [skus[n] as string]: 1, [skus[18_000 + n] as string]: 1 }
    placed.push((await give(engine, 'fulfilment.placeOrder', undefined, { orderId: `order-${n}`, lines })).ok)
  }
  expect(placed).toEqual(placed.map(() => true))
  await engine.close()
})
