/** Ranges of keys in one form, lower ≤ key < upper, so that bounds of compound indexes can be put together from parts. */
import { defined } from '../internal/defined.ts'
import { afterPrefix, compareKeys } from '../storage/key.ts'
import type { Key, KeyRange } from '../storage/storage.ts'

export interface KeyInterval {
  /** Absent: from the first key on. */
  readonly lower?: Key
  /** Not in it. Absent: to the last key. */
  readonly upper?: Key
}

const LATEST_DATE = 8.64e15

/** The key next to this one: nothing lies between them. */
export function keyAfter(key: Key): Key {
  if (typeof key === 'string') return `${key}\0`
  if (typeof key === 'number') return key === Infinity ? new Date(-LATEST_DATE) : numberAfter(key)
  if (key instanceof Date) return key.getTime() >= LATEST_DATE ? '' : new Date(key.getTime() + 1)
  return [...key, -Infinity]
}

function numberAfter(value: number): number {
  if (value === 0) return Number.MIN_VALUE
  if (value === -Infinity) return -Number.MAX_VALUE
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? 1n : -1n))
  return view.getFloat64(0)
}

/** All strings that begin so. */
export const stringsWithPrefix = (prefix: string): KeyInterval => ({ lower: prefix, upper: afterPrefix(prefix) })

export function isInInterval({ lower, upper }: KeyInterval, key: Key): boolean {
  return (lower === undefined || compareKeys(key, lower) >= 0) && (upper === undefined || compareKeys(key, upper) < 0)
}

/** What lies in all of them. */
export function intersection(intervals: readonly { readonly lower?: Key | undefined; readonly upper?: Key | undefined }[]): KeyInterval {
  const lower = innermost(
    intervals.map((each) => each.lower),
    1,
  )
  const upper = innermost(
    intervals.map((each) => each.upper),
    -1,
  )
  return defined({ lower, upper })
}

/** Of several bounds the one that lets the least through. */
function innermost(bounds: readonly (Key | undefined)[], sign: 1 | -1): Key | undefined {
  const given = bounds.filter((bound) => bound !== undefined)
  return given.sort((a, b) => sign * compareKeys(b, a))[0]
}

export const isEmptyInterval = ({ lower, upper }: KeyInterval): boolean =>
  lower !== undefined && upper !== undefined && compareKeys(lower, upper) >= 0

/**
 * The range, on a compound index, of all keys that begin with `points` and go on with a value in `interval`.
 * A key of an index over one field is that field's value itself.
 *
 * @param fields how many fields the index has
 */
export function rangeUnder(points: readonly Key[], interval: KeyInterval | undefined, fields: number): KeyRange {
  const { lower, upper } = interval ?? {}
  if (fields === 1) {
    const [point] = points
    return point === undefined ? openAbove(lower, upper) : openAbove(point, keyAfter(point))
  }
  // A shorter array comes before all that it begins.
  const from = lower === undefined ? points : [...points, lower]
  const last = points.at(-1)
  const to = upper !== undefined ? [...points, upper] : last !== undefined ? [...points.slice(0, -1), keyAfter(last)] : undefined
  return openAbove(from.length > 0 ? from : undefined, to)
}

const openAbove = (lower: Key | undefined, upper: Key | undefined): KeyRange => ({
  ...defined({ lower, upper }),
  ...(upper !== undefined && { upperOpen: true }),
})
