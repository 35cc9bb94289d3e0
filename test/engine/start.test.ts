/** A start that storage does not let through at once. */
import { createMemoryStorage } from 'outpost/testing'
import { expect, test } from 'vitest'
import { createEngine } from '../../src/engine/create-engine.ts'
import { stock } from '../fixtures/stock.ts'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine, testEnvironment } from '../support/engine.ts'

test('one failure of storage at a start delays the first Commands, and fails none', async () => {
  const disk = createMemoryStorage()
  const first = await openEngine(disk.tab())
  await give(first, 'stockItem.register', 'a', { name: 'A' })
  const [tab, clock] = [disk.tab(), createTestClock()]
  tab.faults.fail('events.read', 'UnknownError')
  const engine = await openEngine(tab, { clock })
  const received = give(engine, 'stockItem.receive', 'a', { quantity: 2 })
  await clock.advance(1000)
  expect(await received).toMatchObject({ ok: true })
})

test('where storage goes on failing, Commands fail with its error', async () => {
  const disk = createMemoryStorage()
  const first = await openEngine(disk.tab())
  await give(first, 'stockItem.register', 'a', { name: 'A' })
  const [tab, clock] = [disk.tab(), createTestClock()]
  tab.faults.fail('events.read', 'UnknownError', Infinity)
  const engine = await openEngine(tab, { clock })
  const received = give(engine, 'stockItem.receive', 'a', { quantity: 2 })
  await Promise.all([expect(received).rejects.toMatchObject({ code: 'storage-failed' }), clock.advance(60_000)])
})

test('a space whose name is no well-formed text is refused by name', async () => {
  const options = { domain: stock, storage: createMemoryStorage(), principal: 'ann', environment: testEnvironment(createTestClock()) }
  await expect(createEngine({ ...options, space: '\ud800' })).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('ud800'),
  })
})

test('questions that make no sense are refused', async () => {
  const engine = await openEngine(createMemoryStorage())
  await expect(engine.readEvents(NaN, 10)).rejects.toMatchObject({ code: 'invalid-query' })
  await expect(engine.loadAt('stockItem', 'a', undefined as never)).rejects.toMatchObject({ code: 'invalid-query' })
})
