/** Any query over any rows gives what a plain filter, sort and slice gives, whatever index it reads and whatever is stored yet. */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allOf, anyRowsQuery, eventOf, sweepOf } from '../read/arbitrary-things.ts'
import { answerThings, foldThings, thingsDomain } from '../read/things.ts'
import { turns, World } from '../read/world.ts'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'

/** More than a page and what is read beyond it. */
const IDS = 80

const overIndexedDb = (): World => {
  const indexedDB = new IDBFactory()
  return new World(() => createIndexedDbStorage({ indexedDB, IDBKeyRange }))
}

test.each([
  ['memory', () => new World(), 200],
  // The imitation of IndexedDB takes its time.
  ['IndexedDB', overIndexedDb, 15],
] as const)(
  'over %s a query answers as if all rows were filtered, sorted and cut by hand',
  async (_, open, runs) => {
    await fc.assert(
      fc.asyncProperty(
        allOf(IDS),
        fc.array(eventOf(IDS), { maxLength: 40 }),
        fc.array(anyRowsQuery, { minLength: 1, maxLength: 8 }),
        async (stored, unstored, queries) => {
          const world = open()
          const tab = await world.tab(thingsDomain)
          await tab.append(...stored)
          await tab.side.flush()
          if (unstored.length > 0) await tab.append(...unstored)
          const rows = foldThings([...stored, ...unstored])
          for (const query of queries) expect(await tab.ask(query), JSON.stringify(query)).toEqual(answerThings(rows, query))
          await tab.close()
        },
      ),
      { numRuns: runs },
    )
  },
  600_000,
)

test('a watched query follows the changes to what reading it again would give', async () => {
  await fc.assert(
    fc.asyncProperty(
      allOf(IDS),
      fc.array(
        fc.record({ events: fc.oneof(fc.array(eventOf(IDS), { minLength: 1, maxLength: 12 }), sweepOf(IDS)), flushed: fc.boolean() }),
        { maxLength: 12 },
      ),
      fc.array(anyRowsQuery, { minLength: 1, maxLength: 8 }),
      async (first, batches, queries) => {
        const world = new World()
        const tab = await world.tab(thingsDomain)
        await tab.append(...first)
        const watched = await Promise.all(queries.map((query) => tab.side.watch(query, () => {})))
        const events = [...first]
        for (const { events: batch, flushed } of batches) {
          events.push(...batch)
          await tab.append(...batch)
          await tab.side.settled(tab.head.position)
          if (flushed) await tab.side.flush()
          // Windows that ran dry are read again. Time stands meanwhile: a query that was being read for a while rests before the next time.
          await turns(20)
          await world.clock.advance(1)
          const rows = foldThings(events)
          watched.forEach(({ snapshot }, i) => {
            const query = queries[i] as (typeof queries)[number]
            expect(snapshot.data, JSON.stringify(query)).toEqual(answerThings(rows, query))
          })
        }
        await tab.close()
      },
    ),
    { numRuns: Number(process.env['READ_RUNS'] ?? 150) },
  )
}, 600_000)
