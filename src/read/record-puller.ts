/** Pulls records in batches of a size that is folded in a few milliseconds. */
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

  /** The next records after this one; the caller knows that there are some. */
  async after(record: number): Promise<readonly LogRecord[]> {
    if (this.#pulled[0]?.number !== record + 1) this.#pulled = await this.#source.records(record, BATCH_RECORDS)
    if (this.#pulled[0]?.number !== record + 1)
      throw new OutpostError('storage-failed', `Record ${record + 1} is missing from the log. Reload the page.`)
    let size = 0
    for (let events = 0; size < this.#pulled.length && events < BATCH_EVENTS; size++)
      events += (this.#pulled[size] as LogRecord).events.length
    const batch = this.#pulled.slice(0, size)
    this.#pulled = this.#pulled.slice(size)
    return batch
  }
}
