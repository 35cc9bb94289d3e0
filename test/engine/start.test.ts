/** A start that storage does not let through at once. */
import { createMemoryStorage } from 'outpost/testing'
import { expect, test } from 'vitest'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'

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
  const failed = expect(received).rejects.toMatchObject({ code: 'storage-failed' })
  await clock.advance(60_000)
  await failed
})
