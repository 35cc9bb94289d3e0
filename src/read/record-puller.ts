/** Pulls records in batches of a size that is folded in a few milliseconds, or that of a transaction. */
import { OutpostError } from '../errors.ts'
import type { LogRecord } from '../storage/record.ts'
import type { EventSource } from './event-source.ts'

/** Pulled at once; a batch ends earlier where it has enough Events, since a record may hold hundreds. */
const BATCH_RECORDS = 64
const BATCH_EVENTS = 2_000

export class RecordPuller {
  readonly #source: EventSource
  #pulled: readonly LogRecord[] = []

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
    const batch = this.#pulled.slice(0, size)
    this.#pulled = this.#pulled.slice(size)
    return batch
  }

  async #pull(after: number): Promise<readonly LogRecord[]> {
    const records = await this.#source.records(after, BATCH_RECORDS)
    if (records[0]?.number !== after + 1)
      throw new OutpostError('storage-failed', `Record ${after + 1} is missing from the log. Reload the page.`)
    return records
  }
}
