import { canonical } from '../internal/canonical.ts'

/**
 * The new result, with every row that equals an old one being that old object, and the old result itself where nothing
 * changed. For results that came anew from a worker that knows nothing of the old ones.
 */
export function keepIdentity(before: unknown, after: unknown): unknown {
  const known = new Map([before].flat().map((row) => [canonical(row), row]))
  return mapRows(before, after, (row) => known.get(canonical(row)) ?? row)
}

/** The result, rows or a single one, with each row changed; `before` itself where that comes to the same rows. */
export function mapRows(before: unknown, after: unknown, change: (row: unknown, i: number) => unknown): unknown {
  if (!Array.isArray(after)) return change(after, 0)
  const rows = after.map(change)
  return Array.isArray(before) && rows.length === before.length && rows.every((row, i) => Object.is(row, before[i])) ? before : rows
}
