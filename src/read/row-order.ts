/** The order of a query's rows. */
import { compareKeys, isKey } from '../storage/key.ts'
import type { Row } from '../storage/storage.ts'

export type RowOrder = (a: Row, b: Row) => number
export type OrderBy = readonly { readonly field: string; readonly descending: boolean }[]

/**
 * A total order: by these fields, then by key, in the direction of the last field, as an index read backwards gives it.
 * Values come in the order of IndexedDB's keys; what is no key (missing, null, boolean …) comes before all that are.
 */
export function rowOrder(orderBy: OrderBy, key: string): RowOrder {
  const fields = [...orderBy, { field: key, descending: orderBy.at(-1)?.descending ?? false }]
  const [only] = fields
  if (fields.length === 1 && only) return (a, b) => compareValues(a[only.field], b[only.field])
  return (a, b) => {
    for (const { field, descending } of fields) {
      const order = compareValues(a[field], b[field])
      if (order !== 0) return descending ? -order : order
    }
    return 0
  }
}

function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b || (a === b ? 0 : compareOdd(a, b))
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  return isKey(a) && isKey(b) ? compareKeys(a, b) : compareOdd(a, b)
}

/** `a - b` fails on infinities and NaN; the rest is about what has no place among keys. */
function compareOdd(a: unknown, b: unknown): number {
  if (isKey(a) && isKey(b)) return compareKeys(a, b)
  return oddRank(a) - oddRank(b)
}

function oddRank(value: unknown): number {
  if (value === false) return 1
  if (value === true) return 2
  return isKey(value) ? 3 : 0
}
