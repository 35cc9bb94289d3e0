/** The packed index of a log whose store lost some of it, under one tab and under several: nothing fails, and nothing goes round. */
import { domain } from 'outpost'
import { describe, expect, test } from 'vitest'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { type Catalogue, SEGMENT_INDEXES } from '../../src/storage/segment-catalogue.ts'
import { openSegmentIndex } from '../../src/storage/segment-index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { createTestClock } from '../support/clock.ts'
import { give, message, openEngine } from '../support/engine.ts'
import { stockItem } from '../fixtures/stock.ts'

const LOG = 'stock.hall-7.ann.log'
const onlyItems = domain('stock', { aggregates: [stockItem] })

type Engine = Awaited<ReturnType<typeof openEngine>>

const register = (engine: Engine, n: number) => give(engine, 'stockItem.register', `item-${n}`, { name: `${n}` }, { id: `reg-${n}` })
const receive = (engine: Engine, n: number) => give(engine, 'stockItem.receive', `item-${n}`, { quantity: 1 }, { id: `rec-${n}` })
const versions = async (engine: Engine, n: number) => (await engine.history('stockItem', `item-${n}`)).map(({ version }) => version)

/** A tab whose readings of the log from its first record are counted. */
function counted(tab: MemoryStorage) {
  const from = { start: 0 }
  const storage: Storage = {
    ...tab,
    async openLog(name) {
      const log = await tab.openLog(name)
      const { read } = log.events
      Object.assign(log.events, {
        read(after: number, limit: number) {
          if (after === 0) from.start++
          return read(after, limit)
        },
      })
      return log
    },
  }
  return { storage, from }
}

const segmentsOf = async (storage: MemoryStorage) => (await storage.tab().openLog(LOG)).segments

/** Takes all blocks from the store, of both indexes, and leaves the catalogue that names them. */
async function loseBlocks(storage: MemoryStorage) {
  const segments = await segmentsOf(storage)
  const { checkpoint, value } = await segments.catalogue()
  const { runs } = value as Catalogue
  const removes = SEGMENT_INDEXES.flatMap((index) => runs[index].map(({ run }) => ({ index, run })))
  expect(removes.length).toBeGreaterThan(0)
  if (checkpoint) await segments.save({ expected: checkpoint, checkpoint, catalogue: value, puts: [], removes })
}

/** A log of 20 items whose index is written, and nobody has it open. */
async function filled() {
  const storage = createMemoryStorage()
  const clock = createTestClock()
  const engine = await openEngine(storage.tab(), { domain: onlyItems, clock })
  for (let n = 0; n < 20; n++) await register(engine, n)
  await engine.close()
  const open = async () => {
    const { storage: tab, from } = counted(storage.tab())
    return { engine: await openEngine(tab, { domain: onlyItems, clock }), from }
  }
  return { storage, clock, open }
}

describe('an index that has lost a block', () => {
  test('is made good from the log: old ids and histories are found, and Commands go on', async () => {
    const { storage, open } = await filled()
    await loseBlocks(storage)
    const { engine, from } = await open()
    expect(await register(engine, 3)).toMatchObject({ ok: true, position: 4 })
    expect(await receive(engine, 3)).toMatchObject({ ok: true, position: 21 })
    expect(await versions(engine, 3)).toEqual([1, 2])
    expect(from.start).toBe(1)
    await engine.close()

    const next = await open()
    expect(await register(next.engine, 19)).toMatchObject({ ok: true, position: 20 })
    expect(await versions(next.engine, 3)).toEqual([1, 2])
    expect(next.from.start).toBe(0)
  })

  test('is made good once for all who ask at the same time', async () => {
    const { storage, open } = await filled()
    await loseBlocks(storage)
    const { engine, from } = await open()
    const [history, ...outcomes] = await Promise.all([versions(engine, 7), register(engine, 7), register(engine, 8), versions(engine, 9)])
    expect(history).toEqual([1])
    expect(outcomes).toMatchObject([{ position: 8 }, { position: 9 }, [1]])
    expect(from.start).toBe(1)
  })

  test('under two tabs is emptied by one of them, and neither begins again because of the other', async () => {
    const { storage, clock, open } = await filled()
    await loseBlocks(storage)
    const tabs = [await open(), await open()]
    await Promise.all(tabs.map(({ engine }, n) => register(engine, n)))
    for (let n = 0; n < 20; n++) {
      for (const { engine } of tabs) {
        await engine.catchUp()
        expect(await register(engine, n)).toMatchObject({ position: n + 1 })
        await receive(engine, n)
        // Long enough for both to write what they have in memory.
        await clock.advance(12_000)
        expect(await versions(engine, n)).toEqual([1, 2])
      }
    }
    for (const { from } of tabs) expect(from.start).toBeLessThanOrEqual(2)
  })

  test('while it is written is made good, and written', async () => {
    const { storage, clock, open } = await filled()
    const { engine, from } = await open()
    // So many runs that the next writing merges them.
    for (let n = 0; n < 6; n++) {
      await receive(engine, n)
      await clock.advance(4_000)
    }
    await loseBlocks(storage)
    await receive(engine, 6)
    await clock.advance(4_000)
    await receive(engine, 7)
    await clock.advance(4_000)
    expect(from.start).toBe(1)
    const index = await openSegmentIndex(await segmentsOf(storage))
    expect(index.checkpoint?.record).toBe(28)
    expect(await index.findCommands(['reg-0', 'rec-7'])).toEqual([[1], [28]])
  })
})

describe('an index that another tab emptied', () => {
  test('is read from the log again, once', async () => {
    const { storage, clock, open } = await filled()
    const { engine, from } = await open()
    await (await openSegmentIndex(await segmentsOf(storage))).clear()
    expect(await register(engine, 5)).toMatchObject({ position: 6 })
    expect(await versions(engine, 5)).toEqual([1])
    for (let n = 0; n < 5; n++) {
      await receive(engine, n)
      await clock.advance(4_000)
    }
    expect(from.start).toBe(1)
    expect((await openSegmentIndex(await segmentsOf(storage))).checkpoint?.record).toBe(25)
  })

  test('and did not fill again is filled by this one, although nothing is looked up in it', async () => {
    const { storage, clock, open } = await filled()
    const { engine, from } = await open()
    await (await openSegmentIndex(await segmentsOf(storage))).clear()
    for (let n = 0; n < 2; n++) {
      await Promise.all(engine.dispatch(Array.from({ length: 9_000 }, () => message('stockItem.receive', 'item-0', { quantity: 1 }))))
      await clock.advance(12_000)
    }
    expect(from.start).toBe(1)
    const index = await openSegmentIndex(await segmentsOf(storage))
    expect(index.checkpoint?.record).toBeGreaterThan(20)
    expect(await index.findCommands(['reg-0'])).toEqual([[1]])
  })
})

test('runs that another tab merged are no loss: nothing is read again', async () => {
  const { clock, open } = await filled()
  const [one, two] = [await open(), await open()]
  await register(two.engine, 0)
  for (let n = 0; n < 20; n++) {
    await receive(one.engine, n)
    await clock.advance(4_000)
  }
  await two.engine.catchUp()
  expect(await register(two.engine, 19)).toMatchObject({ position: 20 })
  expect(await receive(two.engine, 2)).toMatchObject({ position: 23 })
  expect(await versions(two.engine, 12)).toEqual([1, 2])
  expect([one.from.start, two.from.start]).toEqual([0, 0])
})
