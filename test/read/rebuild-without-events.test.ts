import { domain } from 'outpost'
import { expect, test } from 'vitest'
import { createEngine } from '../../src/engine/create-engine.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockItem, stockList } from '../fixtures/stock.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { give, openEngine, testEnvironment } from '../support/engine.ts'

test('a Read Model that is new to a log whose last records hold no Events is built, and leaves the thread free', async () => {
  const storage = createMemoryStorage()
  const before = await openEngine(storage, { domain: domain('d', { aggregates: [stockItem] }) })
  expect(await give(before, 'stockItem.pick', 'x', { quantity: 1 })).toMatchObject({ ok: false }) // a record without Events
  await before.close()

  // The loop never lets go of the thread, so it is ended here after 10,000 rounds.
  let rounds = 0
  const environment = testEnvironment(createTestClock())
  const ended = (signal: AbortSignal): AbortSignal =>
    new Proxy(signal, {
      get(target, name) {
        if (name === 'aborted') return ++rounds > 10_000 || target.aborted
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  await createEngine({
    domain: domain('d', { aggregates: [stockItem], readModels: [stockList] }),
    storage,
    space: 'hall-7',
    principal: 'ann',
    environment: { ...environment, exclusive: (name, work, signal) => environment.exclusive(name, (held) => work(ended(held)), signal) },
  })
  await settle(100)
  expect(rounds).toBeLessThan(1000) // GenerationBuilder#catchUp spins for ever: the worker answers nothing any more
})
