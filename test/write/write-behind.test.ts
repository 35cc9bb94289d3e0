/** Saved states are as of the record that they name, whoever saved them. */
import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { domain } from 'outpost'
import { stockItem } from '../fixtures/stock.ts'
import { allEvents, give, openEngine } from '../support/engine.ts'

const small = domain('small', { aggregates: [stockItem] }) // without Read Models: these would catch up by themselves

test('a flush that catches up on its way saves every state that it names', async () => {
  const disk = createMemoryStorage()
  const clocks = [createTestClock(), createTestClock()] as const
  const writer = await openEngine(disk.tab(), { clock: clocks[0], domain: small })
  const other = await openEngine(disk.tab(), { clock: clocks[1], domain: small })
  await give(writer, 'stockItem.register', 'a', { name: 'a' })
  await other.catchUp() // it will save "a" some seconds later
  await give(writer, 'stockItem.register', 'b', { name: 'b' })
  await clocks[0].advance(1_000) // the writer saves a and b
  await give(writer, 'stockItem.register', 'c', { name: 'c' }) // not saved yet
  await clocks[1].advance(15_000) // the other tab, which has not heard of b and c, wakes up and saves

  const third = await openEngine(disk.tab(), { clock: clocks[0], domain: small })
  await settle()
  expect(await third.load('stockItem', 'c')).toEqual({ state: { name: 'c', onHand: 0 }, version: 1 })
  await give(third, 'stockItem.register', 'c', { name: 'c again' })
  expect((await allEvents(third)).filter((event) => event.aggregateId === 'c').map((event) => event.version)).toEqual([1])
})
