/** Random Events and queries over `things`: few values, so that everything collides. */
import fc from 'fast-check'
import type { GivenConditions, RowsQuery } from '../../src/domain/query.ts'
import type { GivenEvent } from './world.ts'

const a = fc.integer({ min: 0, max: 4 })
const b = fc.constantFrom('', 'x', 'xa', 'xb', 'y')
const c = fc.constantFrom(undefined, null, true, false, 1, 2, 'one')
const values = fc.record({ a, b, c }).map(({ c: odd, ...rest }) => (odd === undefined ? rest : { ...rest, c: odd }))

/** @param ids how many different rows there may be */
export const eventOf = (ids: number): fc.Arbitrary<GivenEvent> =>
  fc
    .tuple(
      fc.integer({ min: 0, max: ids - 1 }).map((n) => `t${n}`),
      fc.oneof(
        { weight: 4, arbitrary: values.map((data) => ({ type: 'thing.put', data: data as unknown })) },
        { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }).map((by) => ({ type: 'thing.changed', data: { by } as unknown })) },
        { weight: 2, arbitrary: values.map((data) => ({ type: 'thing.merged', data: data as unknown })) },
        { weight: 2, arbitrary: fc.constant({ type: 'thing.removed', data: {} as unknown }) },
        { weight: 1, arbitrary: fc.constant({ type: 'thing.noted', data: {} as unknown }) },
      ),
    )
    .map(([aggregateId, event]) => ({ aggregateId, ...event }))

/** Rows for all ids, one Event each. */
export const allOf = (ids: number): fc.Arbitrary<readonly GivenEvent[]> =>
  fc
    .array(values, { minLength: ids, maxLength: ids })
    .map((all) => all.map((data, n) => ({ aggregateId: `t${n}`, type: 'thing.put', data: data as unknown })))

/** Many neighbours go, or change, at once. */
export const sweepOf = (ids: number): fc.Arbitrary<readonly GivenEvent[]> =>
  fc
    .record({ first: fc.integer({ min: 0, max: ids - 1 }), count: fc.integer({ min: 5, max: 40 }), by: fc.integer({ min: -4, max: 4 }) })
    .map(({ first, count, by }) =>
      Array.from({ length: ids }, (_, n) => `t${n}`)
        .sort()
        .slice(first, first + count)
        .map((aggregateId) =>
          by < 0 ? { aggregateId, type: 'thing.removed', data: {} } : { aggregateId, type: 'thing.changed', data: { by } },
        ),
    )

const bounds = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof(
    value.map((from) => ({ from })),
    value.map((to) => ({ to })),
    fc.tuple(value, value).map(([above, below]) => ({ above, below })),
    fc.tuple(value, value).map(([from, to]) => ({ from, to })),
    fc.tuple(value, value).map(([from, above]) => ({ from, above })),
  )
const condition = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof(
    value,
    fc.array(value, { maxLength: 4 }).map((anyOf) => ({ anyOf })),
    bounds(value),
  )
/** One condition, or those of several calls. */
const some = (each: fc.Arbitrary<unknown>): fc.Arbitrary<readonly unknown[]> =>
  fc.oneof({ weight: 3, arbitrary: each.map((one) => [one]) }, { weight: 1, arbitrary: fc.array(each, { minLength: 2, maxLength: 3 }) })
const onA = some(condition(a))
const onB = some(
  fc.oneof(
    condition(b),
    b.map((prefix) => ({ prefix })),
  ),
)
const onC = some(fc.oneof(fc.constantFrom(null, true, false, 1, 'one'), bounds(fc.constantFrom(1, 2, 'one'))))
const onId = some(condition(fc.integer({ min: 0, max: 11 }).map((n) => `t${n}`)))

/** @param tenths how often it is there */
const optional = <T>(arbitrary: fc.Arbitrary<T>, tenths: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: tenths, arbitrary }, { weight: 10 - tenths, arbitrary: fc.constant(undefined) })
const present = (conditions: Readonly<Record<string, readonly unknown[] | undefined>>): GivenConditions =>
  Object.fromEntries(Object.entries(conditions).filter((entry): entry is [string, readonly unknown[]] => entry[1] !== undefined))

export const anyRowsQuery: fc.Arbitrary<RowsQuery> = fc
  .record({
    where: fc.record({ a: optional(onA, 5), b: optional(onB, 5), id: optional(onId, 1) }).map(present),
    filter: fc.record({ a: optional(onA, 1), b: optional(onB, 1), c: optional(onC, 2) }).map(present),
    orderBy: fc.array(fc.record({ field: fc.constantFrom('a', 'b', 'c', 'id'), descending: fc.boolean() }), { maxLength: 3 }),
    limit: optional(fc.integer({ min: 0, max: 6 }), 5),
    offset: optional(fc.integer({ min: 0, max: 3 }), 3),
    result: fc.constantFrom<RowsQuery['result']>('all', 'all', 'all', 'first', 'count'),
  })
  .map(({ limit, offset, ...rest }) => ({
    kind: 'rows' as const,
    model: 'things',
    ...rest,
    ...(limit !== undefined && { limit }),
    ...(offset !== undefined && { offset }),
  }))
