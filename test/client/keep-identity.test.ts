import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical } from '../../src/internal/canonical.ts'
import { keepIdentity } from '../../src/client/keep-identity.ts'

/** What can cross between threads. */
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, undefined, true, Number.NaN, -0, 0, 7n, '', 'a', '7n', 'Date(5)', '[1,2]'),
    fc.integer(),
    fc.string(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 2 }), tie('value'), { maxKeys: 3, noNullPrototype: true }),
    fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 2 }).map((entries) => new Map(entries)),
    fc.uniqueArray(fc.integer(), { maxLength: 2 }).map((each) => new Set(each)),
  ),
})).value

describe('the canonical text', () => {
  test('is equal for what crossed', () => {
    fc.assert(fc.property(value, (one) => canonical(structuredClone(one)) === canonical(one)))
  })
  test('differs for what differs', () => {
    const equal = (a: unknown, b: unknown): boolean => {
      try {
        expect(a).toStrictEqual(b)
        return true
      } catch {
        return false
      }
    }
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(canonical(a) === canonical(b)).toBe(equal(a, b))
      }),
      { numRuns: 500 },
    )
  })
  test.each(['constructor', '__proto__', 'toString', 'length'])('looks into an object with a field called %s', (field) => {
    const make = (n: number): unknown => JSON.parse(`{"where":{"${field}":{"equals":${n}}}}`)
    expect(canonical(make(1))).toBe(canonical(make(1)))
    expect(canonical(make(1))).not.toBe(canonical(make(2)))
  })
  test('differs for functions, which may be of one text and see different values', () => {
    const startsWith = (text: string) => (name: string) => name.startsWith(text)
    expect(canonical({ matches: startsWith('a') })).not.toBe(canonical({ matches: startsWith('b') }))
  })
  test('does not depend on the order of keys', () => {
    expect(canonical({ a: 1, b: { c: 2, d: 3 } })).toBe(canonical({ b: { d: 3, c: 2 }, a: 1 }))
    expect(canonical({ a: 1 })).not.toBe(canonical({ a: '1' }))
  })
})

describe('a result that came anew', () => {
  const [a, b, c] = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
  test('is the old one where nothing changed', () => {
    const before = [a, b]
    expect(keepIdentity(before, structuredClone(before))).toBe(before)
    const one = { total: 1 }
    expect(keepIdentity(one, { total: 1 })).toBe(one)
    expect(keepIdentity(one, { total: 2 })).toEqual({ total: 2 })
    expect(keepIdentity(undefined, [])).toEqual([])
  })
  test('keeps old rows wherever they stand', () => {
    const rows = keepIdentity([a, b], structuredClone([c, b, a])) as unknown[]
    expect(rows).toEqual([c, b, a])
    expect(rows[1]).toBe(b)
    expect(rows[2]).toBe(a)
  })
  test('that is shorter or longer is another one', () => {
    expect(keepIdentity([a, b], [a])).toEqual([a])
    expect(keepIdentity([a], [a, b])).toEqual([a, b])
  })
})
