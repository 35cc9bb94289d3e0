/** Which rows on this page rest on Commands that the server has not processed yet. */
import type { Snapshot } from '../domain/query.ts'
import { mapRows } from './keep-identity.ts'

/** None as long as nothing was ever pending: an app without sync pays nothing. */
let pendingRows: WeakSet<object> | undefined

/**
 * True where a row, as a query of this page gave it, rests on Commands that the server has not processed yet. When that changes
 * the row becomes another object, so that whoever shows it shows it again.
 *
 * @example
 * <li className={isPending(row) ? 'pending' : ''}>{row.name}</li>
 */
export const isPending = (row: object): boolean => !!pendingRows?.has(row)

/** The snapshot with its rows marked: those whose mark changes are other objects, all else keeps its identity. */
export function markPending<T>(snapshot: Snapshot<T>): Snapshot<T> {
  const { data, pending } = snapshot
  if (!pending && !pendingRows) return snapshot
  const marks = (pendingRows ??= new WeakSet())
  const places = new Set(pending)
  const mark = (row: unknown, i: number): unknown => {
    const isMarked = places.has(i)
    if (isMarked === marks.has(row as object)) return row
    const other = { ...(row as object) }
    if (isMarked) marks.add(other)
    return other
  }
  return { ...snapshot, data: mapRows(data, data, mark) as T }
}
