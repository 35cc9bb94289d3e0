import { afterEach, expect, test } from 'vitest'
import { isPending } from 'outpost/client'
import { isPending as isPendingInReact } from 'outpost/react'
import { type Realm, startRealm } from '../channel/realm.ts'
import { turns } from '../channel/turns.ts'

interface Row {
  readonly sku: string
  readonly onHand: number
}
const row = (sku: string, onHand = 0): Row => ({ sku, onHand })

let realm: Realm
afterEach(() => realm.app.close())

/** What a watched list of rows told, in order. */
async function watched(rows: readonly Row[], pending?: readonly number[]): Promise<(readonly Row[])[]> {
  realm = startRealm()
  const results: (readonly Row[])[] = []
  realm.worker.engine.show('stockList', rows, pending)
  realm.app.read.stockList.watch().subscribe((told) => results.push(told as unknown as readonly Row[]))
  await turns()
  return results
}
const show = async (rows: readonly Row[], pending?: readonly number[]): Promise<void> => {
  realm.worker.engine.show('stockList', rows, pending)
  await turns()
}
const marks = (rows: readonly Row[] | undefined): boolean[] => (rows ?? []).map(isPending)

test('rows that rest on pending Commands say so, also to components', async () => {
  const results = await watched([row('a'), row('b')], [1])
  expect(results).toEqual([[row('a'), row('b')]])
  expect(marks(results[0])).toEqual([false, true])
  expect(results[0]?.map(isPendingInReact)).toEqual([false, true])
})

test('where only the mark of a row changes, that row alone is another object', async () => {
  const rows = [row('a'), row('b'), row('c')]
  const results = await watched(rows, [1])
  await show(rows, [1, 2])
  await show(rows)
  expect(results.map(marks)).toEqual([
    [false, true, false],
    [false, true, true],
    [false, false, false],
  ])
  const [first, second, third] = results as [Row[], Row[], Row[]]
  expect(second).toEqual(first)
  expect([second[0] === first[0], second[1] === first[1], second[2] === first[2]]).toEqual([true, true, false])
  expect([third[0] === second[0], third[1] === second[1], third[2] === second[2]]).toEqual([true, false, false])
})

test('a mark goes with its row where others come and go before it', async () => {
  const [a, b] = [row('a'), row('b')]
  const results = await watched([a, b], [1])
  await show([row('0'), a, b], [2])
  await show([b], [0])
  expect(results.map(marks)).toEqual([[false, true], [false, false, true], [true]])
  expect(results[2]?.[0]).toBe(results[0]?.[1])
})

test('a single row, asked for once or watched, is marked too; what is no row is left alone', async () => {
  await watched([])
  const results: unknown[] = []
  realm.worker.engine.show('stockList', row('a'), [0])
  realm.app.read.stockList
    .get('a')
    .watch()
    .subscribe((told) => results.push(told))
  await turns()
  realm.worker.engine.show('stockList', row('a'))
  await turns()
  expect(results.map((told) => [told, isPending(told as object)])).toEqual([
    [row('a'), true],
    [row('a'), false],
  ])
  realm.worker.engine.show('stockList', row('a'), [0])
  const snapshot = await realm.app.read.stockList.get('a').snapshot()
  expect(snapshot).toMatchObject({ data: row('a'), pending: [0] })
  expect(isPending(snapshot.data as object)).toBe(true)
  realm.worker.engine.show('stockList', 7)
  expect(await realm.app.read.stockList.count()).toBe(7)
})

test('a worker that takes over finds rows as they were: the same objects where the mark is the same', async () => {
  const rows = [row('a'), row('b')]
  const results = await watched(rows, [1])
  realm.storage.pending.set('stockList', [0, 1])
  realm.worker.kill()
  await turns(20)
  expect(results.map(marks)).toEqual([
    [false, true],
    [true, true],
  ])
  expect(results[1]?.[1]).toBe(results[0]?.[1])
  realm.worker.kill()
  await turns(20)
  expect(results).toHaveLength(2)
})
