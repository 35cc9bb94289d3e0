import { keyToken } from '../storage/key.ts'
import type { Key, Row } from '../storage/storage.ts'
import type { QueryPlan } from './query-plan.ts'
import type { RowsRead } from './row-reader.ts'
import type { VisibleRows } from './visible-rows.ts'

/**
 * Lays the rows in memory over what storage gave. Where storage stopped early, nothing is known of what comes after its last row;
 * so the result ends there too.
 */
export function mergeRows(scanned: RowsRead, rows: VisibleRows, plan: QueryPlan, keyField: string): RowsRead {
  if (rows.size === 0) return scanned
  const { order } = plan
  const last = scanned.complete ? undefined : scanned.rows.at(-1)
  if (!scanned.complete && !last) return scanned
  const stored = scanned.rows.filter((row) => !rows.covers(keyToken(row[keyField] as Key)))
  const covering: Row[] = []
  for (const { row } of rows.covering()) if (row && plan.matches(row) && (!last || order(row, last) <= 0)) covering.push(row)
  return { rows: mergeSorted(stored, covering.sort(order), order), complete: scanned.complete }
}

/** Of two sorted lists one. */
export function mergeSorted(a: readonly Row[], b: readonly Row[], order: (a: Row, b: Row) => number): readonly Row[] {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const merged: Row[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) merged.push(order(a[i] as Row, b[j] as Row) <= 0 ? (a[i++] as Row) : (b[j++] as Row))
  while (i < a.length) merged.push(a[i++] as Row)
  while (j < b.length) merged.push(b[j++] as Row)
  return merged
}
