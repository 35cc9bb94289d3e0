import { lowerBound } from '../internal/lower-bound.ts'
import { keyToken } from '../storage/key.ts'
import type { Key, Row } from '../storage/storage.ts'
import type { QueryPlan } from './query-plan.ts'
import type { RowOrder } from './row-order.ts'
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
  return { rows: amendSorted(stored, covering, order), complete: scanned.complete }
}

/**
 * A sorted list with some rows changed: those that stand in it leave, others come to their places. What lies between is copied
 * as it is: one change of a list of 200 takes a third of what going through it takes, of 50,000 a fourth.
 *
 * @param order total, but that a row which leaves may be followed by another version of it
 */
export function amendSorted(rows: readonly Row[], changed: readonly Row[], order: RowOrder): readonly Row[] {
  let parts: (readonly Row[])[] = []
  let from = 0
  const join = (): readonly Row[] => ([] as Row[]).concat(...parts)
  for (const row of [...changed].sort(order)) {
    const at = lowerBound(rows, (each) => order(each, row) < 0, from)
    parts.push(rows.slice(from, at))
    from = at
    if (rows[at] === row) from++
    else parts.push([row])
    // More arguments are too many for one call.
    if (parts.length > 1000) parts = [join()]
  }
  parts.push(rows.slice(from))
  return join()
}
