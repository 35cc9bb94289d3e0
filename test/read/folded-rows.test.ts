import { expect, test } from 'vitest'
import { FoldedRows } from '../../src/read/folded-rows.ts'
import type { FoldedRow } from '../../src/read/folding.ts'

const record = (number: number) => ({ number, id: `r${number}` })
const checkpoint = (number: number) => ({ record: number, id: `r${number}` })
const rowsOf = (touched: number, ...keys: readonly string[]): Map<string, FoldedRow> =>
  new Map(keys.map((key) => [`s${key}`, { key, row: { id: key, touched }, touched }]))

/** Stands at record 3, stored; then folds 4 (row a) and 5 (row b). */
function atFive(): FoldedRows {
  const rows = new FoldedRows()
  rows.jump(checkpoint(3), 30)
  rows.advance([record(4)], 40, rowsOf(4, 'a'), undefined)
  rows.advance([record(5)], 50, rowsOf(5, 'b'), undefined)
  return rows
}

test('rows as of any record from the stored to the folded one are usable, others are not', () => {
  const rows = atFive()
  expect([2, 3, 4, 5, 6].map((number) => rows.judge(checkpoint(number)))).toEqual(['behind', 'usable', 'usable', 'usable', 'ahead'])
  expect(rows.judge({ record: 4, id: 'another' })).toBe('foreign')
  expect(rows.judge(undefined)).toBe('behind')
})

test('a projection that never stored anything stands on the beginning of the log', () => {
  const rows = new FoldedRows()
  rows.jump(undefined, 0)
  expect(rows.judge(undefined)).toBe('usable')
  rows.advance([record(1)], 3, rowsOf(1, 'a'), undefined)
  expect(rows.judge(undefined)).toBe('usable')
  expect(rows.writes()).toEqual({ expected: undefined, checkpoint: checkpoint(1), puts: [{ id: 'a', touched: 1 }], removes: [] })
})

test('what is stored leaves the overlay, what was touched since stays', () => {
  const rows = atFive()
  expect(rows.dirty).toBe(2)
  rows.noteStored(checkpoint(4))
  expect([rows.dirty, rows.size]).toEqual([1, 1])
  expect(rows.covers('sb')).toBe(true)
  expect(rows.judge(checkpoint(3))).toBe('behind')
  expect(rows.writes()).toMatchObject({ expected: checkpoint(4), checkpoint: checkpoint(5), puts: [{ id: 'b' }] })
})

test('as long as a reader is under way the overlay keeps what the reader may need', () => {
  const rows = atFive()
  rows.retain()
  rows.noteStored(checkpoint(5))
  expect([rows.dirty, rows.size]).toEqual([0, 2])
  expect(rows.judge(checkpoint(3))).toBe('usable')
  rows.release()
  expect(rows.size).toBe(0)
  expect(rows.judge(checkpoint(3))).toBe('behind')
})

test('a reader that takes too long is made to begin again', () => {
  const rows = new FoldedRows()
  rows.jump(checkpoint(1), 1)
  rows.retain()
  const { epoch } = rows
  rows.advance([record(2)], 2, rowsOf(2, ...Array.from({ length: 20_001 }, (_, i) => `${i}`)), undefined)
  rows.noteStored(checkpoint(2))
  expect(rows.epoch).not.toBe(epoch)
  expect(rows.size).toBe(0)
})

test('rows of a record that stopped half-way are seen but never stored, and readers begin again when they go', () => {
  const rows = atFive()
  rows.advance([], 51, new Map(), rowsOf(6, 'a', 'c'))
  expect(rows.visible('sa')).toMatchObject({ row: { touched: 6 } })
  expect(rows.folding('sa')).toMatchObject({ row: { touched: 4 } })
  expect([...rows.covering()].map(({ key }) => key).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['a', 'b', 'c'])
  expect(rows.writes().puts).toEqual([
    { id: 'a', touched: 4 },
    { id: 'b', touched: 5 },
  ])
  const { epoch } = rows
  rows.advance([record(6)], 60, rowsOf(6, 'a'), undefined)
  expect(rows.epoch).not.toBe(epoch)
  expect(rows.covers('sc')).toBe(false)
})

test('a removed row is known to be missing, and removed from storage', () => {
  const rows = atFive()
  rows.advance([record(6)], 60, new Map([['sa', { key: 'a', row: undefined, touched: 6 }]]), undefined)
  expect(rows.folding('sa')).toEqual({ key: 'a', row: undefined, touched: 6 })
  expect(rows.writes()).toMatchObject({ puts: [{ id: 'b' }], removes: ['a'] })
})

test('after a jump nothing of before counts', () => {
  const rows = atFive()
  const { epoch } = rows
  rows.jump(checkpoint(9), 90)
  expect(rows.epoch).not.toBe(epoch)
  expect([rows.size, rows.dirty, rows.position]).toEqual([0, 0, 90])
  expect(rows.judge(checkpoint(5))).toBe('behind')
  expect(rows.judge(checkpoint(9))).toBe('usable')
})
