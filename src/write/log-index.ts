/**
 * The packed index as part of its log. Everything in it follows from the log: where its store lost a block, or another tab
 * emptied it, it is made good from there, and whoever asked meanwhile waits instead of failing.
 *
 * Only a lost block empties what is stored, and by compare: of many tabs that miss it one does, the others find that it
 * has happened. They then merely read the records after the checkpoint that they find, so no tab gives another one cause
 * to begin again. Runs that another tab merged are no loss: the packed index itself looks where they went.
 */
import { isOutpostError } from '../errors.ts'
import type { LogRecord } from '../storage/record.ts'
import type { SegmentIndex } from '../storage/segment-index.ts'
import type { Log } from './log.ts'

/** Records read at once. */
const PAGE = 128
/** Entries in memory, while mending, beyond which they are written. */
const MAX_PENDING = 50_000
/** Entries in memory that wait for another tab to fill what it emptied. */
const MAX_ORPHANED = 8192
/** A store that loses blocks faster than they are written is beyond help. */
const TRIES = 3

export class LogIndex {
  readonly #index: SegmentIndex
  readonly #log: Log
  /** How it is to be mended; until then records go past it. */
  #damage: 'clear' | 'reset' | undefined
  #mending: Promise<void> | undefined
  #timesMended = 0

  constructor(index: SegmentIndex, log: Log) {
    this.#index = index
    this.#log = log
  }

  /** Entries in memory. */
  get pending(): number {
    return this.#index.pending
  }

  /** Takes a record that has just become the log's head. */
  add(record: LogRecord): void {
    if (this.#damage) return
    try {
      this.#index.add(record)
    } catch (error) {
      this.#damage = mendedBy(error)
      if (!this.#damage) throw error
    }
  }

  /** As {@link SegmentIndex.findCommands}. */
  findCommands(ids: readonly string[]): Promise<readonly (readonly number[])[]> {
    return this.#sound(() => this.#index.findCommands(ids))
  }

  /** As {@link SegmentIndex.findStream}. */
  findStream(aggregate: string, aggregateId: string): Promise<readonly number[]> {
    return this.#sound(() => this.#index.findStream(aggregate, aggregateId))
  }

  /** As {@link SegmentIndex.mayHave}; all of them as long as the index is not at the log's head. */
  async mayHave(aggregate: string, aggregateIds: readonly string[]): Promise<readonly string[]> {
    if (this.#index.head.record < this.#log.head.record) return aggregateIds
    return this.#sound(() => this.#index.mayHave(aggregate, aggregateIds))
  }

  /** As {@link SegmentIndex.flush}. */
  async flush(): Promise<'saved' | 'stale' | 'idle'> {
    const answer = await this.#sound(() => this.#index.flush())
    if (answer !== 'idle' || this.#index.pending < MAX_ORPHANED) return answer
    // The tab that emptied it ought to have filled it by now.
    this.#damage ??= 'reset'
    return this.#sound(() => this.#index.flush())
  }

  async #sound<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let before = this.#timesMended
      try {
        if (this.#damage) {
          await (this.#mending ??= this.#mend().finally(() => (this.#mending = undefined)))
          before = this.#timesMended
        }
        return await work()
      } catch (error) {
        const how = mendedBy(error)
        if (!how || attempt === TRIES) throw error
        // What went wrong before somebody mended it is no reason to mend it again.
        if (before === this.#timesMended && this.#damage !== 'clear') this.#damage = how
      }
    }
  }

  async #mend(): Promise<void> {
    if (this.#damage === 'clear') await this.#index.clear()
    else await this.#index.reset()
    for (;;) {
      const { checkpoint } = this.#index
      // Of a record that is not folded here yet nothing can be said; adding it compares.
      if (!checkpoint || checkpoint.record > this.#log.head.record || (await this.#log.contains(checkpoint))) break
      await this.#index.clear()
    }
    while (this.#index.head.record < this.#log.head.record) {
      const page = await this.#log.records(this.#index.head.record, PAGE)
      for (const record of page) this.#index.add(record)
      // It need not succeed: in memory the entries are as good.
      if (this.#index.pending > MAX_PENDING) await this.#index.flush().catch(() => undefined)
    }
    // Nothing is awaited since the heads were compared: the next record is added again.
    this.#timesMended++
    this.#damage = undefined
  }
}

const mendedBy = (error: unknown): 'clear' | 'reset' | undefined =>
  isOutpostError(error, 'storage-failed') ? (error.details['mendBy'] as 'clear' | 'reset' | undefined) : undefined
