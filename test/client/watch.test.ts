import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { OutpostError } from '../../src/errors.ts'
import { type Realm, type RealmOptions, startRealm } from '../channel/realm.ts'
import { turns } from '../channel/turns.ts'

interface Row {
  readonly sku: string
  readonly name: string
  readonly onHand: number
}
const row = (sku: string, onHand = 0): Row => ({ sku, name: sku.toUpperCase(), onHand })

let realm: Realm
const start = (options?: RealmOptions): Realm => (realm = startRealm(options))
afterEach(() => realm.app.close())

const show = (rows: unknown, name = 'stockList'): void => realm.worker.engine.show(name, rows)
const watchAll = (): (readonly Row[])[] => {
  const results: (readonly Row[])[] = []
  realm.app.read.stockList.watch().subscribe((rows) => results.push(rows))
  return results
}

describe('a watched query', () => {
  test('tells its result now and after each change', async () => {
    start()
    realm.storage.results.set('stockList', [row('a')])
    const results = watchAll()
    await turns()
    show([row('a'), row('b')])
    await turns()
    expect(results).toEqual([[row('a')], [row('a'), row('b')]])
  })

  test('keeps the identity of rows that did not change, also where they moved', async () => {
    start()
    const [a, b, c] = [row('a'), row('b'), row('c')]
    show([a, b, c])
    const results = watchAll()
    await turns()
    show([c, a, row('b', 5)])
    await turns()
    const [before, after] = results as [Row[], Row[]]
    expect(after).toEqual([c, a, row('b', 5)])
    expect(after[0]).toBe(before[2])
    expect(after[1]).toBe(before[0])
    expect(after[2]).not.toBe(before[1])
  })

  test('ends as the worker’s rows, with identities kept, whatever changes at whatever pace', async () => {
    const ids = 'a b c d e f g h'.split(' ')
    const change = fc.record({
      ids: fc.uniqueArray(fc.constantFrom(...ids)),
      raise: fc.constantFrom(...ids),
      turns: fc.integer({ min: 0, max: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
        start()
        let pool = new Map(ids.map((id) => [id, row(id)]))
        show([...pool.values()])
        const results = watchAll()
        await turns()
        for (const { ids, raise, turns: pace } of changes) {
          pool = new Map(pool).set(raise, row(raise, (pool.get(raise)?.onHand ?? 0) + 1))
          show(ids.map((id) => pool.get(id)))
          await turns(pace)
        }
        await turns(12)
        const last = results.at(-1) as readonly Row[]
        expect(last).toEqual(realm.storage.results.get('stockList'))
        for (const [i, result] of results.entries())
          for (const one of result) {
            const before = results[i - 1]?.find(({ sku }) => sku === one.sku)
            if (before && before.onHand === one.onHand) expect(one).toBe(before)
          }
        await realm.app.close()
      }),
      { numRuns: 60 },
    )
  })

  test('says nothing while its rows stay the same', async () => {
    start()
    const rows = [row('a')]
    show(rows)
    const results = watchAll()
    const positions: number[] = []
    realm.app.read.stockList.snapshots().subscribe(({ position }) => positions.push(position))
    await turns()
    realm.storage.record({ id: 'c1', type: 'x' })
    show(rows)
    await turns()
    show([...rows])
    await turns()
    expect(positions).toEqual([0, 1, 1])
    expect(results).toHaveLength(1)
  })

  test('of one value tells each value', async () => {
    start()
    show(1)
    const counts: number[] = []
    realm.app.read.stockList
      .count()
      .watch()
      .subscribe((count) => counts.push(count))
    await turns()
    show(2)
    await turns()
    show(undefined)
    await turns()
    expect(counts).toEqual([1, 2, undefined])
  })

  test('gathers what changes before its last frame was acknowledged', async () => {
    start()
    show([])
    const results = watchAll()
    await turns()
    for (let i = 1; i <= 100; i++) show([row('a', i)])
    await turns()
    expect(results.length).toBeLessThanOrEqual(3)
    expect(results.at(-1)).toEqual([row('a', 100)])
  })

  test('goes with others that one commit changes in one message', async () => {
    start()
    const port = vi.spyOn(MessagePort.prototype, 'postMessage')
    realm.app.read.stockList.watch().subscribe()
    realm.app.read.orderList.watch().subscribe()
    await turns()
    port.mockClear()
    show([1])
    show([2], 'orderList')
    await turns()
    const framed = port.mock.calls.filter(([message]) => (message as { outpost?: { kind?: string } }).outpost?.kind === 'frames')
    expect(framed).toHaveLength(1)
    port.mockRestore()
  })
})

describe('watchers of equal queries', () => {
  const described = () => realm.app.read.stockList.where({ onHand: { from: 1, to: 5 } }).orderBy('name')

  test('share one query in the worker and one result on the page', async () => {
    start()
    realm.storage.results.set('stockList', [row('a')])
    const results: (readonly Row[])[] = []
    described()
      .watch()
      .subscribe((rows) => results.push(rows))
    described()
      .watch()
      .subscribe((rows) => results.push(rows))
    await turns()
    expect(realm.worker.engine.watches.size).toBe(1)
    expect(results).toHaveLength(2)
    expect(results[0]).toBe(results[1])
    described()
      .watch()
      .subscribe((rows) => results.push(rows))
    expect(results[2]).toBe(results[0])
  })

  test('who looks on after a Command of this page was acknowledged is first told what that has done', async () => {
    const { app, storage, worker } = start()
    show([row('a', 1)])
    const early = watchAll()
    await turns()
    await app.commands.stockItem.receive('a', { quantity: 4 })
    // Acknowledged; the frame that tells of its rows is still to come.
    storage.results.set('stockList', [row('a', 5)])
    const late = [watchAll(), watchAll()]
    await turns()
    expect(late).toEqual([[[row('a', 5)]], [[row('a', 5)]]])
    expect(early).toEqual([[row('a', 1)], [row('a', 5)]])
    expect(worker.messagesOf('subscribe')).toHaveLength(2)
    expect(worker.engine.watches.size).toBe(1)
  })

  test('are asked once about a Command that changed nothing for them', async () => {
    const { app, worker } = start()
    show([row('a', 1)])
    const early = watchAll()
    await turns()
    await app.commands.stockItem.receive('b', { quantity: 4 })
    const late = watchAll()
    expect(late).toEqual([])
    await turns()
    expect(late).toEqual([[row('a', 1)]])
    expect(late[0]).toBe(early[0])
    expect(early).toHaveLength(1)
    expect(watchAll()[0]).toBe(early[0])
    expect(worker.messagesOf('subscribe')).toHaveLength(2)
  })

  test('end it when the last one goes', async () => {
    start()
    const [first, second] = [described().watch().subscribe(), described().watch().subscribe()]
    realm.app.read.stockList.where({ onHand: 1 }).watch().subscribe()
    await turns()
    expect(realm.worker.engine.watches.size).toBe(2)
    first.unsubscribe()
    await turns()
    expect(realm.worker.engine.watches.size).toBe(2)
    second.unsubscribe()
    await turns()
    expect(realm.worker.engine.watches.size).toBe(1)
  })

  test('find it as it was where they come back within the tick', async () => {
    start()
    show([row('a')])
    const first = described().watch().subscribe()
    await turns()
    first.unsubscribe()
    const again = vi.fn<(rows: readonly Row[]) => void>()
    described().watch().subscribe(again)
    expect(again).toHaveBeenCalledTimes(1)
    await turns()
    expect(realm.worker.messagesOf('subscribe')).toHaveLength(1)
    expect(realm.worker.messagesOf('unsubscribe')).toHaveLength(0)
  })

  test('that come and go within a tick leave nothing behind', async () => {
    start()
    await turns()
    described().watch().subscribe().unsubscribe()
    await turns()
    expect(realm.worker.engine.watches.size).toBe(0)
  })

  test('thousands of them leave nothing behind', async () => {
    start()
    await turns()
    const watches = Array.from({ length: 5000 }, (_, i) =>
      realm.app.read.stockList
        .where({ onHand: i % 1000 })
        .watch()
        .subscribe(),
    )
    await turns()
    expect(realm.worker.engine.watches.size).toBe(1000)
    expect(realm.worker.messagesOf('subscribe')).toHaveLength(1000)
    for (const watch of watches) watch.unsubscribe()
    await turns()
    expect(realm.worker.engine.watches.size).toBe(0)
  })
})

describe('a watch that fails', () => {
  test('says why, and another of the same query asks again', async () => {
    start()
    const read = realm.app.read as unknown as Record<'unknown', typeof realm.app.read.stockList>
    const codes: string[] = []
    const fails = { error: ({ code }: OutpostError) => codes.push(code) }
    read.unknown.watch().subscribe(fails)
    read.unknown.watch().subscribe(fails)
    await turns()
    read.unknown.watch().subscribe(fails)
    await turns()
    expect(codes).toEqual(['unknown-read-model', 'unknown-read-model', 'unknown-read-model'])
    expect(realm.worker.messagesOf('subscribe')).toHaveLength(2)
  })

  test('because its result cannot cross fails alone', async () => {
    start()
    show({ rows: [() => 1] }, 'lowStock')
    const results = watchAll()
    const fails = vi.fn<(error: unknown) => void>()
    realm.app.read.lowStock({ below: 1 }).watch().subscribe({ error: fails })
    await turns()
    expect(fails).toHaveBeenCalledWith(expect.objectContaining({ code: 'invalid-query' }))
    expect(results).toHaveLength(1)
    await expect(Promise.resolve(realm.app.read.lowStock({ below: 1 }))).rejects.toMatchObject({ code: 'invalid-query' })
  })

  test('because its input cannot cross fails alone', async () => {
    start()
    const fails = vi.fn<(error: unknown) => void>()
    realm.app.read
      .lowStock({ below: (() => 1) as unknown as number })
      .watch()
      .subscribe({ error: fails })
    const results = watchAll()
    await turns()
    expect(fails).toHaveBeenCalledWith(expect.objectContaining({ code: 'invalid-query' }))
    expect(results).toHaveLength(1)
  })
})

describe('when the worker was replaced', () => {
  test('an unchanged result says nothing, and later changes are told as before', async () => {
    start()
    show([row('a'), row('b')])
    const results = watchAll()
    const snapshots = vi.fn<() => void>()
    realm.app.read.stockList.snapshots().subscribe(snapshots)
    await turns()
    realm.worker.kill()
    await turns()
    expect(realm.workers).toHaveLength(2)
    expect(realm.worker.engine.watches.size).toBe(1)
    expect(results).toHaveLength(1)
    expect(snapshots).toHaveBeenCalledTimes(1)
    show([row('a'), row('b'), row('c')])
    await turns()
    expect(results).toEqual([
      [row('a'), row('b')],
      [row('a'), row('b'), row('c')],
    ])
  })

  test('rows that are equal stay the objects they were', async () => {
    start()
    const dated = { sku: 'd', at: new Date(5), tags: new Map([['x', 1n]]) }
    show([row('a'), row('b'), dated])
    const results = watchAll()
    await turns()
    realm.storage.results.set('stockList', [structuredClone(dated), row('a'), row('b', 9)])
    realm.worker.kill()
    await turns()
    const [before, after] = results as [Row[], Row[]]
    expect(after).toEqual([dated, row('a'), row('b', 9)])
    expect(after[0]).toBe(before[2])
    expect(after[1]).toBe(before[0])
  })

  test('one value that is equal says nothing', async () => {
    start()
    show({ total: 5 })
    const totals = vi.fn<() => void>()
    realm.app.read.stockList.first().watch().subscribe(totals)
    await turns()
    realm.worker.kill()
    await turns()
    expect(totals).toHaveBeenCalledTimes(1)
  })
})

describe('a query', () => {
  test('is awaited for its result, or asked how fresh it is', async () => {
    start()
    realm.storage.results.set('stockList', [row('a')])
    expect(await realm.app.read.stockList.where({ sku: { prefix: 'a' } })).toEqual([row('a')])
    expect(await realm.app.read.stockList.snapshot()).toEqual({ data: [row('a')], position: 0, stale: false })
    expect(realm.worker.engine.runs[0]?.query).toMatchObject({ kind: 'rows', model: 'stockList', where: { sku: [{ prefix: 'a' }] } })
  })

  test('of a name of the domain takes its input', async () => {
    start()
    realm.storage.results.set('lowStock', ['x'])
    expect(await realm.app.read.lowStock({ below: 3 })).toEqual(['x'])
    expect(realm.worker.engine.runs[0]?.query).toEqual({ kind: 'named', query: 'lowStock', input: { below: 3 } })
  })

  test('of one row goes by its key', async () => {
    start()
    await realm.app.read.stockList.get('a')
    expect(realm.worker.engine.runs[0]?.query).toEqual({ kind: 'get', model: 'stockList', key: 'a' })
  })
})
