/**
 * The packed index of the log: which records may hold a command id, and which hold Events of one stream, without an
 * index entry per Event in IndexedDB and without a scan of the log. A log-structured merge tree over the SegmentStore:
 *
 * ```
 *  folded record ── add ──▶ pending, exact, in memory           records after the checkpoint
 *                             │ flush: sort, pack
 *                             ▼
 *  runs of 1 block      ▮▮▮▮▮▮▮▮  eight of a size                records up to the checkpoint
 *                             │ merge, at most one a flush
 *  runs of ≤ 8 blocks   ▬▬▬
 *  runs of ≤ 64, ≤ 128  ▬▬▬▬▬
 *  longer ones          ▬▬▬▬▬▬▬▬▬▬  stay as they are (up to 256 blocks, 700,000 entries)
 * ```
 * There are two of this kind: `commands`, an entry for every Command of a record, consequences too, and `streams`, an
 * entry for every stream and record with Events of it. An entry is 12 bytes: a hash of 53 bits and the record's number.
 * What a run looks like: `packed-run.ts`; which runs are merged: `merge-runs.ts`. The catalogue lists all runs and is
 * replaced whole at each flush, in one transaction with the blocks and the checkpoint.
 *
 * **A lookup** takes memory's answer and asks all runs at once: one read for all filters, one for all blocks that pass
 * them (256 blocks at most in a call). 128 filters, enough for 2.7 million entries, and 64 blocks stay in memory, so an
 * id that was never seen mostly costs no read. A million entries make some 20 runs at most, ten million some 40.
 *
 * **Why it is right**, also with several tabs on one log:
 * - Each entry of a record up to the head is either in a run of the catalogue (record ≤ checkpoint) or pending
 *   (checkpoint < record ≤ head). Both change in one synchronous step, only after the transaction is complete.
 * - Runs never change and run numbers are never used again, `nextRun` grows with every save: a block in memory is right
 *   for ever, and of two catalogues the one with the higher `nextRun` is the newer. A block that is gone means that the
 *   runs were merged since the catalogue was read: it is read again and the lookup starts anew.
 * - A save succeeds only on the very catalogue that it was made from. What the store compares is therefore not the
 *   checkpoint alone, which comes again when an index was emptied and filled: its id also holds `nextRun`.
 * - A tab that finds the checkpoint moved drops what is pending up to there, since the other tab folded the same log. It
 *   flushes again only once its own head is beyond that. Answers hold no record above the own head.
 * - Where another tab emptied the index, records may be neither pending here nor stored: until that tab has indexed
 *   them again lookups are refused, never wrong. What is refused is mended from the log: `write/log-index.ts`.
 * - After a power loss the checkpoint may name a record that the log does not hold. Only the log can tell:
 *   `while (index.checkpoint is not in the log) await index.clear()`, then add the records after `index.checkpoint`.
 */
// In this order because gzip finds more in it (`npm run size`).
import { OutpostError } from '../errors.ts'
import { hash53 } from './hash.ts'
import { BLOCKS_PER_FILTER, ENTRIES_PER_BLOCK } from './packed-run.ts'
import { PendingEntries } from './pending-entries.ts'
import { BlockReader } from './block-reader.ts'
import type { PackedRun, Run } from './packed-run.ts'
import { checkpointOf, LOG_START } from './record.ts'
import { dueIn, NO_RUNS, readCatalogue, savedTokenOf, SEGMENT_INDEXES, tokenOf } from './segment-catalogue.ts'
import type { Checkpoint, LogRecord } from './record.ts'
import { findInRuns, type Readers } from './find-in-runs.ts'
import { mergeRuns } from './merge-runs.ts'
import type { Catalogue, SegmentIndexName } from './segment-catalogue.ts'
import type { SegmentBlock, SegmentStore } from './storage.ts'

export interface SegmentIndex {
  /**
   * The record up to which the runs are complete; undefined where there are none. Adding goes on after it. If it is not
   * in the log, {@link clear}.
   */
  readonly checkpoint: Checkpoint | undefined
  /** The last record added, or the checkpoint as of opening; answers are as of here. */
  readonly head: Checkpoint
  /** Entries in memory: decides when to flush; a few thousand make a good run. */
  readonly pending: number
  /**
   * Takes one folded record into memory. Records up to the head are ignored.
   * @throws `storage-failed` where it is not the next one, or is another record than the checkpoint of its number;
   *   `details.mendBy` says what makes the index good again: `reset` or `clear`
   */
  add(record: LogRecord): void
  /**
   * For each id, as of the call: numbers of the records that may hold it as a Command, newest first. Empty: certainly
   * not in the log. Rarely (equal hashes) a number too many, never one too few: look into the record.
   * @throws `storage-failed` where a block is lost ({@link clear}), or another tab emptied the index ({@link reset}): `details.mendBy`
   */
  findCommands(ids: readonly string[]): Promise<readonly (readonly number[])[]>
  /** As of the call: numbers of the records with Events of this stream, ascending; rarely one too many. Throws as above. */
  findStream(aggregate: string, aggregateId: string): Promise<readonly number[]>
  /** As of the call: those of the streams that may have Events, told from memory; all, where that cannot be. Throws as above. */
  mayHave(aggregate: string, aggregateIds: readonly string[]): Promise<readonly string[]>
  /**
   * Writes what is pending as one new run of each index and does at most one merge. Calls queue.
   * @returns `stale` where another tab wrote first: nothing was written, its catalogue is taken over, and what that
   *   does not cover stays pending; `idle` where there was nothing to write: another tab is ahead, or emptied the index
   * @throws what the store throws: everything stays pending
   */
  flush(): Promise<'saved' | 'stale' | 'idle'>
  /** Drops all memory and reads the catalogue anew. Nothing is added until it resolves. */
  reset(): Promise<void>
  /** Empties the index, unless another tab wrote since, then resets. What {@link checkpoint} is afterwards decides. */
  clear(): Promise<void>
}

export interface SegmentIndexOptions {
  /** Non-negative integers of at most 53 bits. All who use one store must use the same. */
  readonly hash?: (text: string) => number
  readonly entriesPerBlock?: number
}

export async function openSegmentIndex(store: SegmentStore, options: SegmentIndexOptions = {}): Promise<SegmentIndex> {
  const index = new PackedIndex(store, options)
  await index.reset()
  return index
}

const KEPT_FILTERS = 128
const KEPT_BLOCKS = 64
/** Entries of streams whose filters take half of those that are kept. */
const MOST_FILTERED = (KEPT_FILTERS / 2) * BLOCKS_PER_FILTER * ENTRIES_PER_BLOCK

const streamKey = (aggregate: string, aggregateId: string): string => `${aggregate}/${aggregateId}`

class PackedIndex implements SegmentIndex {
  readonly #store: SegmentStore
  readonly #hash: (text: string) => number
  readonly #entriesPerBlock: number
  readonly #readers: { readonly entries: BlockReader; readonly filters: BlockReader }
  readonly #pending = { commands: new PendingEntries(), streams: new PendingEntries() }
  #catalogue = NO_RUNS
  #head = LOG_START
  /** Every entry of the records after this one, up to the head, is pending. */
  #pendingAfter = 0
  #queue: Promise<unknown> = Promise.resolve()

  constructor(store: SegmentStore, { hash = hash53, entriesPerBlock = ENTRIES_PER_BLOCK }: SegmentIndexOptions) {
    this.#store = store
    this.#hash = hash
    this.#entriesPerBlock = entriesPerBlock
    this.#readers = { entries: new BlockReader(store, KEPT_BLOCKS), filters: new BlockReader(store, KEPT_FILTERS) }
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#catalogue.checkpoint.record === 0 ? undefined : this.#catalogue.checkpoint
  }

  get head(): Checkpoint {
    return this.#head
  }

  get pending(): number {
    return this.#pending.commands.size + this.#pending.streams.size
  }

  add(record: LogRecord): void {
    const { number } = record
    if (number <= this.#head.record) return
    if (number !== this.#head.record + 1) {
      throw unsound('reset', `Record ${number} came after ${this.#head.record}.`)
    }
    const { checkpoint } = this.#catalogue
    if (checkpoint.record === number && checkpoint.id !== record.id) {
      throw unsound('clear', `The packed index has another record ${number}.`)
    }
    this.#head = checkpointOf(record)
    if (number <= this.#pendingAfter) return
    for (const { id } of record.commands) this.#pending.commands.add(id, number)
    for (const { type, aggregateId } of record.events) {
      this.#pending.streams.add(streamKey(type.slice(0, type.lastIndexOf('.')), aggregateId), number)
    }
  }

  findCommands(ids: readonly string[]): Promise<readonly (readonly number[])[]> {
    return this.#find('commands', ids, (a, b) => b - a)
  }

  async findStream(aggregate: string, aggregateId: string): Promise<readonly number[]> {
    const [records = []] = await this.#find('streams', [streamKey(aggregate, aggregateId)], (a, b) => a - b)
    return records
  }

  async mayHave(aggregate: string, aggregateIds: readonly string[]): Promise<readonly string[]> {
    // Filters that do not stay in memory are no shortcut.
    if (this.#catalogue.runs.streams.reduce((sum, { entries }) => sum + entries, 0) > MOST_FILTERED) return aggregateIds
    const keys = aggregateIds.map((id) => streamKey(aggregate, id))
    const found = await this.#find('streams', keys, () => 0, { filters: this.#readers.filters })
    return aggregateIds.filter((_, i) => found[i]?.length)
  }

  flush(): Promise<'saved' | 'stale' | 'idle'> {
    return this.#inTurn(() => this.#flush())
  }

  reset(): Promise<void> {
    return this.#inTurn(() => this.#reset())
  }

  clear(): Promise<void> {
    return this.#inTurn(async () => {
      const { checkpoint, nextRun, runs } = this.#catalogue
      if (checkpoint.record > 0) {
        const removes = SEGMENT_INDEXES.flatMap((index) => runs[index].map(({ run }) => ({ index, run })))
        await this.#save({ ...NO_RUNS, nextRun: nextRun + 1 }, [], removes)
      }
      await this.#reset()
    })
  }

  async #find(
    index: SegmentIndexName,
    keys: readonly string[],
    order: (a: number, b: number) => number,
    readers: Readers = this.#readers,
  ): Promise<readonly (readonly number[])[]> {
    const last = this.#head.record
    for (;;) {
      if (!this.#covers(last)) await this.#refresh(this.#catalogue)
      if (!this.#covers(last)) throw unsound('reset', 'The packed index was emptied.')
      const catalogue = this.#catalogue
      // Memory and catalogue as of one instant: a flush that completes meanwhile moves entries from one to the other.
      const probes = keys.map((key) => ({ hash: this.#hash(key), found: this.#pending[index].get(key).filter((record) => record <= last) }))
      if (await findInRuns(readers, index, catalogue.runs[index], probes, last)) {
        return probes.map(({ found }) => [...new Set(found)].sort(order))
      }
      await this.#refresh(catalogue)
      if (this.#catalogue === catalogue) throw unsound('clear', 'The packed index has lost a block.')
    }
  }

  async #flush(): Promise<'saved' | 'stale' | 'idle'> {
    if (!this.#covers(this.#head.record)) await this.#refresh(this.#catalogue)
    const base = this.#catalogue
    if (!this.#covers(this.#head.record) || this.#head.record <= base.checkpoint.record) return 'idle'
    const merge = dueIn(base)
    let merged: PackedRun | undefined
    if (merge) {
      // A look before the long work: tabs that fold the same log come to flush at the same time.
      await this.#refresh(base)
      if (this.#catalogue !== base) return 'stale'
      merged = await mergeRuns(this.#store, merge.index, merge.runs, this.#into(base.nextRun))
      if (!merged) await this.#refresh(base)
      if (this.#catalogue !== base) return 'stale'
      if (!merged) throw unsound('clear', 'The packed index has lost a block.')
    }

    // From here to the save nothing is awaited: what is packed is what the checkpoint says.
    const { nextRun, runs } = base
    const made: { readonly index: SegmentIndexName; readonly packed: PackedRun }[] = []
    if (merge && merged) made.push({ index: merge.index, packed: merged })
    for (const index of SEGMENT_INDEXES) {
      if (this.#pending[index].size > 0)
        made.push({ index, packed: this.#pending[index].pack(this.#hash, this.#into(nextRun + made.length)) })
    }
    const gone = new Set(merge?.runs)
    const runsOf = (of: SegmentIndexName): readonly Run[] => [
      ...runs[of].filter((run) => !gone.has(run)),
      ...made.filter(({ index }) => index === of).map(({ packed }) => packed.run),
    ]
    const next = {
      format: base.format,
      nextRun: nextRun + Math.max(1, made.length),
      checkpoint: this.#head,
      runs: { commands: runsOf('commands'), streams: runsOf('streams') },
    }
    const puts = made.flatMap(({ index, packed: { run, blocks } }) => blocks.map((bytes, block) => ({ index, run: run.run, block, bytes })))
    const removes = merge ? merge.runs.map(({ run }) => ({ index: merge.index, run })) : []
    const answer = await this.#save(next, puts, removes, base)
    if (answer === 'saved') {
      this.#takeOver(next)
      for (const { index, packed } of made) this.#keepFilters(index, packed)
      return 'saved'
    }
    await this.#refresh(base)
    if (this.#catalogue === base) throw new OutpostError('storage-failed', 'The packed index is stale. Reload the page.')
    return 'stale'
  }

  async #reset(): Promise<void> {
    this.#catalogue = await this.#read()
    this.#head = this.checkpoint ?? LOG_START
    this.#pendingAfter = this.#head.record
    for (const index of SEGMENT_INDEXES) this.#pending[index].clear()
  }

  /** Reads the catalogue anew, unless that has happened since `known` was taken. */
  async #refresh(known: Catalogue): Promise<void> {
    if (this.#catalogue === known) this.#takeOver(await this.#read())
  }

  async #read(): Promise<Catalogue> {
    return readCatalogue((await this.#store.catalogue()).value)
  }

  #save(next: Catalogue, puts: readonly SegmentBlock[], removes: readonly { index: string; run: number }[], base = this.#catalogue) {
    return this.#store.save({
      expected: tokenOf(base),
      checkpoint: savedTokenOf(next),
      catalogue: next,
      puts,
      removes,
    })
  }

  #takeOver(catalogue: Catalogue): void {
    if (catalogue.nextRun <= this.#catalogue.nextRun) return
    this.#catalogue = catalogue
    const { record } = catalogue.checkpoint
    if (record <= this.#pendingAfter) return
    this.#pendingAfter = record
    for (const index of SEGMENT_INDEXES) this.#pending[index].dropThrough(record)
  }

  /** Every entry of the records up to this one is stored or pending. */
  #covers(last: number): boolean {
    const stored = this.#catalogue.checkpoint.record
    return stored >= this.#pendingAfter && Math.max(stored, this.#head.record) >= last
  }

  #keepFilters(index: SegmentIndexName, { run: { run, firsts }, blocks }: PackedRun): void {
    for (let block = firsts.length; block < blocks.length; block++) {
      this.#readers.filters.keep({ index, run, block }, blocks[block] as Uint8Array)
    }
  }

  #into(run: number): { readonly run: number; readonly entriesPerBlock: number } {
    return { run, entriesPerBlock: this.#entriesPerBlock }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work)
    // The caller has the error; the next in turn starts all the same.
    this.#queue = done.catch(() => undefined)
    return done
  }
}

/** @param mendBy what makes it good, with the records after its checkpoint added again: `write/log-index.ts` does that first */
const unsound = (mendBy: 'clear' | 'reset', what: string): OutpostError =>
  new OutpostError('storage-failed', `${what} Reload the page.`, { mendBy })
