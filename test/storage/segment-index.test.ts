import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { hash53 } from '../../src/storage/hash.ts'
import { FAN_OUT, MOST_BLOCKS_OF_MERGE } from '../../src/storage/merge-runs.ts'
import { BLOCKS_PER_FILTER, ENTRIES_PER_BLOCK, openBlock } from '../../src/storage/packed-run.ts'
import { openSegmentIndex } from '../../src/storage/segment-index.ts'
import { anError, fill, recordOf, recordsOf, runsIn, segmentsOf, small } from './segment-fixture.ts'
import type { WatchedSegments } from './segment-fixture.ts'

describe('the packed index', () => {
  test('finds Commands newest first and streams in order, in memory and on disk alike', async () => {
    const store = await segmentsOf()
    const index = await openSegmentIndex(store)
    index.add(recordOf(1, ['a', 'b'], ['item/x', 'item/x', 'order/x']))
    index.add(recordOf(2, ['c'], ['item/y']))
    index.add(recordOf(3, ['a'], ['item/x']))
    const ask = async () => [
      await index.findCommands(['a', 'b', 'none', 'c', 'a']),
      await index.findStream('item', 'x'),
      await index.findStream('order', 'y'),
    ]
    const expected = [[[3, 1], [1], [], [2], [3, 1]], [1, 3], []]
    expect(await ask()).toEqual(expected)
    expect(index.pending).toBe(4 + 4)
    expect(index.checkpoint).toBeUndefined()
    expect(await index.flush()).toBe('saved')
    expect(index.pending).toBe(0)
    expect(index.checkpoint).toEqual({ record: 3, id: 'r3' })
    expect(await ask()).toEqual(expected)
    index.add(recordOf(4, ['a'], ['item/x']))
    expect(await index.findCommands(['a'])).toEqual([[4, 3, 1]])
    expect(await index.findStream('item', 'x')).toEqual([1, 3, 4])

    const reopened = await openSegmentIndex(store)
    expect(reopened.checkpoint).toEqual({ record: 3, id: 'r3' })
    expect(reopened.head).toEqual({ record: 3, id: 'r3' })
    expect(await reopened.findCommands(['a', 'c'])).toEqual([[3, 1], [2]])
    reopened.add(recordOf(2, ['c']))
    expect(reopened.pending).toBe(0)
  })

  test('holds refused Commands, and passes over records without any', async () => {
    const store = await segmentsOf()
    const index = await openSegmentIndex(store)
    const record = recordOf(1, ['refused'])
    index.add({
      ...record,
      commands: record.commands.map((command) => ({ ...command, outcome: { ok: false, refusal: 'no', details: {} } })),
    })
    index.add(recordOf(2, []))
    await index.flush()
    expect(await index.findCommands(['refused'])).toEqual([[1]])
    index.add(recordOf(3, []))
    expect(await index.flush()).toBe('saved')
    expect(index.checkpoint?.record).toBe(3)
    expect(await index.flush()).toBe('idle')
    expect(await (await openSegmentIndex(store)).findCommands(['refused'])).toEqual([[1]])
  })

  test('refuses a record that does not follow the last one', async () => {
    const index = await openSegmentIndex(await segmentsOf())
    index.add(recordOf(1, ['a']))
    expect(() => index.add(recordOf(3, ['c']))).toThrow(anError('storage-failed'))
    expect(index.head.record).toBe(1)
  })

  test('answers as of the call while records are added and flushed meanwhile', async () => {
    const index = await openSegmentIndex(await segmentsOf(), small)
    await fill(index, recordsOf(1, 20), 5)
    const early = index.findCommands(['c20-0', 'late'])
    index.add(recordOf(21, ['late', 'c20-0']))
    const flushed = index.flush()
    const late = index.findCommands(['c20-0', 'late'])
    index.add(recordOf(22, ['late']))
    expect(await early).toEqual([[20], []])
    expect(await late).toEqual([[21, 20], [21]])
    await flushed
    expect(await index.findCommands(['late'])).toEqual([[22, 21]])
  })

  test.each<[string, (text: string) => number]>([
    ['all at the highest value', () => 2 ** 53 - 1],
    ['all at zero', () => 0],
    ['three values', (text) => hash53(text) % 3],
  ])('loses nothing to equal hashes: %s', async (_, hash) => {
    const store = await segmentsOf()
    const index = await openSegmentIndex(store, { entriesPerBlock: 2, hash })
    await fill(index, recordsOf(1, 150, 5, 2), 3)
    expect((await runsIn(store, 'commands')).some(({ firsts }) => firsts.length > BLOCKS_PER_FILTER)).toBe(true)
    const found = await index.findCommands(Array.from({ length: 150 }, (_, i) => `c${i + 1}-4`))
    for (const [i, records] of found.entries()) expect(records).toContain(i + 1)
    const records = await index.findStream('item', 's3')
    expect(records).toEqual([...new Set(records)].sort((a, b) => a - b))
    for (let n = 1; n <= 150; n++) if (n % 7 === 3 || n % 7 === 2) expect(records).toContain(n)
  })

  test('refuses a catalogue of a newer format', async () => {
    const store = await segmentsOf()
    const catalogue = { format: 2, something: 'else' }
    await store.save({ expected: undefined, checkpoint: { record: 9, id: 'r9' }, catalogue, puts: [], removes: [] })
    await expect(openSegmentIndex(store)).rejects.toEqual(anError('storage-newer'))
  })
})

describe('hazard 5, old id: with a million Commands in the log', () => {
  let store: WatchedSegments
  let runs: number
  beforeAll(async () => {
    store = await segmentsOf()
    const index = await openSegmentIndex(store)
    for (let number = 1; number <= 1000; number++) {
      index.add(
        recordOf(
          number,
          Array.from({ length: 1000 }, (_, i) => `order-${(number - 1) * 1000 + i}`),
        ),
      )
      if (number % 3 === 1) await index.flush()
    }
    runs = (await runsIn(store, 'commands')).length
  }, 60_000)

  test('the runs stay few, every block is below 32 KiB and every flush is bounded', async () => {
    const catalogued = await runsIn(store, 'commands')
    expect(catalogued.reduce((sum, { entries }) => sum + entries, 0)).toBe(1_000_000)
    expect(runs).toBeLessThanOrEqual(24)
    const puts = store.saves.map((save) => save.puts)
    expect(Math.max(...puts.map(({ length }) => length))).toBeLessThanOrEqual(MOST_BLOCKS_OF_MERGE * 1.125 + 3)
    expect(Math.max(...puts.flat().map(({ bytes }) => bytes.byteLength))).toBeLessThan(32 * 1024)
    const stored = new Set(catalogued.map(({ run }) => run))
    const bytes = puts.flat().reduce((sum, block) => sum + (stored.has(block.run) ? block.bytes.byteLength : 0), 0)
    // 12 bytes and 12 bits an entry.
    expect(bytes).toBeGreaterThanOrEqual(13_500_000)
    expect(bytes).toBeLessThan(13_500_000 + 100)
  })

  test('ten thousand ids of an old import are all found in a handful of reads', async () => {
    const index = await openSegmentIndex(store)
    const ids = Array.from({ length: 10_000 }, (_, i) => i * 97)
    const { answer, calls, blocks } = await store.count(() => index.findCommands(ids.map((i) => `order-${i}`)))
    expect(answer).toEqual(ids.map((i) => [Math.floor(i / 1000) + 1]))
    expect(calls).toBeLessThanOrEqual(3)
    const entryBlocks = 1_000_000 / ENTRIES_PER_BLOCK
    expect(blocks).toBeLessThanOrEqual(entryBlocks * 1.125 + 2 * runs)
    // Filters stay in memory, of the entries' blocks only 64.
    const again = await store.count(() => index.findCommands(ids.map((i) => `order-${i}`)))
    expect(again.answer).toEqual(answer)
    expect(again.blocks).toBeGreaterThanOrEqual(entryBlocks - 64)
    expect(again.blocks).toBeLessThanOrEqual(entryBlocks + runs)
  })

  test('one id is found in two reads, of one filter a run and hardly a block more than the one it is in', async () => {
    const index = await openSegmentIndex(store)
    const cold = await store.count(() => index.findCommands(['order-123456']))
    expect(cold.answer).toEqual([[124]])
    expect(cold.calls).toBe(2)
    expect(cold.blocks).toBeLessThanOrEqual(runs + 3)
    const again = await store.count(() => index.findCommands(['order-123456']))
    expect(again).toEqual({ answer: [[124]], calls: 0, blocks: 0 })
  })

  test('an id that was never seen mostly costs no read at all', async () => {
    const index = await openSegmentIndex(store)
    await index.findCommands(Array.from({ length: 2000 }, (_, i) => `warm-${i}`))
    let read = 0
    for (let i = 0; i < 500; i++) {
      const { answer, calls, blocks } = await store.count(() => index.findCommands([`unseen-${i}`]))
      expect(answer).toEqual([[]])
      expect(calls).toBeLessThanOrEqual(1)
      read += blocks
    }
    expect(read).toBeLessThan(50)
  })

  test('a flush leaves its filters in memory', async () => {
    const fresh = await segmentsOf()
    const index = await openSegmentIndex(fresh)
    await fill(index, [recordOf(1, ['a', 'z'])], 1)
    // Absent, and in order between the two that are there: only the filter can tell.
    const between = Array.from({ length: 100 }, (_, i) => `x${i}`).filter((id) => Math.min(hash53('a'), hash53('z')) < hash53(id))
    expect(between.length).toBeGreaterThan(10)
    expect((await fresh.count(() => index.findCommands(between.slice(0, 5)))).calls).toBe(0)
  })
})

describe('a block', () => {
  const bytes = new Uint8Array(new Float64Array([1, 2, 3]).buffer)

  test('opens from any place in a buffer', () => {
    const at4 = new Uint8Array(28).subarray(4)
    at4.set(bytes)
    expect(openBlock(at4)).toEqual(openBlock(bytes))
    expect([...openBlock(bytes).hashes]).toEqual([1, 2])
  })

  test('of a damaged length is refused', () => {
    expect(() => openBlock(bytes.subarray(0, 20))).toThrow(anError('storage-failed'))
  })
})

describe('merging', () => {
  const flushSizes = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 6 }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 60 }) },
      fc.integer({ min: 200, max: 900 }),
    ),
    { minLength: 100, maxLength: 400 },
  )

  test('keeps the number of runs within what their size asks for, however large or small the flushes', async () => {
    await fc.assert(
      fc.asyncProperty(flushSizes, async (sizes) => {
        const store = await segmentsOf()
        const index = await openSegmentIndex(store, small)
        let entries = 0
        for (const [i, size] of sizes.entries()) {
          await fill(index, recordsOf(i + 1, i + 1, size, size % 3), 1)
          entries += size
          const runs = await runsIn(store, 'commands')
          expect(runs.reduce((sum, run) => sum + run.entries, 0)).toBe(entries)
          // Four sizes that are merged eight at a time (two may wait for their turn), and runs too long for it.
          expect(runs.length).toBeLessThanOrEqual(4 * (FAN_OUT + 2) + entries / 4 / (MOST_BLOCKS_OF_MERGE / 2))
          expect(runs.every(({ firsts }) => firsts.length <= MOST_BLOCKS_OF_MERGE)).toBe(true)
        }
        const ids = sizes.flatMap((size, i) => Array.from({ length: size }, (_, j) => ({ id: `c${i + 1}-${j}`, number: i + 1 })))
        expect(await index.findCommands(ids.map(({ id }) => id))).toEqual(ids.map(({ number }) => [number]))
      }),
      { numRuns: 8 },
    )
  }, 60_000)

  test('removes what it merged from the store', async () => {
    const store = await segmentsOf()
    const index = await openSegmentIndex(store, small)
    await fill(index, recordsOf(1, 300, 3, 2), 2)
    const removed = store.saves.flatMap(({ removes }) => removes)
    expect(removed.length).toBeGreaterThan(100)
    const blocks = await store.blocks(removed.map(({ index: name, run }) => ({ index: name, run, block: 0 })))
    expect(blocks.every((bytes) => bytes === undefined)).toBe(true)
    const stored = [...(await runsIn(store, 'commands')), ...(await runsIn(store, 'streams'))]
    expect(stored.length + removed.length).toBe(store.usedRuns.size)
  })
})
