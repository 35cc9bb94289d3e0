import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyPatch, diffRows, keepsAll } from '../../src/channel/rows-patch.ts'

const rows = (...ids: readonly string[]) => ids.map((id) => ({ id }))

describe('a patch of rows', () => {
  test('makes the new result of the old one, with the very rows that both have', () => {
    const pool = rows(...'a b c d e f g h i j'.split(' '))
    const results = fc.uniqueArray(fc.constantFrom(...pool))
    fc.assert(
      fc.property(results, results, (before, after) => {
        const made = applyPatch(before, diffRows(before, after))
        expect(made.length).toBe(after.length)
        made.forEach((row, i) => expect(row).toBe(after[i]))
      }),
      { numRuns: 1000 },
    )
  })

  test('carries only rows that the old result did not have', () => {
    const pool = rows(...'a b c d e f g h i j'.split(' '))
    const results = fc.uniqueArray(fc.constantFrom(...pool))
    fc.assert(
      fc.property(results, results, (before, after) => {
        const carried = diffRows(before, after).flatMap((segment) => ('rows' in segment ? segment.rows : []))
        expect(carried).toEqual(after.filter((row) => !before.includes(row)))
      }),
    )
  })

  test('holds results with one row twice, and with plain values', () => {
    const [a, b] = rows('a', 'b')
    const value = fc.constantFrom<unknown>(a, b, 1, 'x', null, Number.NaN, [1])
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (before, after) => {
        expect(applyPatch(before, diffRows(before, after))).toEqual(after)
      }),
    )
  })

  test('of one changed row among many is one row and the two parts around it', () => {
    const before = rows(...Array.from({ length: 1000 }, (_, i) => `row ${i}`))
    const changed = { id: 'changed' }
    expect(diffRows(before, before.with(400, changed))).toEqual([{ from: 0, count: 400 }, { rows: [changed] }, { from: 401, count: 599 }])
  })

  test('of a row that moved carries no row at all', () => {
    const [a, b, c, d] = rows('a', 'b', 'c', 'd')
    expect(diffRows([a, b, c, d], [d, a, b, c])).toEqual([
      { from: 3, count: 1 },
      { from: 0, count: 3 },
    ])
  })

  test('is known to change nothing exactly where it does', () => {
    const pool = rows('a', 'b', 'c')
    const results = fc.uniqueArray(fc.constantFrom(...pool))
    fc.assert(
      fc.property(results, results, (before, after) => {
        const same = before.length === after.length && before.every((row, i) => row === after[i])
        expect(keepsAll(before, diffRows(before, after))).toBe(same)
      }),
      { numRuns: 500 },
    )
  })
})
