/** Any query over any rows gives what a plain filter, sort and slice gives, whatever index it reads and whatever is stored yet. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyEvent, anyRowsQuery } from '../read/arbitrary-things.ts'
import { answerThings, foldThings, thingsDomain } from '../read/things.ts'
import { World } from '../read/world.ts'

test('a query answers as if all rows were filtered, sorted and cut by hand', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyEvent, { maxLength: 40 }),
      fc.array(anyEvent, { maxLength: 15 }),
      fc.array(anyRowsQuery, { minLength: 1, maxLength: 6 }),
      async (stored, unstored, queries) => {
        const world = new World()
        const tab = await world.tab(thingsDomain)
        if (stored.length > 0) await tab.append(...stored)
        await tab.side.flush()
        if (unstored.length > 0) await tab.append(...unstored)
        const rows = foldThings([...stored, ...unstored])
        for (const query of queries) expect(await tab.ask(query), JSON.stringify(query)).toEqual(answerThings(rows, query))
        await tab.close()
      },
    ),
    { numRuns: 300 },
  )
})
