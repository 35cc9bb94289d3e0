/** Conditions as a function of a row. */
import { compareKeys, isKey } from '../storage/key.ts'
import type { Key, Row } from '../storage/storage.ts'
import { intersection, isInInterval, keyAfter, type KeyInterval, stringsWithPrefix } from './key-interval.ts'
import { sameValue } from '../internal/same-value.ts'

export type Predicate = (row: Row) => boolean
/** A condition with its kind written out. */
export type PlainCondition =
  | { readonly equals: unknown }
  | { readonly anyOf: readonly unknown[] }
  | { readonly prefix: string }
  | { readonly from?: unknown; readonly to?: unknown; readonly above?: unknown; readonly below?: unknown }

/** All of them hold; several may be on one field. */
export type Conditions = readonly (readonly [field: string, condition: PlainCondition])[]

/** True where all of them hold; undefined where there are none. */
export function predicateOf(conditions: Conditions): Predicate | undefined {
  const tests = conditions.map(([field, condition]) => testOf(field, condition))
  const [first, second] = tests
  if (!first) return undefined
  if (!second) return first
  return (row) => tests.every((test) => test(row))
}

function testOf(field: string, condition: PlainCondition): Predicate {
  if ('equals' in condition) {
    const isEqual = equalTo(condition.equals)
    return (row) => isEqual(row[field])
  }
  if ('anyOf' in condition) {
    const tests = condition.anyOf.map(equalTo)
    return (row) => tests.some((isEqual) => isEqual(row[field]))
  }
  const interval = intervalOf(condition)
  return (row) => {
    const value = row[field]
    return isKey(value) && isInInterval(interval, value)
  }
}

function equalTo(wanted: unknown): (value: unknown) => boolean {
  if (typeof wanted !== 'object' || wanted === null) return (value) => value === wanted
  if (isKey(wanted)) return (value) => isKey(value) && compareKeys(value, wanted) === 0
  return (value) => sameValue(value, wanted)
}

/** The keys that a prefix or bounds let through. The bounds are keys. */
export function intervalOf(condition: Exclude<PlainCondition, { equals: unknown } | { anyOf: readonly unknown[] }>): KeyInterval {
  if ('prefix' in condition) return stringsWithPrefix(condition.prefix)
  const { from, above, to, below } = condition as Readonly<Record<'from' | 'above' | 'to' | 'below', Key | undefined>>
  return intersection([
    { lower: from, upper: below },
    { lower: above === undefined ? undefined : keyAfter(above), upper: to === undefined ? undefined : keyAfter(to) },
  ])
}
