/**
 * How a query of one Read Model is answered: which index is read, over which ranges, in which direction, and what is left to
 * a function. Pure.
 */
// In this order because gzip finds more in it (`npm run size`).
import type { AnyReadModel } from '../domain/infer.ts'
import type { RowsQuery } from '../domain/query.ts'
import { checkRowsQuery, invalidQuery } from './query-check.ts'
import { intersection, isEmptyInterval, isInInterval, keyAfter, type KeyInterval, rangeUnder } from './key-interval.ts'
import { type OrderBy, type RowOrder, rowOrder } from './row-order.ts'
import { compareKeys } from '../storage/key.ts'
import type { Key, KeyRange, Row } from '../storage/storage.ts'
import { type Conditions, intervalOf, type PlainCondition, type Predicate, predicateOf } from './predicate.ts'

/** More ranges than this, and one range with a filter is faster. */
const MAX_RANGES = 32

export interface QueryPlan {
  /** Place in the model's `indexes`; undefined for the primary key. */
  readonly index: number | undefined
  /** Disjoint; to be read one after another. */
  readonly ranges: readonly KeyRange[]
  readonly reverse: boolean
  /** True where the ranges, read so, give rows in the order asked: a limit may stop them early. */
  readonly ordered: boolean
  /** What the ranges leave to test; undefined where they are exact. */
  readonly residual: Predicate | undefined
  /** All conditions. */
  readonly matches: (row: Row) => boolean
  readonly order: RowOrder
  /** A field that must have one of these values: what tells this query from others of the same kind. */
  readonly pinned: { readonly field: string; readonly values: readonly unknown[] } | undefined
  readonly offset: number
  /** Infinity without one. */
  readonly limit: number
  readonly result: RowsQuery['result']
}

/** One way to read: the primary key, or an index. */
interface AccessPath {
  readonly index: number | undefined
  readonly fields: readonly string[]
  readonly prefixes: readonly (readonly Key[])[]
  readonly interval: KeyInterval | undefined
  /** Conditions that its ranges make true. */
  readonly used: ReadonlySet<string>
  readonly ordered: boolean
  readonly score: number
}

/** @throws `invalid-query` */
export function planQuery(model: AnyReadModel, query: RowsQuery): QueryPlan {
  const { where, filter } = checkRowsQuery(model, query)
  const constant = constantFields([...where, ...filter])
  const sorting = effectiveOrder(query.orderBy, constant, model.key)
  const gives = (fields: readonly string[]): boolean => sorting !== undefined && givesOrder(fields, sorting, constant, model.key)
  const wanted = wantedKeys(where)
  let best = accessPath(undefined, [model.key], wanted, gives)
  model.indexes.forEach((fields, index) => {
    const path = accessPath(index, fields, wanted, gives)
    if (path.score > best.score) best = path
  })
  const [unusable] = where
  if (unusable && best.used.size === 0 && !best.interval) {
    const [field] = unusable
    throw invalidQuery(
      model,
      `"${field}" stands behind others in its index. Set those equal, declare an index that begins with it, or use \`filter\`.`,
      { field },
    )
  }
  const reverse = best.ordered && (query.orderBy.at(-1)?.descending ?? false)
  const ranges = best.prefixes
    .filter(() => !best.interval || !isEmptyInterval(best.interval))
    .map((points) => rangeUnder(points, best.interval, best.fields.length))
  return {
    index: best.index,
    ranges: reverse ? ranges.reverse() : ranges,
    reverse,
    ordered: best.ordered,
    residual: predicateOf([...where.filter(([field]) => !best.used.has(field)), ...filter]),
    matches: predicateOf([...where, ...filter]) ?? (() => true),
    order: rowOrder(query.orderBy, model.key),
    pinned: pinnedField([...where, ...filter]),
    offset: query.result === 'count' ? 0 : (query.offset ?? 0),
    limit: query.result === 'first' ? Math.min(1, query.limit ?? 1) : query.result === 'count' ? Infinity : (query.limit ?? Infinity),
    result: query.result,
  }
}

/** Uses conditions from the index's first field on: equalities as far as they go, then at most one range. */
function accessPath(
  index: number | undefined,
  fields: readonly string[],
  wanted: ReadonlyMap<string, WantedKeys>,
  gives: (rest: readonly string[]) => boolean,
): AccessPath {
  const used = new Set<string>()
  let prefixes: (readonly Key[])[] = [[]]
  let interval: KeyInterval | undefined
  let score = 0
  /** Up to here every row of the range has the same values. */
  let fixed = 0
  for (const [place, field] of fields.entries()) {
    const keys = wanted.get(field)
    if (!keys) break
    const { points } = keys
    if (!points) {
      interval = keys.interval
      used.add(field)
      score += 50
      break
    }
    if (points.length * prefixes.length > MAX_RANGES) {
      // From the first to the last of them; which of these it is, is left to test.
      interval = { lower: points[0] as Key, upper: keyAfter(points.at(-1) as Key) }
      score += 40
      break
    }
    if (points.length === 1 && fixed === place) fixed++
    prefixes = prefixes.flatMap((prefix) => points.map((point) => [...prefix, point]))
    used.add(field)
    score += points.length === 1 ? 100 : 80
  }
  const ordered = gives(fields.slice(fixed))
  // At most one row has the key; then more conditions; then an order for free; then the shorter index.
  const isUnique = index === undefined && fixed === 1
  return { index, fields, prefixes, interval, used, ordered, score: score + (isUnique ? 1000 : 0) + (ordered ? 20 : 0) - fields.length }
}

/** What all conditions on one field let through: single keys, in order, or an interval of them. */
type WantedKeys = { readonly points: readonly Key[] } | { readonly points?: undefined; readonly interval: KeyInterval }

function wantedKeys(where: Conditions): ReadonlyMap<string, WantedKeys> {
  const wanted = new Map<string, WantedKeys>()
  for (const [field, condition] of where) {
    const before = wanted.get(field)
    const now = keysOf(condition)
    wanted.set(field, before ? both(before, now) : now)
  }
  return wanted
}

function both(a: WantedKeys, b: WantedKeys): WantedKeys {
  if (!a.points) return b.points ? both(b, a) : { interval: intersection([a.interval, b.interval]) }
  const { points: others } = b
  const isWanted = (key: Key): boolean =>
    others ? others.some((other) => compareKeys(key, other) === 0) : isInInterval((b as { readonly interval: KeyInterval }).interval, key)
  return { points: a.points.filter(isWanted) }
}

function keysOf(condition: PlainCondition): WantedKeys {
  const points = pointsOf(condition)
  return points ? { points } : { interval: intervalOf(condition as Parameters<typeof intervalOf>[0]) }
}

/** The keys that a condition names one by one, in order; undefined for ranges. */
function pointsOf(condition: PlainCondition): readonly Key[] | undefined {
  if ('equals' in condition) return [condition.equals as Key]
  if (!('anyOf' in condition)) return undefined
  const sorted = [...(condition.anyOf as readonly Key[])].sort(compareKeys)
  return sorted.filter((key, i) => i === 0 || compareKeys(sorted[i - 1] as Key, key) !== 0)
}

/** The fields that still decide the order, all in one direction; ends before the key, which always breaks the last tie. */
type Sorting = readonly string[]

function effectiveOrder(orderBy: OrderBy, constant: ReadonlySet<string>, key: string): Sorting | undefined {
  const fields: string[] = []
  const direction = orderBy.at(-1)?.descending ?? false
  for (const { field, descending } of orderBy) {
    if (constant.has(field)) continue
    if (descending !== direction) return undefined
    if (field === key) break
    fields.push(field)
  }
  return fields
}

/** An index gives the order of its fields, then of the key. */
function givesOrder(fields: readonly string[], sorting: Sorting, constant: ReadonlySet<string>, key: string): boolean {
  const keyAt = fields.indexOf(key)
  const deciding = (keyAt < 0 ? fields : fields.slice(0, keyAt)).filter((field) => !constant.has(field))
  return deciding.length === sorting.length && deciding.every((field, i) => field === sorting[i])
}

const constantFields = (conditions: Conditions): ReadonlySet<string> =>
  new Set(conditions.filter(([, condition]) => 'equals' in condition).map(([field]) => field))

function pinnedField(conditions: Conditions): QueryPlan['pinned'] {
  for (const [field, condition] of conditions) if ('equals' in condition) return { field, values: [condition.equals] }
  for (const [field, condition] of conditions) if ('anyOf' in condition) return { field, values: condition.anyOf }
  return undefined
}
