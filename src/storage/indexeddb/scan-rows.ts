/** Reads rows in order, page by page, inside one transaction. */
import { compareKeys } from '../key.ts'
import type { Key, KeyRange, ReadStoreSchema, Row, Scan } from '../storage.ts'
import { isEmptyRange, toIdbRange } from './key-range.ts'
import { resultOf } from './request.ts'
import { indexName } from './schema.ts'

/** More rows in one answer gain nothing, and tens of megabytes at once make Chromium fail ("Maximum IPC message size exceeded"). */
const MAX_PAGE = 1000
/** First page where a filter decides how many rows are needed: doubled until MAX_PAGE. */
const FIRST_FILTERED_PAGE = 64

/** False ends the scan. */
type Take = (row: Row) => boolean

interface RowSource {
  readonly source: IDBObjectStore | IDBIndex
  readonly ranges: typeof IDBKeyRange
  /** The key that the source orders a row by. */
  keyOf(row: Row): Key
  /** What orders rows of equal key; undefined where keys are unique. */
  readonly thenBy: ((row: Row) => Key) | undefined
}

export async function scanRows(rows: IDBObjectStore, schema: ReadStoreSchema, scan: Scan, ranges: typeof IDBKeyRange): Promise<Row[]> {
  const found: Row[] = []
  const { filter, limit = Infinity } = scan
  if (limit <= 0) return found
  await eachRow(sourceOf(rows, schema, scan, ranges), scan, (row) => {
    if (!filter || filter(row)) found.push(row)
    return found.length < limit
  })
  return found
}

export async function countRows(rows: IDBObjectStore, schema: ReadStoreSchema, scan: Scan, ranges: typeof IDBKeyRange): Promise<number> {
  const from = sourceOf(rows, schema, scan, ranges)
  const { filter, range = {} } = scan
  if (!filter) return isEmptyRange(range) ? 0 : resultOf(from.source.count(toIdbRange(range, ranges) ?? undefined))
  let count = 0
  await eachRow(from, { range, filter }, (row) => {
    if (filter(row)) count++
    return true
  })
  return count
}

function sourceOf(rows: IDBObjectStore, { key, indexes }: ReadStoreSchema, { index }: Scan, ranges: typeof IDBKeyRange): RowSource {
  const primaryKeyOf = (row: Row) => row[key] as Key
  if (index === undefined) return { source: rows, ranges, keyOf: primaryKeyOf, thenBy: undefined }
  const fields = indexes[index]
  if (!fields) throw new RangeError(`There is no index ${index}`)
  const [only] = fields
  return {
    source: rows.index(indexName(fields)),
    ranges,
    keyOf: (row) => (fields.length === 1 ? row[only as string] : fields.map((field) => row[field])) as Key,
    thenBy: primaryKeyOf,
  }
}

async function eachRow(from: RowSource, { range = {}, filter, limit = Infinity, reverse = false }: Scan, take: Take): Promise<void> {
  if (reverse && !('getAllRecords' in from.source)) return void (await eachByCursor(from, range, 'prev', undefined, take))
  let size = Math.min(filter ? Math.max(2 * limit, FIRST_FILTERED_PAGE) : limit, MAX_PAGE)
  for (let rest = range; !isEmptyRange(rest);) {
    const page = await resultOf(getPage(from.source, toIdbRange(rest, from.ranges), size, reverse))
    for (const row of page) if (!take(row)) return
    const last = page.at(-1)
    if (!last || page.length < size) return
    const key = from.keyOf(last)
    // No page can begin in the middle of rows that share a key: those behind the last one are stepped through.
    if (from.thenBy && !(await eachByCursor(from, { lower: key, upper: key }, reverse ? 'prev' : 'next', from.thenBy(last), take))) return
    rest = reverse ? { ...rest, upper: key, upperOpen: true } : { ...rest, lower: key, lowerOpen: true }
    size = Math.min(2 * size, MAX_PAGE)
  }
}

/** Not yet in TypeScript's library: browsers that have `getAllRecords` take these options, others mistake them for a key. */
interface GetAllInDirection {
  getAll(options: { query: IDBKeyRange | null; count: number; direction: 'prev' }): IDBRequest<Row[]>
}

const getPage = (source: IDBObjectStore | IDBIndex, query: IDBKeyRange | null, count: number, reverse: boolean): IDBRequest<Row[]> =>
  reverse ? (source as unknown as GetAllInDirection).getAll({ query, count, direction: 'prev' }) : source.getAll(query, count)

/**
 * @param behind begins behind the row of this primary key, which must be there; the range is then its index key alone
 * @returns false where `take` ended it
 */
function eachByCursor(
  { source, ranges }: RowSource,
  range: KeyRange,
  direction: 'next' | 'prev',
  behind: Key | undefined,
  take: Take,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    if (isEmptyRange(range)) return resolve(true)
    let found = behind === undefined
    const request = source.openCursor(toIdbRange(range, ranges), direction)
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      try {
        const cursor = request.result
        if (!cursor) return resolve(true)
        if (found) {
          if (!take(cursor.value as Row)) return resolve(false)
          return cursor.continue()
        }
        found = compareKeys(cursor.primaryKey as Key, behind as Key) === 0
        if (found) cursor.continue()
        else cursor.continuePrimaryKey(range.lower as IDBValidKey, behind as IDBValidKey)
      } catch (error) {
        // Thrown from here, it would abort the transaction without a word of why.
        reject(error)
      }
    }
  })
}
