/** What TypeScript infers of Dexie tables, and what must not compile. Checked by the compiler; run only to be counted. */
import type { Table } from 'dexie'
import { query, readModel } from 'outpost'
import type { App } from 'outpost/client'
import { dexieTable, type ReadOnlyTable } from 'outpost/dexie'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { type stock, stockItem, stockList } from '../fixtures/stock.ts'

interface StockRow {
  sku: string
  name: string
  onHand: number
}
declare const app: App<typeof stock>
const numbered = readModel('numbered', {
  version: 1,
  from: [stockItem],
  row: z.object({ n: z.number(), note: z.string().optional() }),
  key: 'n',
  ignores: ['stockItem.registered', 'stockItem.received', 'stockItem.picked'],
  on: {},
})

/** The compiler reads what is inside; it is never run. */
const compiled = (_: unknown): void => expect(true).toBe(true)
const input = z.object({ text: z.string() })

test('rows and keys are those of the Read Model, and the query has the type of its result', () => {
  const search = query('search', {
    reads: [stockList, numbered],
    input,
    run: async (read, { text }) => {
      const rows = await dexieTable(read.stockList)
      expectTypeOf(rows).toEqualTypeOf<ReadOnlyTable<StockRow, string>>()
      expectTypeOf(await rows.get('a')).toEqualTypeOf<StockRow | undefined>()
      expectTypeOf(await rows.toCollection().primaryKeys()).toEqualTypeOf<string[]>()
      const other = await dexieTable(read.numbered)
      expectTypeOf(await other.get(1)).toEqualTypeOf<{ n: number; note?: string | undefined } | undefined>()
      expectTypeOf(await other.toCollection().primaryKeys()).toEqualTypeOf<number[]>()
      return rows.where('name').startsWithIgnoreCase(text).limit(20).toArray()
    },
  })
  expectTypeOf<NonNullable<(typeof search)['types']>['result']>().toEqualTypeOf<StockRow[]>()
  compiled(search)
})

test('what takes a Dexie table takes it', () => {
  const first = async (rows: Table<StockRow, string>) => rows.toCollection().first()
  compiled(query('q', { reads: [stockList], input, run: async (read) => first(await dexieTable(read.stockList)) }))
})

test('other keys and other fields do not compile', () =>
  compiled(
    query('q', {
      reads: [stockList, numbered],
      input,
      run: async (read) => {
        const rows = await dexieTable(read.stockList)
        // @ts-expect-error its key is a string
        await rows.get(1)
        // @ts-expect-error no such field
        rows.filter(({ price }) => price > 1)
        const other = await dexieTable(read.numbered)
        // @ts-expect-error its key is a number
        await other.bulkGet(['a'])
      },
    }),
  ))

test('to write a row does not compile', () =>
  compiled(
    query('q', {
      reads: [stockList],
      input,
      run: async (read) => {
        const rows = await dexieTable(read.stockList)
        const row: StockRow = { sku: 'a', name: 'A', onHand: 1 }
        // @ts-expect-error rows are made by Events only
        await rows.put(row)
        // @ts-expect-error rows are made by Events only
        await rows.add(row)
        // @ts-expect-error rows are made by Events only
        await rows.bulkPut([row])
      },
    }),
  ))

test('only a Read Model that a named query declares to read, as it is, can be given', () =>
  compiled(
    query('q', {
      reads: [stockList],
      input,
      run: async (read) => {
        // @ts-expect-error it is not declared
        void dexieTable(read.numbered)
        // @ts-expect-error a query of it is not the Read Model
        void dexieTable(read.stockList.where({ onHand: 1 }))
        // @ts-expect-error the page has no rows
        void dexieTable(app.read.stockList)
        // @ts-expect-error a declaration has no rows
        void dexieTable(stockList)
      },
    }),
  ))
