/**
 * The log as one engine sees it: its head, moved only by folding records contiguously; its appends, each a compare; its
 * pending tail; and whoever has to fold along.
 */
import { isOutpostError, OutpostError } from '../errors.ts'
import { checkpointOf, LOG_START, type Checkpoint, type LogRecord } from '../storage/record.ts'
import type { Durability, LogStorage } from '../storage/storage.ts'
import { checkFormat } from './decode.ts'
import { keptTail, openTail } from './kept-tail.ts'
import type { Tail } from './tail.ts'

/** Records kept in memory for handlers that are a little behind: by count and by Events, whichever is reached first. */
const RECENT_RECORDS = 512
const RECENT_EVENTS = 8192
/** Records read at once. */
const PAGE = 128
/** Tries of an append whose transaction died without an answer. */
const TRIES = 3

/** One step of the head: the records of one transaction, which count together. */
export interface Advance {
  /** In order. */
  readonly records: readonly LogRecord[]
  readonly own: boolean
  /** Of own records: puts the states that they leave. */
  readonly committed?: (() => void) | undefined
  /** What is settled now and was not before, in order. Without sync: the records. */
  readonly settled: readonly LogRecord[]
  /** The tail before is void. */
  readonly voided: boolean
  /** Those of the records that are tentative. */
  readonly tentative: readonly LogRecord[]
  /** A log that had lived alone has joined a server: all of it waits now. What was folded before is of no use any more. */
  readonly adopted: boolean
}

/** Told of each step, in order. Must not throw. */
export type OnAdvance = (advance: Advance) => void

export class Log {
  readonly #storage: LogStorage
  readonly #onAdvance: OnAdvance
  /** As of the head. */
  #tail: Tail
  #tailEpoch = 0
  #recent: LogRecord[] = []
  #recentEvents = 0
  #turn: Promise<unknown> = Promise.resolve()
  #pulling: Promise<void> | undefined
  /** It had lived alone, and has joined a server since: its tail does not know what waits. It is opened anew. */
  isAdopted = false

  private constructor(storage: LogStorage, tail: Tail, onAdvance: OnAdvance) {
    this.#storage = storage
    this.#onAdvance = onAdvance
    this.#tail = tail
  }

  /** @throws `storage-newer` where a newer build wrote the last record */
  static async open(storage: LogStorage, onAdvance: OnAdvance): Promise<Log> {
    return new Log(storage, await openTail(storage), onAdvance)
  }

  get head(): Checkpoint {
    return this.#tail.head
  }
  /** Position of the last Event. */
  get position(): number {
    return this.#tail.position
  }
  /** Up to here everything is confirmed or void, for good. Without sync: the head. */
  get settled(): Checkpoint {
    return this.#tail.settled
  }
  get tail(): Tail {
    return this.#tail
  }
  /** Another number: the tail was made void and begun anew. */
  get tailEpoch(): number {
    return this.#tailEpoch
  }

  /** Runs work that moves the head; one at a time, in the order asked. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => undefined) // the caller has the error; the next one in line must still run
    return run
  }

  /** Records after this number up to the head, contiguous, at most `limit`. */
  async records(after: number, limit: number): Promise<readonly LogRecord[]> {
    if (after >= this.head.record) return []
    const first = this.#recent[0]
    if (first && first.number <= after + 1) {
      const from = after + 1 - first.number
      return this.#recent.slice(from, from + limit)
    }
    const records = await this.#storage.events.read(after, Math.min(limit, this.head.record - after))
    checkContiguous(after, records)
    return records
  }

  /** All records after this number and up to that one, in pages; those too that are folded meanwhile. */
  async *pages(after: number, last = Infinity): AsyncGenerator<readonly LogRecord[], void> {
    for (let from = after; from < last;) {
      const records = await this.records(from, Math.min(PAGE, last - from))
      if (records.length === 0) return
      yield records
      from += records.length
    }
  }

  /** These records, in the order asked. */
  async get(numbers: readonly number[]): Promise<readonly (LogRecord | undefined)[]> {
    // As it is now: the oldest of them may be dropped while others are read.
    const recent = this.#recent
    const first = recent[0]?.number ?? Infinity
    const missing = numbers.filter((number) => number < first && number <= this.head.record)
    const read = missing.length > 0 ? await this.#storage.events.get(missing) : []
    const found = new Map(missing.map((number, i) => [number, read[i]]))
    return numbers.map((number) => (number >= first ? recent[number - first] : found.get(number)))
  }

  /** True where this record is in the log: its number with this id. */
  async contains({ record, id }: Checkpoint): Promise<boolean> {
    if (record === LOG_START.record) return true
    if (record === this.head.record) return id === this.head.id
    if (record > this.head.record) return false
    const [found] = await this.get([record])
    return found?.id === id
  }

  /** Folds what other tabs wrote. Only within a turn, in which several may ask for it at once. */
  pull(): Promise<void> {
    return (this.#pulling ??= this.#pull().finally(() => (this.#pulling = undefined)))
  }

  async #pull(): Promise<void> {
    let group: LogRecord[] = []
    for (let after = this.head.record; ;) {
      const records = await this.#storage.events.read(after, PAGE)
      if (records.length > 0) checkContiguous(after, records)
      for (const record of records) {
        group.push(record)
        if (record.more) continue
        await this.#advance(group, false)
        group = []
      }
      after += records.length
      // Of a transaction all records are there.
      if (records.length < PAGE) return
    }
  }

  /**
   * Compare-and-append, in one transaction. Only within a turn, with records that follow the head.
   *
   * @param committed makes the states in memory those of the records: see {@link Advance}
   * @param meta entries of the log's meta data, put in the same transaction
   * @returns `conflict` where another tab wrote first, or the head moved since they were made; what was written is folded already
   */
  async append(
    records: readonly LogRecord[],
    durability: Durability,
    committed: () => void,
    meta?: ReadonlyMap<string, unknown>,
  ): Promise<'appended' | 'conflict'> {
    // Loading what they were decided over may have moved the head: they are of no use then.
    if (records[0]?.number !== this.head.record + 1) return 'conflict'
    const kept = records.some(({ sync }) => sync) ? keptTail(this.#tail, records) : undefined
    const entries = kept ? new Map([...kept, ...(meta ?? [])]) : meta
    for (let attempt = 1; ; attempt++) {
      try {
        if ((await this.#storage.events.append(records, durability, entries)) === 'appended') {
          await this.#advance(records, true, committed)
          return 'appended'
        }
      } catch (error) {
        // Whether the transaction committed is unknown: what is in the log decides.
        if (!isOutpostError(error, 'storage-failed') || error.details['inDoubt'] !== true || attempt >= TRIES) throw error
      }
      const last = records[records.length - 1] as LogRecord
      const before = this.head.record
      await this.pull()
      if (await this.contains(checkpointOf(last))) return 'appended' // it had committed, and pulling has folded it
      if (this.head.record > before) return 'conflict'
    }
  }

  /** @param records of one transaction, where there is sync; else each counts by itself */
  async #advance(records: readonly LogRecord[], own: boolean, committed?: () => void): Promise<void> {
    if (!own) for (const record of records) checkFormat(record)
    const isSynced = records.some(({ sync }) => sync)
    const adopted = isSynced && !this.#tail.cursor && this.head.record > 0
    this.isAdopted ||= adopted
    const before = this.#tail.settled.record
    const head = this.head.record
    // What is read below must not see half a step.
    const tail = isSynced ? this.#tail.copy() : this.#tail
    let voided = false
    for (const record of records) if (tail.fold(record)) voided = true
    const settledTo = tail.settled.record
    const older = settledTo > before && before < head ? await this.#between(before, Math.min(settledTo, head)) : []
    this.#tail = tail
    if (voided) this.#tailEpoch++
    this.#take(records, own, {
      committed,
      settled: [...older, ...records.filter(({ number }) => number <= settledTo)],
      voided,
      tentative: records.filter(({ number }) => number > settledTo),
      adopted,
    })
  }

  #take(records: readonly LogRecord[], own: boolean, rest: Omit<Advance, 'records' | 'own'>): void {
    for (const record of records) {
      this.#recent.push(record)
      this.#recentEvents += record.events.length
    }
    if (this.#recent.length > RECENT_RECORDS || this.#recentEvents > RECENT_EVENTS) {
      // Half at once: dropping one by one would copy the list each time.
      const half = Math.ceil(this.#recent.length / 2)
      for (const { events } of this.#recent.slice(0, half)) this.#recentEvents -= events.length
      this.#recent = this.#recent.slice(half)
    }
    this.#onAdvance({ records, own, ...rest })
  }

  async #between(after: number, last: number): Promise<readonly LogRecord[]> {
    const found: LogRecord[] = []
    for await (const page of this.pages(after, last)) found.push(...page)
    return found
  }
}

function checkContiguous(after: number, [first]: readonly LogRecord[]): void {
  const expected = after + 1
  const found = first?.number
  if (found !== expected)
    throw new OutpostError(
      'storage-failed',
      `The log goes on at record ${found ?? 'none'}, not ${expected}: it was replaced. Reload the page.`,
      { expected, found },
    )
}
