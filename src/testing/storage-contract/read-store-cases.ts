import { compareKeys } from '../../storage/key.ts'
import type { Key, KeyRange, ReadStore, ReadStoreSchema, Row, RowWrites, Scan } from '../../storage/storage.ts'
import { assert, assertSame } from './assert.ts'
import { contractCase } from './contract-case.ts'
import { checkpoint, ODD_STRINGS, oddValues } from './samples.ts'

const plain: ReadStoreSchema = { key: 'id', indexes: [] }
const stock: ReadStoreSchema = { key: 'id', indexes: [['group'], ['group', 'size'], ['size', 'group', 'id']] }

const fill = async (store: ReadStore, puts: readonly Row[], removes: readonly Key[] = []): Promise<void> => {
  const { checkpoint: expected } = await store.scan({ limit: 1 })
  const write: RowWrites = { expected, checkpoint: checkpoint((expected?.record ?? 0) + 1), puts, removes }
  assertSame(await store.save(write), 'saved', 'save')
}

const idsOf = async (store: ReadStore, scan: Scan) => (await store.scan(scan)).rows.map(({ id }) => id)

/** What a scan should give, by sorting and filtering in the plainest way. */
function expectedOf(rows: readonly Row[], { key, indexes }: ReadStoreSchema, scan: Scan): Row[] {
  const fields = scan.index === undefined ? [key] : (indexes[scan.index] ?? [])
  const keyOf = (row: Row): Key => (fields.length === 1 ? row[fields[0] as string] : fields.map((field) => row[field])) as Key
  const { lower, upper, lowerOpen, upperOpen } = scan.range ?? {}
  const found = rows
    .filter((row) => lower === undefined || compareKeys(keyOf(row), lower) > 0 || (!lowerOpen && compareKeys(keyOf(row), lower) === 0))
    .filter((row) => upper === undefined || compareKeys(keyOf(row), upper) < 0 || (!upperOpen && compareKeys(keyOf(row), upper) === 0))
    .sort((a, b) => compareKeys(keyOf(a), keyOf(b)) || compareKeys(a[key] as Key, b[key] as Key))
  if (scan.reverse) found.reverse()
  return found.filter((row) => scan.filter?.(row) ?? true).slice(0, scan.limit)
}

async function assertScan(store: ReadStore, rows: readonly Row[], schema: ReadStoreSchema, scan: Scan, what: string): Promise<void> {
  const expected = expectedOf(rows, schema, scan)
  assertSame((await store.scan(scan)).rows, expected, `${what}: rows of ${JSON.stringify(scan)}`)
  const { limit: _, ...all } = scan
  assertSame((await store.count(scan)).count, expectedOf(rows, schema, all).length, `${what}: count of ${JSON.stringify(scan)}`)
}

/** All combinations of ends, open and closed, with and without each. */
const rangesOver = (keys: readonly Key[]): KeyRange[] => [
  {},
  ...keys.flatMap((key) =>
    [true, false].flatMap((open) => [
      { lower: key, lowerOpen: open },
      { upper: key, upperOpen: open },
    ]),
  ),
  ...keys.flatMap((lower) =>
    keys.flatMap((upper) =>
      [true, false].flatMap((lowerOpen) => [true, false].map((upperOpen) => ({ lower, upper, lowerOpen, upperOpen }))),
    ),
  ),
]

export const readStoreCases = [
  contractCase('a new read store has no rows and no checkpoint', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    assertSame(await store.checkpoint(), undefined, 'checkpoint')
    assertSame(await store.load(['a']), { checkpoint: undefined, rows: [undefined] }, 'load')
    assertSame(await store.scan({ index: 1 }), { checkpoint: undefined, rows: [] }, 'scan')
    assertSame(await store.count({}), { checkpoint: undefined, count: 0 }, 'count')
  }),

  contractCase('rows come back by key in the order asked, with the checkpoint they are as of', async ({ openReadStore }) => {
    const [store, other] = [await openReadStore(plain, 0), await openReadStore(plain, 1)]
    await fill(store, [
      { id: 'a', n: 1 },
      { id: 'b', n: 1 },
      { id: 'c', n: 1 },
    ])
    await fill(store, [{ id: 'b', n: 2 }], ['c', 'none'])
    const rows = [{ id: 'b', n: 2 }, undefined, { id: 'a', n: 1 }, undefined]
    assertSame(await other.load(['b', 'none', 'a', 'c']), { checkpoint: checkpoint(2), rows }, 'load')
    assertSame(await other.load([]), { checkpoint: checkpoint(2), rows: [] }, 'load of nothing')
    assertSame(await other.checkpoint(), checkpoint(2), 'checkpoint')
    assertSame(await other.count({}), { checkpoint: checkpoint(2), count: 2 }, 'count')
  }),

  contractCase('a save that makes way, now and then, writes all of its rows', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    const puts = Array.from({ length: 300 }, (_, n) => ({ id: n, group: n % 3 }))
    let asked = 0
    const isBusy = (): boolean => asked++ % 3 > 0
    assertSame(await store.save({ expected: undefined, checkpoint: checkpoint(1), puts, removes: [] }, isBusy), 'saved', 'save')
    assertSame((await store.scan({})).rows, puts, 'rows')
    assertSame((await store.count({ index: 0, range: { lower: 1, upper: 1 } })).count, 100, 'rows of one group')
  }),

  contractCase('a save of rows over another checkpoint than the stored one is stale and writes nothing', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    await fill(store, [{ id: 'a', group: 1 }])
    for (const expected of [undefined, checkpoint(2), checkpoint(1, 'other')]) {
      const attempt = {
        expected,
        checkpoint: checkpoint(3),
        puts: [
          { id: 'a', group: 2 },
          { id: 'b', group: 2 },
        ],
        removes: ['a'],
      }
      assertSame(await store.save(attempt), 'stale', 'save')
    }
    assertSame(await store.scan({ index: 0 }), { checkpoint: checkpoint(1), rows: [{ id: 'a', group: 1 }] }, 'rows')
  }),

  contractCase('of two saves of rows from one checkpoint one is saved and the other stale', async ({ openReadStore }) => {
    const stores = [await openReadStore(plain, 0), await openReadStore(plain, 1)]
    for (let number = 0; number < 10; number++) {
      const expected = number ? checkpoint(number) : undefined
      const write = { expected, checkpoint: checkpoint(number + 1), removes: [] }
      const outcomes = await Promise.all(stores.map((store, tab) => store.save({ ...write, puts: [{ id: 'a', tab }] })))
      assertSame([...outcomes].sort(), ['saved', 'stale'], `outcomes of round ${number}`)
      assertSame((await stores[0]?.load(['a']))?.rows, [{ id: 'a', tab: outcomes.indexOf('saved') }], `row of round ${number}`)
    }
  }),

  contractCase('a row comes back exactly as it was given, whatever its key', async ({ openReadStore }) => {
    const [store, other] = [await openReadStore(plain, 0), await openReadStore(plain, 1)]
    const keys: Key[] = [...ODD_STRINGS, 0, -1.5, Infinity, -Infinity, new Date(0), [], ['a', [1, new Date(5)]]]
    const rows = () => keys.map((id) => ({ ...oddValues(), id }))
    await fill(store, rows())
    assertSame((await other.load(keys)).rows, rows(), 'rows')
  }),

  contractCase('rows come by primary key: numbers, dates, strings by code unit, arrays', async ({ openReadStore }) => {
    const store = await openReadStore(plain)
    const ordered: Key[] = [
      -Infinity,
      -2,
      0,
      1.5,
      10,
      Infinity,
      new Date(-5),
      new Date(3),
      '',
      '\u0000',
      '10',
      '9',
      'Z',
      'a',
      'a\u0000',
      'aa',
      'z',
      'é',
      '\ud83d\ude00',
      '\ue000',
      '\uffff',
      [],
      [-1],
      [1],
      [1, 'a'],
      [new Date(0)],
      ['a'],
      ['a', 'b'],
      [[]],
      [[1]],
    ]
    const rows = ordered.map((id) => ({ id }))
    await fill(store, [...rows].reverse())
    assertSame((await store.scan({})).rows, rows, 'upwards')
    assertSame((await store.scan({ reverse: true })).rows, [...rows].reverse(), 'downwards')
    for (const range of rangesOver([-2, 5, new Date(0), '', 'a', '\ud83d\ude00', [], [1], ['a']])) {
      await assertScan(store, rows, plain, { range }, 'primary key')
    }
  }),

  contractCase('rows of equal index key come by primary key, in the direction of the scan', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    await fill(
      store,
      ['d', 'b', 'a', 'c', 'e'].map((id, i) => ({ id, group: i < 4 ? 'same' : 'other', size: 1 })),
    )
    assertSame(await idsOf(store, { index: 0 }), ['e', 'a', 'b', 'c', 'd'], 'upwards')
    assertSame(await idsOf(store, { index: 0, reverse: true }), ['d', 'c', 'b', 'a', 'e'], 'downwards')
    assertSame(await idsOf(store, { index: 1, limit: 3 }), ['e', 'a', 'b'], 'compound, upwards')
    assertSame(await idsOf(store, { index: 1, reverse: true, limit: 3 }), ['d', 'c', 'b'], 'compound, downwards')
  }),

  contractCase('a range holds the index keys between its ends, open or closed, also on compound indexes', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    const rows = ['a', 'b', 'c'].flatMap((group) =>
      [-1, 0, 1].flatMap((size) => [`${group}${size}/1`, `${group}${size}/2`].map((id) => ({ id, group, size }))),
    )
    await fill(store, rows)
    for (const range of rangesOver(['a', 'b', 'bb', 5])) await assertScan(store, rows, stock, { index: 0, range }, 'one field')
    const compound: Key[] = [['a'], ['b', 0], ['b', []], ['b', 0, 'longer'], [], 'no array', [['z']]]
    for (const range of rangesOver(compound)) await assertScan(store, rows, stock, { index: 1, range }, 'two fields')
    for (const reverse of [true, false]) {
      const range = { lower: [0, 'b', 'b0/1'], upper: [1, 'b', 'b1/2'], lowerOpen: true }
      await assertScan(store, rows, stock, { index: 2, range, reverse, limit: 4 }, 'three fields, the key among them')
    }
  }),

  contractCase('a range whose ends are crossed holds nothing', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    await fill(store, [
      { id: 'a', group: 'a' },
      { id: 'b', group: 'b' },
    ])
    for (const index of [undefined, 0]) {
      for (const range of [
        { lower: 'b', upper: 'a' },
        { lower: 'a', upper: 'a', upperOpen: true },
        { lower: 'a', upper: 'a', lowerOpen: true },
      ]) {
        const scan: Scan = { range, ...(index !== undefined && { index }) }
        assertSame(await store.scan(scan), { checkpoint: checkpoint(1), rows: [] }, 'rows')
        assertSame(await store.scan({ ...scan, reverse: true }), { checkpoint: checkpoint(1), rows: [] }, 'rows downwards')
        assertSame(await store.count(scan), { checkpoint: checkpoint(1), count: 0 }, 'count')
        assertSame((await store.count({ ...scan, filter: () => true })).count, 0, 'filtered count')
      }
    }
  }),

  contractCase('a row with a field that is no key is in no index over that field, and in the others', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    const noKeys: unknown[] = [undefined, null, true, false, Number.NaN, 1n, {}, new Date(Number.NaN), [1, null], new Map()]
    await fill(store, [
      { id: 'whole', group: 'g', size: 1 },
      { id: 'absent', size: 1 },
      ...noKeys.map((group, i) => ({ id: `no key ${i}`, group, size: 1 })),
      { id: 'half', group: 'g', size: null },
    ])
    assertSame(await idsOf(store, { index: 0 }), ['half', 'whole'], 'index over the field')
    assertSame(await idsOf(store, { index: 1 }), ['whole'], 'compound index')
    assertSame((await store.count({ index: 0 })).count, 2, 'count')
    assertSame((await store.count({})).count, noKeys.length + 3, 'count by primary key')
  }),

  contractCase('a changed row leaves its old place in the indexes, a removed one all of them', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    await fill(
      store,
      ['a', 'b', 'c'].map((id) => ({ id, group: 'old', size: 1 })),
    )
    await fill(
      store,
      [
        { id: 'a', group: 'new', size: 1 },
        { id: 'b', group: null, size: 1 },
      ],
      ['c'],
    )
    assertSame(await idsOf(store, { index: 0 }), ['a'], 'index')
    assertSame(await idsOf(store, { index: 0, range: { lower: 'old', upper: 'old' } }), [], 'old value')
    assertSame(await idsOf(store, {}), ['a', 'b'], 'primary key')
  }),

  contractCase('a limit ends a scan, and is ignored by a count', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    const rows = Array.from({ length: 20 }, (_, id) => ({ id, group: id % 2, size: 1 }))
    await fill(store, rows)
    for (const limit of [0, 1, 7, 20, 21, Infinity]) {
      for (const reverse of [false, true]) {
        await assertScan(store, rows, stock, { limit, reverse }, 'primary key')
        await assertScan(store, rows, stock, { index: 0, limit, reverse, filter: ({ id }) => Number(id) % 3 === 0 }, 'index and filter')
      }
    }
  }),

  contractCase('a scan over many pages loses and doubles no row, however many share an index key', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    const rows: Row[] = Array.from({ length: 1_150 }, (_, i) => ({
      id: `row ${i}`,
      group: i < 1_010 ? 'many' : `few ${i % 5}`,
      size: i % 3,
    }))
    await fill(store, rows)
    let asked = 0
    const { count } = await store.count({ filter: () => asked++ >= 0 })
    assertSame([asked, count], [rows.length, rows.length], 'the filter of a count is asked once for each row')
    for (const reverse of [false, true]) {
      for (const index of [undefined, 0, 1, 2]) {
        const scan: Scan = { reverse, ...(index !== undefined && { index }) }
        await assertScan(store, rows, stock, scan, 'all rows')
        await assertScan(store, rows, stock, { ...scan, limit: 1_090 }, 'limit beyond a page')
        await assertScan(store, rows, stock, { ...scan, filter: ({ id }) => String(id).endsWith('7'), limit: 90 }, 'filter and limit')
      }
      await assertScan(store, rows, stock, { index: 0, reverse, range: { lower: 'few 3', upper: 'many', lowerOpen: true } }, 'range')
      await assertScan(
        store,
        rows,
        stock,
        { index: 0, reverse, range: { lower: 'many', upper: 'many' }, filter: ({ size }) => size === 2, limit: 300 },
        'one key',
      )
    }
  }),

  contractCase('a filter that throws ends the scan with its error', async ({ openReadStore }) => {
    const store = await openReadStore(stock)
    await fill(store, [{ id: 'a', group: 1 }])
    const thrown = new Error('thrown by the filter')
    const filter = () => {
      throw thrown
    }
    for (const read of [() => store.scan({ filter }), () => store.scan({ filter, reverse: true }), () => store.count({ filter })]) {
      const caught = await read().then(
        () => undefined,
        (error: unknown) => error,
      )
      assert(caught === thrown, 'the error of the filter is passed on')
    }
    assertSame((await store.count({})).count, 1, 'the next count')
  }),

  contractCase('what a reader gets is of one moment: rows of all pages, and the checkpoint', async ({ openReadStore }) => {
    const [writer, reader] = [await openReadStore(plain, 0), await openReadStore(plain, 1)]
    const generations = 12
    const rowsOf = (n: number) => Array.from({ length: 1_500 }, (_, id) => ({ id, n }))
    const write = async () => {
      for (let n = 2; n <= generations; n++) await fill(writer, rowsOf(n))
    }
    const read = async () => {
      for (let n: number | undefined; n !== generations;) {
        const { rows, checkpoint } = await reader.scan({ filter: () => true, limit: 1_400 })
        n = checkpoint?.record
        assertSame(rows.length, 1_400, 'rows')
        assertSame(
          rows.filter((row) => row['n'] !== n),
          [],
          `rows that are not of checkpoint ${n}`,
        )
        const some = await reader.load([0, 1_499])
        assertSame(
          some.rows.map((row) => row?.['n']),
          [some.checkpoint?.record, some.checkpoint?.record],
          'loaded rows',
        )
      }
    }
    await fill(writer, rowsOf(1))
    await Promise.all([write(), read()])
  }),
]
