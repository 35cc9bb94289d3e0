/**
 * What changed between two results, as data: parts of the old one to keep, wherever they stood, and new rows between.
 * Keeping by reference is what lets rows that only moved stay the same objects on the page.
 */

/** `count` rows of the old result, beginning at `from`; or rows that it did not have. */
export type Segment = { readonly from: number; readonly count: number } | { readonly rows: readonly unknown[] }

/** The inverse of {@link applyPatch}: `applyPatch(before, diffRows(before, after))` is `after`. Rows are compared by identity. */
export function diffRows(before: readonly unknown[], after: readonly unknown[]): Segment[] {
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && Object.is(before[start], after[start])) start++
  let end = 0
  while (end < shorter - start && Object.is(before[before.length - 1 - end], after[after.length - 1 - end])) end++

  const places = new Map<unknown, number>()
  for (let i = start; i < before.length - end; i++) if (isObject(before[i])) places.set(before[i], i)

  const segments: Segment[] = []
  let kept: { from: number; count: number } | undefined
  let added: unknown[] | undefined
  const keep = (from: number, count: number): void => {
    added = undefined
    if (count === 0) return
    if (kept && kept.from + kept.count === from) kept.count += count
    else segments.push((kept = { from, count }))
  }
  keep(0, start)
  for (let i = start; i < after.length - end; i++) {
    const place = places.get(after[i])
    if (place !== undefined) keep(place, 1)
    else {
      kept = undefined
      if (!added) segments.push({ rows: (added = []) })
      added.push(after[i])
    }
  }
  keep(before.length - end, end)
  return segments
}

/** The inverse of {@link diffRows}. */
export const applyPatch = (before: readonly unknown[], segments: readonly Segment[]): readonly unknown[] =>
  segments.flatMap((segment) => ('rows' in segment ? segment.rows : before.slice(segment.from, segment.from + segment.count)))

/** True where the patch changes nothing. */
export function keepsAll(before: readonly unknown[], segments: readonly Segment[]): boolean {
  const [only] = segments
  if (!only) return before.length === 0
  return segments.length === 1 && 'from' in only && only.from === 0 && only.count === before.length
}

const isObject = (row: unknown): boolean => typeof row === 'object' && row !== null
