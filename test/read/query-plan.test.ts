import { expect, test } from 'vitest'
import type { Condition, QueryDescription, RowsQuery } from '../../src/domain/query.ts'
import { keyAfter, rangeUnder, stringsWithPrefix } from '../../src/read/key-interval.ts'
import { planQuery } from '../../src/read/query-plan.ts'
import { compareKeys } from '../../src/storage/key.ts'
import type { Key } from '../../src/storage/storage.ts'
import { from } from './queries.ts'
import { things } from './things.ts'

const read = from(things)
const plan = (query: { readonly description: QueryDescription }) => planQuery(things, query.description as RowsQuery)

/** Which index is read, in the model's own words. */
const indexOf = (query: { readonly description: QueryDescription }): string => {
  const { index } = plan(query)
  return index === undefined ? 'id' : (things.indexes[index] as readonly string[]).join('+')
}

test('the key finds one row, whatever else is asked', () => {
  expect(indexOf(read.where({ id: 't1', a: 3 }))).toBe('id')
  expect(plan(read.where({ id: 't1', a: 3 })).ranges).toEqual([{ lower: 't1', upper: 't1\0', upperOpen: true }])
})

test('an equality uses its index, several a compound one', () => {
  expect(indexOf(read.where({ a: 3 }))).toBe('a')
  expect(indexOf(read.where({ a: 3, b: 'x' }))).toBe('a+b')
  expect(plan(read.where({ a: 3, b: 'x' })).residual).toBeUndefined()
})

test('an equality with a range, or with an order, uses the compound index that gives both', () => {
  expect(plan(read.where({ a: 3, b: { prefix: 'x' } }))).toMatchObject({
    index: 2,
    ranges: [{ lower: [3, 'x'], upper: [3, 'y'], upperOpen: true }],
    residual: undefined,
  })
  expect(plan(read.where({ a: 3 }).orderBy('b').limit(5))).toMatchObject({ index: 2, ordered: true, reverse: false })
  expect(plan(read.where({ b: 'x' }).orderBy('a', 'descending').limit(5))).toMatchObject({ index: 3, ordered: true, reverse: true })
})

test('an order alone is read from its index; the key breaks ties', () => {
  expect(plan(read.orderBy('a').limit(5))).toMatchObject({ index: 0, ordered: true })
  expect(plan(read.orderBy('a').orderBy('b'))).toMatchObject({ index: 2, ordered: true })
  expect(plan(read.orderBy('b').orderBy('a').orderBy('id'))).toMatchObject({ index: 3, ordered: true })
  expect(plan(read.orderBy('id', 'descending'))).toMatchObject({ index: undefined, ordered: true, reverse: true })
})

test('an order that no index has is made', () => {
  expect(plan(read.orderBy('c'))).toMatchObject({ index: undefined, ordered: false })
  expect(plan(read.orderBy('a').orderBy('b', 'descending'))).toMatchObject({ ordered: false })
  expect(plan(read.where({ a: { above: 1 } }).orderBy('b'))).toMatchObject({ index: 0, ordered: false })
})

test('one of several values is several ranges, in order, without repeats', () => {
  expect(plan(read.where({ a: { anyOf: [3, 1, 3] } }))).toMatchObject({
    index: 0,
    ranges: [
      { lower: 1, upper: keyAfter(1), upperOpen: true },
      { lower: 3, upper: keyAfter(3), upperOpen: true },
    ],
  })
  expect(plan(read.where({ a: { anyOf: [] } })).ranges).toEqual([])
  const many = Array.from({ length: 100 }, (_, i) => i)
  const wide = plan(read.where({ a: { anyOf: many } }))
  expect(wide).toMatchObject({ index: 0, ranges: [{ lower: 0, upper: keyAfter(99), upperOpen: true }] })
  expect(wide.residual?.({ id: 't', a: 0.5, b: '' })).toBe(false)
  expect(plan(read.where({ b: 'x', a: { anyOf: many } }))).toMatchObject({
    index: 3,
    ranges: [{ lower: ['x', 0], upper: ['x', keyAfter(99)] }],
  })
})

test('bounds that leave nothing read nothing', () => {
  expect(plan(read.where({ a: { above: 3, below: 2 } })).ranges).toEqual([])
})

test('conditions of several calls on one field add up, to as little as an index can read', () => {
  const three = [{ lower: 3, upper: keyAfter(3), upperOpen: true }]
  const ranges = (...conditions: readonly Condition<number>[]) =>
    plan(conditions.reduce<ReturnType<typeof read.where>>((query, a) => query.where({ a }), read)).ranges
  expect(ranges({ above: 2 }, { to: 7 }, { below: 5 })).toEqual([{ lower: keyAfter(2), upper: 5, upperOpen: true }])
  expect(ranges({ from: 1 }, 3)).toEqual(three)
  expect(ranges(3, { from: 1 }, { anyOf: [5, 3] })).toEqual(three)
  expect(ranges({ anyOf: [1, 3, 5] }, { anyOf: [5, 3] }, { below: 5 })).toEqual(three)
  expect(ranges(3, 3)).toEqual(three)
  expect(plan(read.where({ b: { prefix: 'a' } }).where({ b: { prefix: 'ab' } })).ranges).toMatchObject([{ lower: 'ab', upper: 'ac' }])
  expect(plan(read.where({ a: 3 }).where({ a: { from: 1 } })).residual).toBeUndefined()
})

test('conditions of several calls that contradict one another read nothing', () => {
  for (const query of [
    read.where({ a: 3 }).where({ a: 4 }),
    read.where({ a: 3 }).where({ a: { above: 3 } }),
    read.where({ a: { anyOf: [1, 2] } }).where({ a: { anyOf: [3] } }),
    read.where({ a: { below: 3 } }).where({ a: { from: 3 } }),
    read.where({ b: { prefix: 'a' } }).where({ b: 'ba' }),
  ])
    expect(plan(query).ranges).toEqual([])
})

test('what an index does not answer is tested', () => {
  const { index, residual } = plan(read.where({ a: 3 }).filter({ c: true }))
  expect(index).toBe(0)
  expect(residual?.({ id: 't', a: 3, b: '', c: true })).toBe(true)
  expect(residual?.({ id: 't', a: 3, b: '', c: 1 })).toBe(false)
})

test.each<[string, RowsQuery['where'] | Partial<RowsQuery>, string]>([
  ['a field that is not indexed', { where: { c: [1] } }, '`where` on "c", which is not indexed. Add it to `indexes`, or use `filter`.'],
  ['an unknown field', { where: { z: [1] } }, 'its rows have no field "z". Known: id, a, b, c.'],
  ['an unknown field in a filter', { filter: { z: [1] } }, 'its rows have no field "z"'],
  ['an unknown field to sort by', { orderBy: [{ field: 'z', descending: false }] }, 'its rows have no field "z"'],
  [
    'null on an index',
    { where: { a: [null] } },
    '`where` on "a" compares with null, which has no order. Use `filter` with the value itself.',
  ],
  ['a boolean on an index', { where: { a: [{ anyOf: [true] }] } }, 'compares with true'],
  ['a bound without order', { filter: { c: [{ from: null }] } }, '`filter` on "c" compares with null'],
  ['an unknown operator', { where: { a: [{ like: 'x' }] } }, '`where` on "a" compares with an object, which has no order.'],
  ['operators that do not go together', { where: { b: [{ prefix: 'x', from: 'x' }] } }, 'mixes prefix, from'],
  ['one bad condition of several', { where: { a: [1, null] } }, 'compares with null'],
  ['a condition that is in no list', { where: { a: 1 } } as never, '`where` on "a" has no list of conditions'],
  ['a prefix that is no string', { where: { b: [{ prefix: 3 }] } }, 'has a `prefix` that is no string'],
  ['a negative limit', { limit: -1 }, '`limit` is -1. Give a whole number from 0.'],
  ['a broken offset', { offset: 0.5 }, '`offset` is 0.5'],
])('%s is refused with what to do', (_, part, message) => {
  const query = { ...(read.description as RowsQuery), ...part } as RowsQuery
  expect(() => planQuery(things, query)).toThrow(
    expect.objectContaining({ code: 'invalid-query', message: expect.stringContaining(message) }),
  )
})

test('a field that is only a later part of a compound index is refused with what to do', async () => {
  const { movements } = await import('../fixtures/stock.ts')
  expect(() => planQuery(movements, from(movements).where({ position: 3 }).description as RowsQuery)).toThrow(
    '"position" stands behind others in its index. Set those equal, declare an index that begins with it',
  )
  expect(() => planQuery(movements, from(movements).where({ sku: 'a', position: { above: 3 } }).description as RowsQuery)).not.toThrow()
})

test.each<[Key, Key]>([
  ['a', 'a\0'],
  [0, Number.MIN_VALUE],
  [-Number.MIN_VALUE, -0],
  [1, 1 + Number.EPSILON],
  [-1, -1 + Number.EPSILON / 2],
  [-Infinity, -Number.MAX_VALUE],
  [Infinity, new Date(-8.64e15)],
  [new Date(5), new Date(6)],
  [new Date(8.64e15), ''],
  [['a'], ['a', -Infinity]],
])('the key after %o is %o', (key, after) => {
  expect(keyAfter(key)).toEqual(after)
  expect(compareKeys(key, keyAfter(key))).toBeLessThan(0)
})

test('a prefix ends with the last code unit that can be raised', () => {
  expect(stringsWithPrefix('ab')).toEqual({ lower: 'ab', upper: 'ac' })
  expect(stringsWithPrefix('a\uffff')).toEqual({ lower: 'a\uffff', upper: 'b' })
  expect(stringsWithPrefix('')).toEqual({ lower: '', upper: [] })
})

test('a range on a compound index holds all that begins so, and nothing else', () => {
  const range = rangeUnder(['a'], { lower: 5, upper: 7 }, 3)
  expect(range).toEqual({ lower: ['a', 5], upper: ['a', 7], upperOpen: true })
  expect(rangeUnder(['a'], undefined, 2)).toEqual({ lower: ['a'], upper: ['a\0'], upperOpen: true })
  expect(rangeUnder([], { lower: 5 }, 2)).toEqual({ lower: [5] })
  expect(rangeUnder([], undefined, 2)).toEqual({})
})
