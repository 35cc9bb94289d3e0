/** The rows of a Read Model as a Dexie table. */
import type { Dexie, Table } from 'dexie'
import { OutpostError } from '../errors.ts'
import { type StoredRows, storedRows, type StoredRowsOwner } from '../read/stored-rows.ts'
import { openDatabase } from './open-database.ts'

/** One Read Model as `run` of a named query is given it; the page's, which can be watched, is none. */
export interface RowsReader<Row, Key> {
  first(): PromiseLike<Row | undefined>
  get(key: Key): PromiseLike<Row | undefined>
  readonly watch?: never
}

/** A Dexie table that takes no rows: what has to be given a row to write does not compile, and every other write is refused. */
export type ReadOnlyTable<Row, Key> = Table<Row, Key, never>

/** One connection for as long as the same rows are read from. */
const databases = new WeakMap<StoredRows, Promise<Dexie>>()

/**
 * The rows of a Read Model as a Dexie table, inside `run` of a named query that declares to read it. All its rows are stored first,
 * so that the table holds what the query builder would show; take it anew in each run.
 *
 * @example
 * const search = query('search', {
 *   reads: [stockList],
 *   input: z.object({ text: z.string() }),
 *   run: async ({ stockList }, { text }) => (await dexieTable(stockList)).where('name').startsWithIgnoreCase(text).limit(20).toArray(),
 * })
 * @throws `unsupported` outside of a named query, or where rows are not kept in IndexedDB; `storage-full`, `storage-failed`
 */
export async function dexieTable<Row, Key>(reader: RowsReader<Row, Key>): Promise<ReadOnlyTable<Row, Key>> {
  const owner = reader as unknown as Partial<StoredRowsOwner>
  if (!owner[storedRows]) {
    throw new OutpostError(
      'unsupported',
      'dexieTable reads in the worker, where the rows are: call it in `run` of a named query, with a Read Model that `run` is given, as it is.',
    )
  }
  const stored = await owner[storedRows]()
  if (!stored) {
    throw new OutpostError(
      'unsupported',
      'dexieTable reads from IndexedDB, but this app keeps its rows elsewhere (in memory, as testApp does): use the query builder, or test in a browser.',
      { missing: 'indexedDB' },
    )
  }
  let opening = databases.get(stored)
  if (!opening) {
    opening = openDatabase(stored)
    databases.set(stored, opening)
    opening.catch(() => databases.delete(stored))
  }
  return (await opening).table('rows')
}
