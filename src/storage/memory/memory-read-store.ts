import { compareKeys, isKey } from '../key.ts'
import { type Checkpoint, sameCheckpoint } from '../record.ts'
import type { Key, KeyRange, ReadStore, ReadStoreSchema, Row, Scan } from '../storage.ts'
import type { MemoryHandle } from './memory-handle.ts'
import { SortedMap } from './sorted-map.ts'

export interface ReadData {
  /** Name of the primary key's field. */
  readonly key: string
  /** By primary key. */
  readonly rows: SortedMap<Row>
  checkpoint: Checkpoint | undefined
}

export const emptyReadStore = ({ key }: ReadStoreSchema): ReadData => ({ key, rows: new SortedMap(), checkpoint: undefined })

export function createMemoryReadStore(handle: MemoryHandle, data: ReadData, schema: ReadStoreSchema): ReadStore {
  const find = (scan: Scan): Row[] => {
    const found = inOrder(data, schema, handle, scan).map((row) => handle.copy(row))
    return scan.filter ? found.filter(scan.filter) : found
  }

  const store: ReadStore = {
    checkpoint: () => handle.run('rows.checkpoint', () => handle.copy(data.checkpoint)),

    load: (keys) =>
      handle.run('rows.load', () =>
        handle.copy({ checkpoint: data.checkpoint, rows: keys.map((key) => data.rows.get(handle.checkKey(key))) }),
      ),

    scan: (scan) => handle.run('rows.scan', () => ({ checkpoint: handle.copy(data.checkpoint), rows: find(scan).slice(0, scan.limit) })),

    count: (scan) => handle.run('rows.count', () => ({ checkpoint: handle.copy(data.checkpoint), count: find(scan).length })),

    async save(given) {
      const { expected, checkpoint, puts, removes } = handle.copy(given)
      return handle.run('rows.save', () => {
        if (!sameCheckpoint(data.checkpoint, expected)) return 'stale'
        // Everything that may be refused comes before the first change.
        const keys = puts.map((row) => handle.checkKey(row[schema.key]))
        for (const key of removes.map((key) => handle.checkKey(key))) data.rows.delete(key)
        puts.forEach((row, i) => data.rows.set(keys[i] as Key, row))
        data.checkpoint = checkpoint
        return 'saved'
      })
    },

    onClosed: undefined,
    close: () => handle.end(),
  }
  handle.onEnded = (reason) => store.onClosed?.(reason)
  return store
}

function inOrder(data: ReadData, schema: ReadStoreSchema, handle: MemoryHandle, { index, range = {}, reverse = false }: Scan): Row[] {
  const { lower, upper } = range
  if (lower !== undefined) handle.checkKey(lower)
  if (upper !== undefined) handle.checkKey(upper)
  const source = index === undefined ? data.rows : indexed(data.rows, schema, index)
  const rows = source.entries(range).map(({ value }) => value)
  return reverse ? rows.reverse() : rows
}

/** The rows that have a key in this index, by it and then by primary key. */
function indexed(rows: SortedMap<Row>, { indexes }: ReadStoreSchema, index: number) {
  const fields = indexes[index]
  if (!fields) throw new RangeError(`There is no index ${index}`)
  const [only] = fields
  const entries = rows
    .entries()
    .map(({ value: row }) => ({ key: fields.length === 1 ? row[only as string] : fields.map((field) => row[field]), value: row }))
    .filter((entry): entry is { key: Key; value: Row } => isKey(entry.key))
    .sort((a, b) => compareKeys(a.key, b.key))
  return { entries: (range: KeyRange) => entries.filter(({ key }) => contains(range, key)) }
}

function contains({ lower, upper, lowerOpen = false, upperOpen = false }: KeyRange, key: Key): boolean {
  const fromLower = lower === undefined ? 1 : compareKeys(key, lower)
  const fromUpper = upper === undefined ? -1 : compareKeys(key, upper)
  return (lowerOpen ? fromLower > 0 : fromLower >= 0) && (upperOpen ? fromUpper < 0 : fromUpper <= 0)
}
