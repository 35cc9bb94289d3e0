import { isKey } from '../key.ts'
import type { Checkpoint } from '../record.ts'
import type { ReadStore, ReadStoreSchema, Row, RowWrites, Scan } from '../storage.ts'
import type { Handle } from './handle.ts'
import { hexOf, keyBytes } from './key-bytes.ts'
import { limitOf } from './limit.ts'
import { countStatement, scanStatement } from './scan-statement.ts'
import type { SqlRow, SqlValue } from './sql-database.ts'
import { checkpointFrom, checkpointText, valueOf, valueText } from './value-text.ts'

/** Rows that are fetched at once where a filter decides how many are needed. */
const PAGE = 1_000
const nextPage = { text: `FETCH ${PAGE} FROM scan` }

const checkpoint = { name: 'outpost-rows-checkpoint', text: 'SELECT checkpoint FROM outpost.heads WHERE space = $1 AND incarnation = $2' }
const load = {
  name: 'outpost-rows-load',
  text: `SELECT h.checkpoint, r.place, r.value FROM outpost.heads h LEFT JOIN LATERAL (
      SELECT asked.place::int4, rows.value FROM unnest($3::bytea[]) WITH ORDINALITY AS asked (key, place)
      JOIN outpost.rows ON rows.space = $1 AND rows.key = asked.key
    ) r ON true WHERE h.space = $1 AND h.incarnation = $2`,
}
const save = {
  name: 'outpost-rows-save',
  text: `SELECT outpost.save_rows($1, $2, $3, $4, $5::bytea[], $6::bytea[], $7::text[], $8::smallint[], $9::bytea[], $10::bytea[]) AS outcome`,
}

export function createReadStore(handle: Handle, schema: ReadStoreSchema): ReadStore {
  const store: ReadStore = {
    onClosed: undefined,
    close: () => handle.close(),

    async checkpoint() {
      const [row] = await handle.read('Reading the checkpoint of', checkpoint)
      return checkpointFrom(row?.['checkpoint'])
    },

    async load(keys) {
      const rows = await handle.read('Loading rows of', load, [keys.map(keyBytes)])
      const found = new Map(rows.map(({ place, value }) => [place, value]))
      return { checkpoint: checkpointIn(rows), rows: keys.map((_, i) => rowOf(found.get(i + 1))) }
    },

    async scan(scan) {
      checkIndex(schema, scan)
      return scan.filter ? filtered(handle, scan, scan.filter) : whole(handle, scan)
    },

    async count(scan) {
      checkIndex(schema, scan)
      if (scan.filter) {
        const { filter } = scan
        let count = 0
        const checkpoint = await eachRow(handle, scan, () => {
          count = 0
          return (row) => {
            if (filter(row)) count++
            return true
          }
        })
        return { checkpoint, count }
      }
      const { statement, values } = countStatement(scan)
      const rows = await handle.read('Counting rows of', statement, values)
      return { checkpoint: checkpointIn(rows), count: rows[0]?.['count'] as number }
    },

    async save(write) {
      return (await handle.write('Saving rows of', save, valuesOf(schema, write))) === 'stale' ? 'stale' : 'saved'
    },
  }
  handle.onEnded = (reason) => store.onClosed?.(reason)
  return store
}

interface Scanned {
  readonly checkpoint: Checkpoint | undefined
  readonly rows: readonly Row[]
}

async function whole(handle: Handle, scan: Scan): Promise<Scanned> {
  const { statement, values } = scanStatement(scan, limitOf(Math.max(0, scan.limit ?? Infinity)))
  const rows = await handle.read('Scanning rows of', statement, values)
  return { checkpoint: checkpointIn(rows), rows: rows.flatMap(({ value }): Row[] => (value === null ? [] : [rowOf(value) as Row])) }
}

async function filtered(handle: Handle, scan: Scan, filter: (row: Row) => boolean): Promise<Scanned> {
  const { limit = Infinity } = scan
  let rows: Row[] = []
  const checkpoint = await eachRow(handle, scan, () => {
    rows = []
    return (row) => {
      if (rows.length < limit && filter(row)) rows.push(row)
      return rows.length < limit
    }
  })
  return { checkpoint, rows }
}

/**
 * Page by page, by a cursor: all its pages are of the moment in which it was opened.
 *
 * @param begin called each time the read begins; false from what it returns ends it
 */
function eachRow(handle: Handle, scan: Scan, begin: () => (row: Row) => boolean): Promise<Checkpoint | undefined> {
  const { statement, values } = scanStatement(scan, null)
  const declare = { text: `DECLARE scan NO SCROLL CURSOR FOR ${statement.text}` }
  return handle.transaction('Scanning rows of', { repeatable: true }, async (run, plain) => {
    const take = begin()
    await run(declare, values)
    let at: Checkpoint | undefined
    for (let first = true; ; first = false) {
      const fetched = await plain(nextPage, [])
      const page: readonly SqlRow[] = first ? handle.present(fetched) : fetched
      if (first) at = checkpointIn(page)
      for (const { value } of page) {
        const row = rowOf(value)
        if (row && !take(row)) return at
      }
      if (page.length < PAGE) return at
    }
  })
}

function valuesOf(schema: ReadStoreSchema, { expected, checkpoint, puts, removes }: RowWrites): SqlValue[] {
  // A statement may touch no row twice: of what one save says of one key, the last put counts, and before a removal any.
  const rows = new Map(puts.map((row) => ({ row, key: keyBytes(row[schema.key]) })).map((put) => [hexOf(put.key), put]))
  const removed = new Map(removes.map(keyBytes).map((key) => [hexOf(key), key]))
  for (const token of rows.keys()) removed.delete(token)
  const kept = [...rows.values()]
  const entries = kept.flatMap(({ row, key }) =>
    schema.indexes.flatMap((fields, index) => {
      const entry = fields.length === 1 ? row[fields[0] as string] : fields.map((field) => row[field])
      return isKey(entry) ? [{ index, entry: keyBytes(entry), key }] : []
    }),
  )
  return [
    checkpointText(expected),
    checkpointText(checkpoint),
    [...removed.values()],
    kept.map(({ key }) => key),
    kept.map(({ row }) => valueText(row)),
    entries.map(({ index }) => index),
    entries.map(({ entry }) => entry),
    entries.map(({ key }) => key),
  ]
}

function checkIndex({ indexes }: ReadStoreSchema, { index }: Scan): void {
  if (index !== undefined && !indexes[index]) throw new RangeError(`There is no index ${index}`)
}

const checkpointIn = (rows: readonly SqlRow[]): Checkpoint | undefined => checkpointFrom(rows[0]?.['checkpoint'])

const rowOf = (value: unknown): Row | undefined => (typeof value === 'string' ? (valueOf(value) as Row) : undefined)
