/** Values that are shared and kept: what is frozen, what is refused and by which name, how large a value counts. */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { deepFreeze, keep } from '../../src/internal/plain.ts'

class Money {
  readonly amount = 1
}

describe('deepFreeze', () => {
  test('freezes objects and arrays with all their parts, and gives the value itself', () => {
    const value = { list: [{ n: 1 }], inner: { empty: {} } }
    expect(deepFreeze(value)).toBe(value)
    for (const part of [value, value.list, value.list[0], value.inner, value.inner.empty]) expect(Object.isFrozen(part)).toBe(true)
  })

  test.each([undefined, null, 1, 'text', new Uint8Array([1])])('gives %o back, which cannot be frozen', (value) => {
    expect(deepFreeze(value)).toBe(value)
    expect(deepFreeze({ value })).toEqual({ value })
  })

  test('ends where a value holds itself', () => {
    const value: { self?: unknown } = {}
    value.self = value
    expect(Object.isFrozen(deepFreeze(value))).toBe(true)
  })
})

describe('keep', () => {
  test('does not walk again what it has kept before: states share most of their parts with the one before', () => {
    const shared = { text: 'a hundred letters, as it were' }
    expect(keep(shared)).toBeGreaterThan(30)
    expect(keep({ shared })).toBe(8 + 'shared'.length + 8)
  })

  test('freezes objects and arrays with all their parts', () => {
    const value = { list: [{ n: 1 }], inner: new Map([['key', { n: 2 }]]) }
    keep(value)
    for (const part of [value, value.list, value.list[0], value.inner.get('key')]) expect(Object.isFrozen(part)).toBe(true)
  })

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['a BigInt', 1n],
    ['a Date', new Date(0)],
    ['a RegExp', /a/],
    ['a Map', new Map([[{ n: 1 }, new Set([1])]])],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a typed array', new Float64Array(2)],
    ['an object without a prototype', Object.create(null)],
    ['data of another realm', runInNewContext('({ list: [{ n: 1 }], at: new Date(0) })')],
    ['an object that is frozen already', Object.freeze({ n: 1 })],
  ])('takes %s, which is cloned as it is', (_, value: unknown) => {
    expect(keep({ value })).toBeGreaterThan(0)
    expect(structuredClone({ value })).toEqual({ value })
  })

  test('ends where a value holds itself', () => {
    const value: { self?: unknown } = {}
    value.self = value
    expect(keep(value)).toBeGreaterThan(0)
  })

  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a Money', new Money()],
    ['a Blob', new Blob([])],
    ['a Promise', Promise.resolve()],
    ['a WeakMap', new WeakMap()],
    ['a TypeError', new TypeError('no data')],
  ])('refuses %s, and says where it lies', (kind, part) => {
    expect(() => keep(part)).toThrow(new TypeError(`it is ${kind}, which cannot be kept: use plain data`))
    expect(() => keep({ lines: [{}, { price: part }] })).toThrow(`"lines.1.price" is ${kind},`)
    expect(() => keep({ prices: new Map([['bolt', part]]) })).toThrow(`"prices.bolt" is ${kind},`)
  })

  test('counts about the bytes that a value takes', () => {
    const text = 'x'.repeat(1_000)
    expect(keep(text)).toBe(1_000)
    expect(keep(new Uint8Array(1_000))).toBe(1_000)
    expect(keep(new ArrayBuffer(1_000))).toBe(1_000)
    for (const value of [{ text }, [text], new Map([[text, 1]]), new Set([text]), { [text]: 1 }, { deep: { list: [{ text }] } }]) {
      const bytes = keep(value)
      expect(bytes).toBeGreaterThan(1_000)
      expect(bytes).toBeLessThan(2_100)
    }
  })
})

test.each([
  ['freezing', deepFreeze],
  ['keeping', keep],
])('%s goes on below a part that was frozen before, as zod makes them, and comes to an end in a circle', (_, freeze) => {
  const inner: { self?: unknown } = {}
  inner.self = inner
  const value = { list: Object.freeze([Object.freeze({ inner })]) }
  freeze(value)
  expect([value, value.list[0], inner].every((part) => Object.isFrozen(part))).toBe(true)
})
