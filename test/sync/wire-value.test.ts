/** Values on the wire: what storage keeps comes back as it was, and what a stranger packed does no harm. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireValue } from '../../src/sync/protocol.ts'
import { fromWire, toWire } from '../../src/sync/wire-value.ts'

/** As it crosses: through JSON text and the schema. */
const crossed = (value: unknown): unknown => fromWire(WireValue.parse(JSON.parse(JSON.stringify(toWire(value)))))

const anyValue = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  maxDepth: 5,
  key: fc.string({ unit: 'binary' }),
})

test('what is packed or plain comes back as it was', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      expect(crossed(value)).toStrictEqual(value)
    }),
    { numRuns: 2000 },
  )
})

test('plain values are told from packed ones, so that others can read them', () => {
  for (const value of [null, true, 0, -1.5, '', 'ü\uD800\u2028"', [], {}, [[{ a: [1] }]], { json: 1, packed: 2 }]) {
    expect(toWire(value)).toEqual({ json: value })
    expect(crossed(value)).toEqual(value)
  }
})

test.each([
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['Infinity', -Infinity],
  ['-0', -0],
  ['a bigint', 12n],
  ['a Date', new Date(0)],
  ['no Date', new Date(Number.NaN)],
  ['a Map in a Set', new Set([new Map([[{ a: 1 }, undefined]])])],
  ['bytes', new Uint8Array([0, 255])],
  ['a buffer', new Uint8Array([1, 2, 3]).buffer],
  ['a hole', [1, , 3]], // oxlint-disable-line eslint/no-sparse-arrays
  ['undefined deep inside', { a: [{ b: undefined }] }],
  ['a RegExp', /a+/gi],
])('%s is packed', (_, value) => {
  expect(toWire(value)).toHaveProperty('packed')
  expect(crossed(value)).toEqual(value)
  if (Object.is(value, -0)) expect(Object.is(crossed(value), -0)).toBe(true)
})

test.each([
  ['in JSON', 1],
  ['packed', new Date(1)],
])('a field called __proto__ is a field, %s', (_, a) => {
  const value = Object.assign(JSON.parse('{"__proto__":{"admin":true}}') as object, { a })
  const back = crossed(value) as Record<string, unknown>
  expect(Object.keys(back)).toEqual(['__proto__', 'a'])
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  expect((back as { admin?: boolean }).admin).toBeUndefined()
})

describe('is not taken:', () => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  const doubling = Array.from({ length: 40 }, (_, i) => [i + 1, i + 1])

  test.each<readonly [string, WireValue, RegExp]>([
    ['what is nested without sense', { json: nested(10_000) }, /deeper/],
    ['a circle', { packed: '[[0]]' }, /deeper/],
    ['a circle by a Map', { packed: '[["Map",1,0],"a"]' }, /deeper/],
    ['forty levels of twice the same, a million million parts', { packed: JSON.stringify([...doubling, 'x']) }, /unfolds/],
    ['a list that claims to be long', { packed: '[[-7,4294967295]]' }, /unfolds/],
    ['text that nobody packed', { packed: 'hello' }, /JSON/],
    ['an index beyond the end', { packed: '[[5]]' }, /packed/],
  ])('%s', (_, wire, why) => {
    const startedAt = performance.now()
    expect(() => fromWire(wire)).toThrow(why)
    expect(performance.now() - startedAt).toBeLessThan(500)
  })

  test('but shared parts and honest depth are', () => {
    const shared = { a: new Date(1) }
    expect(crossed([shared, shared, [shared]])).toEqual([shared, shared, [shared]])
    expect(crossed(nested(200))).toEqual(nested(200))
  })
})
