/** Keys and values as PostgreSQL keeps them: bytes in the order of keys, text without what its text cannot hold. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareKeys } from '../../src/storage/key.ts'
import { afterTextsBeginning, keyBytes, textBytes, textOf } from '../../src/storage/postgres/key-bytes.ts'
import { valueOf, valueText } from '../../src/storage/postgres/value-text.ts'
import type { Key } from '../../src/storage/storage.ts'
import { isSame } from '../../src/testing/storage-contract/assert.ts'
import { ODD_STRINGS, oddValues } from '../../src/testing/storage-contract/samples.ts'

/** As bytea is compared. */
const compareBytes = (a: Uint8Array, b: Uint8Array): number => Math.sign(Buffer.compare(a, b))

/** Any UTF-16 code units, the ones that adapters stumble over often. */
const text = fc
  .array(fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0x7ff, 0x800, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff), fc.nat(0xffff)), {
    maxLength: 4,
  })
  .map((units) => String.fromCharCode(...units))
const number = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity, 5e-324, -5e-324, Number.MAX_VALUE))
const { key } = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { maxDepth: 3 },
    number,
    text,
    number.filter((ms) => Math.abs(ms) < 8e15).map((ms) => new Date(ms)),
    fc.array(tie('key'), { maxLength: 3 }),
  ),
}))

describe('keys', () => {
  test('are ordered as bytes as they are as keys, and equal exactly where they are', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(compareBytes(keyBytes(a), keyBytes(b))).toBe(Math.sign(compareKeys(a, b)))
      }),
      { numRuns: 20_000 },
    )
  })
  test('are not made of what is no key', () => {
    for (const value of [undefined, null, true, Number.NaN, 1n, {}, new Date(Number.NaN), [1, null], Array(1)]) {
      expect(() => keyBytes(value)).toThrow(/is no key/)
    }
  })
})

describe('texts', () => {
  test('come back from their bytes, sorted by code unit', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(textOf(textBytes(a))).toBe(a)
        expect(compareBytes(textBytes(a), textBytes(b))).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
      { numRuns: 20_000 },
    )
    expect(textOf(textBytes('\ufeffbyte order mark'))).toBe('\ufeffbyte order mark')
  })
  test('that begin with another lie between its bytes and those after it, and no others do', () => {
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const lies = (bytes: Uint8Array): boolean =>
          compareBytes(bytes, textBytes(prefix)) >= 0 && compareBytes(bytes, afterTextsBeginning(prefix)) < 0
        expect(lies(textBytes(prefix + other))).toBe(true)
        expect(lies(textBytes(other))).toBe(other.startsWith(prefix))
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('values', () => {
  const kept = (value: unknown): void => {
    const back = valueOf(valueText(value))
    expect({ value, back, same: isSame(back, structuredClone(value)) }).toMatchObject({ same: true })
  }

  test('that JSON keeps are JSON, for whoever reads them by SQL', () => {
    for (const value of [null, 0, '', 'a', true, [], {}, { a: [1, { b: null }] }, { constructor: 1 }]) {
      expect(valueText(value)).toBe(JSON.stringify(value))
      kept(value)
    }
  })
  test('that it does not come back as a structured clone keeps them', () => {
    class Point {
      x = 1
    }
    const circle: { self?: unknown } = {}
    circle.self = circle
    const back = valueOf(valueText(circle)) as { self: unknown }
    expect(back.self).toBe(back)
    let deep: unknown = 0
    for (let i = 0; i < 600; i++) deep = [deep]
    const sparse = [1]
    sparse[3] = 4
    for (const value of [undefined, -0, Number.NaN, 1n, new Date(0), new Point(), sparse, { a: undefined }, oddValues(), deep]) kept(value)
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true }),
        kept,
      ),
      { numRuns: 2_000 },
    )
  })
  test('hold nothing that the text of PostgreSQL cannot', () => {
    for (const value of [...ODD_STRINGS, oddValues(), new Map(ODD_STRINGS.map((odd) => [odd, odd])), { ['\ud800\0']: '\0' }]) {
      expect(valueText(value)).not.toMatch(/\0|\p{Surrogate}/u)
    }
  })
  test('that no clone keeps are refused', () => {
    for (const value of [() => 1, Symbol('a'), { f: () => 1 }, new WeakMap()]) {
      expect(() => valueText(value)).toThrow(expect.objectContaining({ code: 'storage-failed' }))
    }
  })
})
