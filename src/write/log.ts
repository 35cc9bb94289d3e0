/**
 * The log as one engine sees it: its head, moved only by folding records contiguously; its appends, each a compare; and
 * whoever has to fold along.
 */
import { isOutpostError, OutpostError } from '../errors.ts'
import { checkpointOf, lastPositionOf, LOG_START, type Checkpoint, type LogRecord } from '../storage/record.ts'
import type { Durability, EventStore } from '../storage/storage.ts'
import { checkFormat } from './decode.ts'

/** Records kept in memory for handlers that are a little behind: by count and by Events, whichever is reached first. */
const RECENT_RECORDS = 512
const RECENT_EVENTS = 8192
/** Records read at once when catching up. */
const PAGE = 128
/** Tries of an append whose transaction died without an answer. */
const TRIES = 3

/** Told of each record as it becomes the head, in order. Must not throw. */
export type OnRecord = (record: LogRecord, own: boolean) => void

export class Log {
  readonly #events: EventStore
  readonly #onRecord: OnRecord
  #head: Checkpoint
  #position: number
  #recent: LogRecord[] = []
  #recentEvents = 0
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(events: EventStore, last: LogRecord | undefined, onRecord: OnRecord) {
    this.#events = events
    this.#onRecord = onRecord
    this.#head = last ? checkpointOf(last) : LOG_START
    this.#position = last ? lastPositionOf(last) : 0
  }

  /** @throws `storage-newer` where a newer build wrote the last record */
  static async open(events: EventStore, onRecord: OnRecord): Promise<Log> {
    const last = await events.last()
    if (last) checkFormat(last)
    return new Log(events, last, onRecord)
  }

  get head(): Checkpoint {
    return this.#head
  }
  /** Position of the last Event. */
  get position(): number {
    return this.#position
  }

  /** Runs work that moves the head; one at a time, in the order asked. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => undefined) // the caller has the error; the next one in line must still run
    return run
  }

  /** Records after this number up to the head, contiguous, at most `limit`. */
  async records(after: number, limit: number): Promise<readonly LogRecord[]> {
    if (after >= this.#head.record) return []
    const first = this.#recent[0]
    if (first && first.number <= after + 1) {
      const from = after + 1 - first.number
      return this.#recent.slice(from, from + limit)
    }
    const records = await this.#events.read(after, Math.min(limit, this.#head.record - after))
    this.#checkContiguous(after, records)
    return records
  }

  /** These records, in the order asked. */
  async get(numbers: readonly number[]): Promise<readonly (LogRecord | undefined)[]> {
    const first = this.#recent[0]?.number ?? Infinity
    const missing = numbers.filter((number) => number < first && number <= this.#head.record)
    const read = missing.length > 0 ? await this.#events.get(missing) : []
    const found = new Map(missing.map((number, i) => [number, read[i]]))
    return numbers.map((number) => (number >= first ? this.#recent[number - first] : found.get(number)))
  }

  /** True where this record is in the log: its number with this id. */
  async contains({ record, id }: Checkpoint): Promise<boolean> {
    if (record === LOG_START.record) return true
    if (record === this.#head.record) return id === this.#head.id
    if (record > this.#head.record) return false
    const [found] = await this.get([record])
    return found?.id === id
  }

  /** Folds what other tabs wrote. Only within a turn. */
  async pull(): Promise<void> {
    for (;;) {
      const records = await this.#events.read(this.#head.record, PAGE)
      this.#checkContiguous(this.#head.record, records)
      for (const record of records) this.#advance(record, false)
      if (records.length < PAGE) return
    }
  }

  /**
   * Compare-and-append. Only within a turn, with records that follow the head.
   *
   * @param committed runs before anybody is told: makes the states in memory those of the records
   * @param meta put in the same transaction
   * @returns `conflict` where another tab wrote first; what it wrote is folded already
   */
  async append(
    records: readonly LogRecord[],
    durability: Durability,
    committed: () => void,
    meta?: ReadonlyMap<string, unknown>,
  ): Promise<'appended' | 'conflict'> {
    for (let attempt = 1; ; attempt++) {
      try {
        if ((await this.#events.append(records, durability, meta)) === 'appended') {
          committed()
          for (const record of records) this.#advance(record, true)
          return 'appended'
        }
      } catch (error) {
        // Whether the transaction committed is unknown: what is in the log decides.
        if (!isOutpostError(error, 'storage-failed') || error.details['inDoubt'] !== true || attempt >= TRIES) throw error
      }
      const last = records[records.length - 1] as LogRecord
      const before = this.#head.record
      await this.pull()
      if (await this.contains(checkpointOf(last))) return 'appended' // it had committed, and pulling has folded it
      if (this.#head.record > before) return 'conflict'
    }
  }

  #advance(record: LogRecord, own: boolean): void {
    if (!own) checkFormat(record)
    this.#head = checkpointOf(record)
    this.#position = lastPositionOf(record)
    this.#recent.push(record)
    this.#recentEvents += record.events.length
    if (this.#recent.length > RECENT_RECORDS || this.#recentEvents > RECENT_EVENTS) {
      // Half at once: dropping one by one would copy the list each time.
      const dropped = this.#recent.splice(0, Math.ceil(this.#recent.length / 2))
      for (const { events } of dropped) this.#recentEvents -= events.length
    }
    this.#onRecord(record, own)
  }

  #checkContiguous(after: number, records: readonly LogRecord[]): void {
    const [first] = records
    if (first && first.number !== after + 1)
      throw new OutpostError(
        'storage-failed',
        `The log goes on at record ${first.number}, not ${after + 1}: it was replaced under this tab. Reload the page.`,
        { expected: after + 1, found: first.number },
      )
  }
}
