/** Ranges of keys as IndexedDB takes them. */
import { afterPrefix, compareKeys } from '../key.ts'
import type { Key, KeyRange } from '../storage.ts'

/** True where nothing can lie in it: IndexedDB refuses to make such a range. */
export function isEmptyRange({ lower, upper, lowerOpen = false, upperOpen = false }: KeyRange): boolean {
  if (lower === undefined || upper === undefined) return false
  const order = compareKeys(lower, upper)
  return order > 0 || (order === 0 && (lowerOpen || upperOpen))
}

export function toIdbRange({ lower, upper, lowerOpen, upperOpen }: KeyRange, ranges: typeof IDBKeyRange): IDBKeyRange | null {
  if (lower !== undefined && upper !== undefined) return ranges.bound(lower, upper, lowerOpen, upperOpen)
  if (lower !== undefined) return ranges.lowerBound(lower, lowerOpen)
  if (upper !== undefined) return ranges.upperBound(upper, upperOpen)
  return null
}

/** All array keys that begin so and go on with a number or a string. */
export const allUnder = (start: readonly Key[], ranges: typeof IDBKeyRange): IDBKeyRange => ranges.bound(start, [...start, []])

/** All string keys that begin so. */
export const allStartingWith = (prefix: string, ranges: typeof IDBKeyRange): IDBKeyRange =>
  ranges.bound(prefix, afterPrefix(prefix), false, true)

/** A limit as `getAll` takes it: an unsigned 32-bit integer, where none (and 0!) means all. */
export const countOf = (limit: number): number | undefined => (limit > 0xffffffff ? undefined : Math.ceil(limit))
