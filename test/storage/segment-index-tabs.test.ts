import { describe, expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { Checkpoint } from '../../src/storage/record.ts'
import { openSegmentIndex } from '../../src/storage/segment-index.ts'
import type { SegmentIndex } from '../../src/storage/segment-index.ts'
import type { LogStorage } from '../../src/storage/storage.ts'
import { addAll, anError, fill, recordOf, recordsOf, runsIn, segmentsOf, small, twoTabs } from './segment-fixture.ts'

describe('the packed index of two tabs', () => {
  test('a stale flush writes nothing, drops what the other tab wrote and keeps the rest', async () => {
    const { storeA, storeB } = await twoTabs()
    const [a, b] = [await openSegmentIndex(storeA), await openSegmentIndex(storeB)]
    addAll(a, recordsOf(1, 10, 3, 4))
    addAll(b, recordsOf(1, 12, 3, 4))
    expect(await a.flush()).toBe('saved')
    expect(await b.flush()).toBe('stale')
    expect(storeB.saves).toEqual([])
    expect(b.pending).toBe(2 * (3 + 4))
    expect(await b.findStream('item', 's6')).toEqual([3, 4, 5, 6, 10, 11, 12])
    expect(b.checkpoint).toEqual({ record: 10, id: 'r10' })
    expect(await b.findCommands(['c1-0', 'c10-2', 'c11-0', 'c12-2', 'c13-0'])).toEqual([[1], [10], [11], [12], []])
    expect(await b.flush()).toBe('saved')
    expect((await runsIn(storeB, 'commands')).map(({ entries }) => entries)).toEqual([30, 6])
    expect(await (await openSegmentIndex(storeA)).findCommands(['c1-0', 'c10-2', 'c11-0', 'c12-2'])).toEqual([[1], [10], [11], [12]])
  })

  test('a tab that is behind answers for what it has added, and writes nothing until it has caught up', async () => {
    const { storeA, storeB } = await twoTabs()
    const [a, b] = [await openSegmentIndex(storeA), await openSegmentIndex(storeB)]
    addAll(b, recordsOf(1, 5))
    await fill(a, recordsOf(1, 10), 10)
    expect(await b.flush()).toBe('stale')
    expect(b.pending).toBe(0)
    expect(await b.findCommands(['c5-0', 'c6-0'])).toEqual([[5], []])
    addAll(b, recordsOf(6, 10))
    expect(b.pending).toBe(0)
    expect(await b.flush()).toBe('idle')
    expect(await b.findCommands(['c5-0', 'c6-0'])).toEqual([[5], [6]])
    addAll(b, recordsOf(11, 11))
    expect(b.pending).toBe(3)
    expect(await b.flush()).toBe('saved')
    expect(await b.findCommands(['c5-0', 'c11-0'])).toEqual([[5], [11]])
  })

  test('runs that another tab merged away are found where they went', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 16), 2)
    const b = await openSegmentIndex(storeB, small)
    await fill(a, recordsOf(17, 40), 2)
    expect(storeA.saves.some(({ removes }) => removes.length > 0)).toBe(true)
    expect(await b.findCommands(['c1-0', 'c16-2', 'c17-0', 'none'])).toEqual([[1], [16], [], []])
    expect(storeB.misses).toBeGreaterThan(0)
    expect(b.checkpoint?.record).toBe(40)
  })

  test('blocks in memory stay right when their run was merged away', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 16), 2)
    const b = await openSegmentIndex(storeB, small)
    const ids = recordsOf(1, 16).flatMap(({ commands }) => commands.map(({ id }) => id))
    const before = await b.findCommands(ids)
    await fill(a, recordsOf(17, 40), 2)
    const { answer, calls } = await storeB.count(() => b.findCommands(ids))
    expect(answer).toEqual(before)
    expect(calls).toBe(0)
  })

  test('a flush that is due to merge looks first whether another tab wrote', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 16), 2)
    const b = await openSegmentIndex(storeB, small)
    addAll(b, recordsOf(17, 18))
    await fill(a, recordsOf(17, 18), 2)
    expect(storeA.saves.at(-1)?.removes.length).toBe(8)
    expect(await storeB.count(() => b.flush())).toEqual({ answer: 'stale', calls: 0, blocks: 0 })
    expect(b.pending).toBe(0)
  })

  test('a run that another tab merges away in the middle of a merge makes the flush stale', async () => {
    const { storeA, storeB, tabB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 16), 2)
    const b = await openSegmentIndex(storeB, small)
    addAll(b, recordsOf(17, 20))
    const held = tabB.faults.pause('segments.blocks')
    const flushed = b.flush()
    await held.reached
    await fill(a, recordsOf(17, 18), 2)
    held.release()
    expect(await flushed).toBe('stale')
    expect(b.pending).toBe(2 * 3)
    expect(await b.findCommands(['c1-0', 'c18-0', 'c20-0'])).toEqual([[1], [18], [20]])
  })

  test('a lookup is right while the own flush is committed but not yet answered', async () => {
    const { storeA, tabA } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 16), 2)
    addAll(a, recordsOf(17, 18))
    const held = tabA.faults.pause('segments.save', 'after')
    const flushed = a.flush()
    await held.reached
    addAll(a, recordsOf(19, 19))
    expect(await a.findCommands(['c1-0', 'c17-0', 'c18-2', 'c19-0'])).toEqual([[1], [17], [18], [19]])
    expect(storeA.misses).toBeGreaterThan(0)
    held.release()
    expect(await flushed).toBe('saved')
    expect(a.pending).toBe(3)
    expect(await a.findCommands(['c1-0', 'c17-0', 'c18-2', 'c19-0'])).toEqual([[1], [17], [18], [19]])
    expect(await a.flush()).toBe('saved')
  })

  test('flushes that are asked for at once queue', async () => {
    const { storeA } = await twoTabs()
    const a = await openSegmentIndex(storeA)
    addAll(a, recordsOf(1, 2))
    expect(await Promise.all([a.flush(), a.flush(), a.flush()])).toEqual(['saved', 'idle', 'idle'])
    expect(storeA.saves.length).toBe(1)
  })
})

describe('the packed index when storage fails', () => {
  test('everything stays pending and findable when the disk is full', async () => {
    const { storeA, tabA } = await twoTabs()
    const a = await openSegmentIndex(storeA)
    addAll(a, recordsOf(1, 3))
    tabA.faults.fail('segments.save', 'QuotaExceededError')
    await expect(a.flush()).rejects.toEqual(anError('storage-full'))
    expect(a.pending).toBe(9)
    expect(a.checkpoint).toBeUndefined()
    expect(await a.findCommands(['c2-1'])).toEqual([[2]])
    expect(await a.flush()).toBe('saved')
    expect(await a.findCommands(['c2-1'])).toEqual([[2]])
  })

  test('a flush in doubt that was carried out is found by the next one', async () => {
    const { storeA, tabA } = await twoTabs()
    const a = await openSegmentIndex(storeA)
    addAll(a, recordsOf(1, 3))
    tabA.faults.failInDoubt('segments.save')
    await expect(a.flush()).rejects.toEqual(anError('storage-failed'))
    addAll(a, recordsOf(4, 4))
    expect(await a.flush()).toBe('stale')
    expect(a.pending).toBe(3)
    expect(await a.findCommands(['c2-1', 'c4-0'])).toEqual([[2], [4]])
  })

  test('a lost block is told, never passed over; clearing and adding again mends it', async () => {
    const { storeA } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 16), 2)
    const b = await openSegmentIndex(storeA, small)
    const run = (await runsIn(storeA, 'commands'))[3]?.run
    storeA.lost.add(`commands/${run}/0`)
    await expect(b.findCommands(recordsOf(1, 16).map(({ commands }) => commands[0]?.id ?? ''))).rejects.toEqual(anError('storage-failed'))
    addAll(a, recordsOf(17, 18))
    await expect(a.flush()).rejects.toEqual(anError('storage-failed'))
    expect(await a.findCommands(['c18-0'])).toEqual([[18]])
    await b.clear()
    expect(b.checkpoint).toBeUndefined()
    await fill(b, recordsOf(1, 18), 2)
    expect(await b.findCommands(['c1-0', 'c8-0', 'c18-2'])).toEqual([[1], [8], [18]])
  })

  test('a store that calls every write stale is told', async () => {
    const { storeA } = await twoTabs()
    const { catalogue, blocks } = storeA
    const a = await openSegmentIndex({ catalogue, blocks, save: () => Promise.resolve('stale') })
    addAll(a, recordsOf(1, 3))
    await expect(a.flush()).rejects.toEqual(anError('storage-failed'))
    expect(a.pending).toBe(9)
  })
})

describe('emptying the packed index', () => {
  test('hazard 9, power loss: an index ahead of the log is emptied and filled again', async () => {
    const storage = createMemoryStorage()
    const log = await storage.openLog('log')
    const fold = async (index: SegmentIndex, { events }: LogStorage) => {
      const inLog = async ({ record, id }: Checkpoint) => (await events.get([record]))[0]?.id === id
      while (index.checkpoint && !(await inLog(index.checkpoint))) await index.clear()
      addAll(index, await events.read(index.checkpoint?.record ?? 0, 100))
    }
    await log.events.append(recordsOf(1, 20), 'relaxed')
    await fill(await openSegmentIndex(log.segments, small), recordsOf(1, 20), 4)
    storage.powerLoss('log', 3)
    await log.events.append([recordOf(18, ['other'], [], 'R18'), recordOf(19, [], [], 'R19'), recordOf(20, [], [], 'R20')], 'relaxed')

    const [a, b] = [await openSegmentIndex(await segmentsOf(storage), small), await openSegmentIndex(await segmentsOf(storage), small)]
    await Promise.all([fold(a, log), fold(b, log)])
    for (const index of [a, b]) expect(await index.findCommands(['c17-0', 'c18-0', 'other'])).toEqual([[17], [], [18]])
    expect([await a.flush(), await b.flush()]).toEqual(['saved', 'stale'])
    for (const index of [a, b]) expect(await index.findCommands(['c17-0', 'c18-0', 'other'])).toEqual([[17], [], [18]])
    expect((await openSegmentIndex(log.segments)).checkpoint).toEqual({ record: 20, id: 'R20' })
  })

  test('a record that is not the one of the checkpoint is refused', async () => {
    const { storeA, storeB } = await twoTabs()
    const [a, b] = [await openSegmentIndex(storeA), await openSegmentIndex(storeB)]
    addAll(b, recordsOf(1, 4))
    await fill(a, recordsOf(1, 6), 6)
    expect(await b.flush()).toBe('stale')
    addAll(b, recordsOf(5, 5))
    expect(() => b.add(recordOf(6, ['x'], [], 'another'))).toThrow(anError('storage-failed'))
  })

  test('where another tab emptied it, lookups are refused until that tab has filled it again', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 20), 2)
    const b = await openSegmentIndex(storeB, small)
    addAll(b, recordsOf(21, 25))
    await a.clear()
    expect(a.checkpoint).toBeUndefined()
    expect(a.head.record).toBe(0)
    await expect(b.findCommands(['c1-0', 'c21-0'])).rejects.toEqual(anError('storage-failed'))
    expect(await b.flush()).toBe('idle')
    await fill(a, recordsOf(1, 10), 2)
    await expect(b.findCommands(['c1-0', 'c21-0'])).rejects.toEqual(anError('storage-failed'))
    expect(await b.flush()).toBe('idle')
    await fill(a, recordsOf(11, 22), 2)
    expect(await b.findCommands(['c1-0', 'c20-0', 'c21-0', 'c22-0', 'c25-0'])).toEqual([[1], [20], [21], [22], [25]])
    expect(b.pending).toBe(3 * 3)
    expect(await b.flush()).toBe('saved')
    expect(await (await openSegmentIndex(storeA)).findCommands(['c1-0', 'c21-0', 'c25-0'])).toEqual([[1], [21], [25]])
  })

  test('a flush too goes on once the other tab has filled it again', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 20), 2)
    const b = await openSegmentIndex(storeB, small)
    addAll(b, recordsOf(21, 25))
    await a.clear()
    expect(await b.flush()).toBe('stale')
    await fill(a, recordsOf(1, 20), 2)
    expect(await b.flush()).toBe('saved')
    expect(await b.findCommands(['c1-0', 'c20-0', 'c21-0', 'c25-0'])).toEqual([[1], [20], [21], [25]])
  })

  test('a reset ends the refusal', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 20), 2)
    const b = await openSegmentIndex(storeB, small)
    await a.clear()
    await expect(b.findCommands(['c1-0'])).rejects.toEqual(anError('storage-failed'))
    await b.reset()
    expect(b.checkpoint).toBeUndefined()
    addAll(b, recordsOf(1, 20))
    expect(await b.findCommands(['c1-0', 'c20-0'])).toEqual([[1], [20]])
    expect(await b.flush()).toBe('saved')
  })

  test('emptying gives way to a tab that wrote meanwhile', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA)
    await fill(a, recordsOf(1, 4), 4)
    const b = await openSegmentIndex(storeB)
    await fill(a, recordsOf(5, 8), 8)
    await b.clear()
    expect(b.checkpoint).toEqual({ record: 8, id: 'r8' })
    expect(await b.findCommands(['c1-0', 'c8-0'])).toEqual([[1], [8]])
  })

  test('emptied twice is not the same as emptied once: run numbers are not used again', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA)
    await fill(a, recordsOf(1, 4), 2)
    await a.clear()
    const b = await openSegmentIndex(storeB)
    addAll(b, recordsOf(1, 2))
    await fill(a, recordsOf(1, 4), 2)
    await a.clear()
    expect(await b.flush()).toBe('stale')
    expect(b.pending).toBe(6)
    expect(await b.findCommands(['c1-0'])).toEqual([[1]])
    expect(await b.flush()).toBe('saved')
    expect(await (await openSegmentIndex(storeA)).findCommands(['c1-0'])).toEqual([[1]])
  })

  test('an index that was emptied and filled to the same record is another one', async () => {
    const { storeA, storeB } = await twoTabs()
    const a = await openSegmentIndex(storeA)
    await fill(a, recordsOf(1, 4), 2)
    const b = await openSegmentIndex(storeB)
    addAll(b, recordsOf(5, 6))
    await a.clear()
    await fill(a, recordsOf(1, 4), 4)
    expect(a.checkpoint).toEqual(b.checkpoint)
    expect(await b.flush()).toBe('stale')
    expect(await b.flush()).toBe('saved')
    for (const index of [b, await openSegmentIndex(storeA)])
      expect(await index.findCommands(['c1-0', 'c4-2', 'c6-0'])).toEqual([[1], [4], [6]])
  })

  test('a lookup that a reset overtook is refused where it could have missed something', async () => {
    const { storeA, storeB, tabB } = await twoTabs()
    const a = await openSegmentIndex(storeA, small)
    await fill(a, recordsOf(1, 16), 2)
    const b = await openSegmentIndex(storeB, small)
    addAll(b, recordsOf(17, 21))
    const held = tabB.faults.pause('segments.blocks')
    const found = b.findCommands(['c1-0', 'c21-0'])
    const refused = found.catch((error: unknown) => error)
    await held.reached
    await fill(a, recordsOf(17, 20), 2)
    await b.reset()
    held.release()
    expect(await refused).toEqual(anError('storage-failed'))
    addAll(b, recordsOf(21, 21))
    expect(await b.findCommands(['c1-0', 'c21-0'])).toEqual([[1], [21]])
  })
})
