import { expect } from 'vitest'
import { isOutpostError } from '../../src/errors.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { Run } from '../../src/storage/packed-run.ts'
import type { LogRecord, StoredCommand, StoredEvent } from '../../src/storage/record.ts'
import type { SegmentIndex, SegmentIndexOptions } from '../../src/storage/segment-index.ts'
import type { SegmentBlock, SegmentStore } from '../../src/storage/storage.ts'

type Save = Parameters<SegmentStore['save']>[0]

/** A SegmentStore that sees what is asked of the one under it, and fails where a run number is used twice. */
export class WatchedSegments implements SegmentStore {
  readonly #inner: SegmentStore
  readonly #gate: () => Promise<void>
  /** What this tab wrote successfully. */
  readonly saves: Save[] = []
  /** Number of blocks of each read. */
  reads: number[] = []
  /** Blocks that were asked for and are not there. */
  misses = 0
  /** Blocks that the disk has lost, as `index/run/block`. */
  readonly lost = new Set<string>()
  /** Run numbers ever used, shared by the tabs of one log. */
  readonly usedRuns: Set<string>

  /** @param gate awaited before each call and before its answer */
  constructor(inner: SegmentStore, usedRuns: Set<string> = new Set(), gate: () => Promise<void> = () => Promise.resolve()) {
    this.#inner = inner
    this.usedRuns = usedRuns
    this.#gate = gate
  }

  catalogue: SegmentStore['catalogue'] = async () => {
    await this.#gate()
    const stored = await this.#inner.catalogue()
    await this.#gate()
    return stored
  }

  blocks: SegmentStore['blocks'] = async (keys) => {
    this.reads.push(keys.length)
    await this.#gate()
    const read = await this.#inner.blocks(keys)
    await this.#gate()
    const found = read.map((bytes, i) => (this.lost.has(tokenOf(keys[i] as SegmentBlock)) ? undefined : bytes))
    this.misses += found.filter((bytes) => bytes === undefined).length
    return found
  }

  save: SegmentStore['save'] = async (write) => {
    await this.#gate()
    const answer = await this.#inner.save(write)
    if (answer === 'saved') {
      this.saves.push(write)
      const runs = new Set(write.puts.map(({ index, run }) => `${index}/${run}`))
      for (const run of runs) {
        if (this.usedRuns.has(run)) throw new RangeError(`Run ${run} was written twice`)
        this.usedRuns.add(run)
      }
    }
    await this.#gate()
    return answer
  }

  /** What was read while `work` ran. */
  async count<T>(work: () => Promise<T>): Promise<{ answer: T; calls: number; blocks: number }> {
    this.reads = []
    const answer = await work()
    return { answer, calls: this.reads.length, blocks: this.reads.reduce((sum, n) => sum + n, 0) }
  }
}

const tokenOf = ({ index, run, block }: Omit<SegmentBlock, 'bytes'>): string => `${index}/${run}/${block}`

export const segmentsOf = async (storage: MemoryStorage = createMemoryStorage(), usedRuns?: Set<string>): Promise<WatchedSegments> =>
  new WatchedSegments((await storage.openLog('log')).segments, usedRuns)

/** Two tabs on one log. */
export async function twoTabs() {
  const storage = createMemoryStorage()
  const tabA = storage.tab()
  const tabB = storage.tab()
  const storeA = await segmentsOf(tabA)
  return { storage, tabA, tabB, storeA, storeB: await segmentsOf(tabB, storeA.usedRuns) }
}

export async function runsIn(store: SegmentStore, index: 'commands' | 'streams'): Promise<readonly Run[]> {
  const { value } = await store.catalogue()
  return (value as { runs: Record<typeof index, readonly Run[]> }).runs[index]
}

const commandOf = (id: string): StoredCommand => ({
  id,
  type: 'item.change',
  schema: 1,
  payload: {},
  at: 0,
  correlationId: id,
  outcome: { ok: true },
})

const eventOf = (stream: string): StoredEvent => {
  const [aggregate = '', aggregateId = ''] = stream.split('/')
  return { type: `${aggregate}.changed`, schema: 1, aggregateId, version: 1, command: 0, ordinal: 0, data: {} }
}

/** A record with these command ids, and an Event in each of these streams (`aggregate/id`). */
export const recordOf = (number: number, ids: readonly string[], streams: readonly string[] = [], id = `r${number}`): LogRecord => ({
  number,
  id,
  format: 1,
  kind: 'commit',
  at: 0,
  position: 1,
  commands: ids.map(commandOf),
  events: streams.map(eventOf),
})

/** Records `from` to `to`, each with Commands `c«number»-0`, `c«number»-1`… and Events of some of seven streams `item/s0`… */
export const recordsOf = (from: number, to: number, commands = 3, streams = 0): readonly LogRecord[] =>
  Array.from({ length: to - from + 1 }, (_, i) =>
    recordOf(
      from + i,
      Array.from({ length: commands }, (_, j) => `c${from + i}-${j}`),
      Array.from({ length: streams }, (_, j) => `item/s${(from + i + j) % 7}`),
    ),
  )

export function addAll(index: SegmentIndex, records: Iterable<LogRecord>): void {
  for (const record of records) index.add(record)
}

/** Adds, and flushes after every `every` records. */
export async function fill(index: SegmentIndex, records: Iterable<LogRecord>, every: number): Promise<void> {
  for (const record of records) {
    index.add(record)
    if (record.number % every === 0) expect(await index.flush()).toBe('saved')
  }
}

export const anError = (code: ErrorCode) => expect.toSatisfy((error: unknown) => isOutpostError(error, code), `an OutpostError ${code}`)

/** So small that a few records fill several blocks. */
export const small: SegmentIndexOptions = { entriesPerBlock: 4 }
