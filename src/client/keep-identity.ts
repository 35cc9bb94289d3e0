import { canonical } from './canonical.ts'

/**
 * The new result, with every row that equals an old one being that old object, and the old result itself where nothing
 * changed. For results that came anew from a worker that knows nothing of the old ones.
 */
export function keepIdentity(before: unknown, after: unknown): unknown {
  if (!Array.isArray(before) || !Array.isArray(after)) return canonical(before) === canonical(after) ? before : after
  const known = new Map<string, unknown>(before.map((row) => [canonical(row), row]))
  const rows: unknown[] = after.map((row) => {
    const key = canonical(row)
    return known.get(key) ?? row
  })
  return rows.length === before.length && rows.every((row, i) => Object.is(row, before[i])) ? before : rows
}
