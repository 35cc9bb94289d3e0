/** Pulls records in batches of a size that is folded in a few milliseconds. */
import { OutpostError } from '../errors.ts'
import type { LogRecord } from '../storage/record.ts'
import type { EventSource } from './event-source.ts'

/** Pulled at once, at most. */
const MAX_RECORDS = 64
/** A batch ends where it has enough Events: a record may hold one, or hundreds. */
const BATCH_EVENTS = 1_000

export class RecordPuller {
  readonly #source: EventSource
  #pulled: readonly LogRecord[] = []
  /** Records to pull at once: going by the last ones, they hold a batch. More would be read, and keep the thread, for nothing. */
  #size = 8

  constructor(source: EventSource) {
    this.#source = source
  }

  /** The next records after this one; the caller knows that there are some. */
  async after(record: number): Promise<readonly LogRecord[]> {
    const follows = (): boolean => this.#pulled[0]?.number === record + 1
    if (!follows()) {
      this.#pulled = await this.#source.records(record, this.#size)
      if (!follows()) throw new OutpostError('storage-failed', `Record ${record + 1} is missing from the log. Reload the page.`)
    }
    const pulled = this.#pulled
    let [size, events] = [0, 0]
    for (; size < pulled.length && events < BATCH_EVENTS; size++) events += (pulled[size] as LogRecord).events.length
    this.#pulled = pulled.slice(size)
    this.#size = Math.min(MAX_RECORDS, Math.ceil((size * BATCH_EVENTS) / events))
    return pulled.slice(0, size)
  }
}
