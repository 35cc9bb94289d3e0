/** The order of IndexedDB keys, for everything that sorts or compares outside it. https://w3c.github.io/IndexedDB/#key-construct */
import type { Key } from './storage.ts'

const rank = (key: Key): number => (typeof key === 'number' ? 0 : key instanceof Date ? 1 : typeof key === 'string' ? 2 : 3)

/** Negative, zero or positive, as `a` comes before, with or after `b`. */
export function compareKeys(a: Key, b: Key): number {
  const byRank = rank(a) - rank(b)
  if (byRank !== 0) return byRank
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < a.length && i < b.length; i++) {
      const order = compareKeys(a[i] as Key, b[i] as Key)
      if (order !== 0) return order
    }
    return a.length - b.length
  }
  return a < b ? -1 : a > b ? 1 : a instanceof Date ? a.getTime() - (b as Date).getTime() : 0
}

/** True for what IndexedDB takes as a key: numbers but NaN, valid Dates, strings, and arrays of such. */
export function isKey(value: unknown): value is Key {
  if (typeof value === 'string') return true
  if (typeof value === 'number') return !Number.isNaN(value)
  if (value instanceof Date) return !Number.isNaN(value.getTime())
  // `every` alone would pass over the holes of a sparse array.
  return Array.isArray(value) && Array.from(value).every(isKey)
}

/** The first key behind all strings that begin so. */
export function afterPrefix(prefix: string): Key {
  // The last code unit that can be raised, raised. Arrays come after all strings.
  let end = prefix.length
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xffff) end--
  return end === 0 ? [] : prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1)
}

/** A string that stands for the key in a Map: equal keys, equal strings. */
export function keyToken(key: Key): string | number {
  if (typeof key === 'number') return key === 0 ? 0 : key
  if (typeof key === 'string') return `s${key}`
  if (key instanceof Date) return `d${key.getTime()}`
  return `a${key.map((part) => JSON.stringify(String(keyToken(part))) + typeof part).join()}`
}
