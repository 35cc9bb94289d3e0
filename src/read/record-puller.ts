/** Pulls records in batches of a size that is folded in a few milliseconds, or that of a transaction. */
import type { LogRecord } from '../storage/record.ts'
import type { EventSource } from './event-source.ts'

const BATCH_EVENTS = 2_000

export class RecordPuller {
  readonly #source: EventSource
  #pulled: readonly LogRecord[] = []
  /**
   * Pulled next: going by the last ones, as many as hold the Events of a batch, 64 at most. What is pulled is read in one piece, and
   * the thread and the log's next append wait for that.
   */
  #records = 8

  constructor(source: EventSource) {
    this.#source = source
  }

  /**
   * The next records after this one; the caller knows that there are some.
   *
   * @param whole to the end of a transaction: what shows batch by batch shows that whole, or not at all
   */
  async after(record: number, whole = false): Promise<readonly LogRecord[]> {
    if (this.#pulled[0]?.number !== record + 1) this.#pulled = await this.#pull(record)
    let size = 0
    let events = 0
    for (let more: boolean | undefined = true; more || (events < BATCH_EVENTS && size < this.#pulled.length); size++) {
      if (size === this.#pulled.length) this.#pulled = [...this.#pulled, ...(await this.#pull(record + size))]
      const next = this.#pulled[size] as LogRecord
      events += next.events.length
      more = whole && next.more
    }
    this.#records = Math.min(64, Math.ceil((size * BATCH_EVENTS) / events))
    const batch = this.#pulled.slice(0, size)
    this.#pulled = this.#pulled.slice(size)
    return batch
  }

  #pull(after: number): Promise<readonly LogRecord[]> {
    return this.#source.records(after, this.#records)
  }
}
