import { domain, query } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { queryFeed } from '../../src/worker/feeds.ts'
import { stockItem, stockList } from '../fixtures/stock.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

/** What the feed of a query has to tell by now. */
async function feedOf(engine: Engine, after: number) {
  const failures: unknown[] = []
  const feed = queryFeed(
    engine,
    { kind: 'query', query: { kind: 'named', query: 'slow', input: {} }, after, deadlineMs: 1_000 },
    { ring: () => undefined, fail: (thrown) => failures.push(thrown) },
  )
  await settle()
  expect(failures).toEqual([])
  return feed
}

/** A log in which `a` has been told of as having none, and has five; the query of it is slow, and rests. */
async function received() {
  const clock = createTestClock()
  const slow = query('slow', {
    reads: [stockList],
    input: z.object({}),
    async run(read) {
      const { onHand } = (await read.stockList.get('a')) ?? { onHand: 0 }
      clock.sleep(1_000)
      return onHand
    },
  })
  const engine = await openEngine(createMemoryStorage(), {
    clock,
    domain: domain('stock', { aggregates: [stockItem], readModels: [stockList], queries: [slow] }),
  })
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  const another = await feedOf(engine, engine.position)
  expect(another.take()).toMatchObject({ value: 0 })
  await give(engine, 'stockItem.receive', 'a', { quantity: 5 })
  const own = await feedOf(engine, engine.position)
  return { clock, engine, another, own }
}

test('the first frame holds what its client has done, also of a query that rests because it has just been read', async () => {
  const { clock, engine, another, own } = await received()
  expect(own.take()).toMatchObject({ value: 5, stale: false, position: 2 })
  await give(engine, 'stockItem.receive', 'a', { quantity: 1 })
  await clock.advance(10_000)
  expect([another.take(), own.take()]).toMatchObject([{ value: 6 }, { value: 6 }])
})

test('what the first frame held is told again where it becomes what it was before', async () => {
  const { clock, engine, own } = await received()
  expect(own.take()).toMatchObject({ value: 5 })
  await give(engine, 'stockItem.pick', 'a', { quantity: 5 })
  await clock.advance(10_000)
  expect(own.take()).toMatchObject({ value: 0 })
})
