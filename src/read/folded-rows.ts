/**
 * The confirmed layer of a projection, in memory: the rows that it has folded and storage does not have yet (the overlay), and
 * which records they stand on. Nothing tentative is ever in it, see {@link TentativeRows}.
 *
 *     stored ≤ folded ≤ head: the overlay holds every row that a record after `complete` has touched, complete ≤ stored.
 *
 * Folding is deterministic, so whoever writes rows as of a record writes the same. Rows read from storage as of *any* record
 * from `complete` to `folded`, with the overlay laid over them, are therefore the rows as of `folded`; as of any other
 * record they are not, and the reader must come to terms first (see {@link FoldedRows.judge}).
 */
import { Recent } from '../internal/recent.ts'
import { type Checkpoint, LOG_START, type LogRecord, sameCheckpoint } from '../storage/record.ts'
import type { Row, RowWrites } from '../storage/storage.ts'
import type { FoldedRow } from './folding.ts'
import type { Token } from './row-operations.ts'

/** Clean rows kept for the next change of them, which would have to read them first: a few megabytes a Read Model. */
const CACHED_ROWS = 16_384
/** Rows kept for readers under way although storage has them: beyond, those readers begin again. */
const MAX_KEPT = 20_000

/**
 * `usable`: rows as of this checkpoint fit the overlay. `ahead`: another tab has stored more than was folded here. `behind`:
 * older than what the overlay covers. `foreign`: the log has another record at that number.
 */
export type Verdict = 'usable' | 'ahead' | 'behind' | 'foreign'

export class FoldedRows {
  readonly #overlay = new Map<Token, FoldedRow>()
  readonly #cache = new Recent<Token, Row>(CACHED_ROWS)
  /** Ids of the records from `complete` to `folded`. */
  readonly #ids = new Map<number, string>()
  /** Rows of the record that the fold stopped in, never stored. */
  #partial: ReadonlyMap<Token, FoldedRow> | undefined
  #complete = 0
  #stored: Checkpoint | undefined
  #folded: Checkpoint = LOG_START
  #position = 0
  #dirty = 0
  #readers = 0
  /** Rows are folded onto ones before them: those that are read are worth keeping. */
  #caching = false
  #epoch = 0

  /** Another one means: what a reader under way relied on is gone. */
  get epoch(): number {
    return this.#epoch
  }
  get stored(): Checkpoint | undefined {
    return this.#stored
  }
  get folded(): Checkpoint {
    return this.#folded
  }
  /** Position of the last Event that shows in the rows. */
  get position(): number {
    return this.#position
  }
  /** Rows that storage does not have yet. */
  get dirty(): number {
    return this.#dirty
  }
  get isStored(): boolean {
    return sameCheckpoint(this.#stored ?? LOG_START, this.#folded)
  }
  /** How many rows a reader has to lay over what it read. */
  get size(): number {
    return this.#overlay.size + (this.#partial?.size ?? 0)
  }

  /** Stands on what is stored, dropping all else. */
  jump(stored: Checkpoint | undefined, position: number): void {
    this.#epoch++
    this.#overlay.clear()
    this.#cache.clear()
    this.#partial = undefined
    this.#dirty = 0
    this.#stored = stored
    this.#folded = stored ?? LOG_START
    this.#position = position
    this.#complete = this.#folded.record
    this.#ids.clear()
    this.#ids.set(this.#folded.record, this.#folded.id)
  }

  judge(checkpoint: Checkpoint | undefined): Verdict {
    const { record, id } = checkpoint ?? LOG_START
    if (record > this.#folded.record) return 'ahead'
    if (record < this.#complete) return 'behind'
    return this.#ids.get(record) === id ? 'usable' : 'foreign'
  }

  /** Takes note that storage has the rows as of this usable checkpoint, whoever wrote them. */
  noteStored(checkpoint: Checkpoint | undefined): void {
    if (!checkpoint || checkpoint.record <= (this.#stored?.record ?? 0)) return
    this.#stored = checkpoint
    this.#dirty = 0
    for (const { touched } of this.#overlay.values()) if (touched > checkpoint.record) this.#dirty++
    if (this.#readers === 0) this.#dropStored()
    else if (this.#overlay.size - this.#dirty > MAX_KEPT) {
      this.#epoch++
      this.#dropStored()
    }
  }

  /** A row as of `folded`, as far as it is known here: `{ row: undefined }` is known to be missing. */
  folding(token: Token): { readonly row: Row | undefined } | undefined {
    this.#caching = true
    const folded = this.#overlay.get(token)
    if (folded) return folded
    const row = this.#cache.get(token)
    return row && { row }
  }

  /** A row as readers see it, with what was folded of the record that stopped the fold. */
  visible(token: Token): { readonly row: Row | undefined } | undefined {
    return this.#partial?.get(token) ?? this.folding(token)
  }

  /** True where a row from storage must give way. */
  covers(token: Token): boolean {
    return this.#overlay.has(token) || this.#partial?.has(token) === true
  }

  /** All rows, removed ones too, that come in the place of stored ones. */
  *covering(): Generator<FoldedRow> {
    const partial = this.#partial
    for (const [token, folded] of this.#overlay) if (!partial?.has(token)) yield folded
    if (partial) yield* partial.values()
  }

  /** Remembers a row loaded from storage; the caller has made sure that it is as of `folded`. */
  remember(token: Token, row: Row | undefined): void {
    if (row && this.#caching && !this.#overlay.has(token)) this.#cache.set(token, row)
  }

  /**
   * Takes the result of folding whole records, and of a part of the next.
   *
   * @param records the whole ones, in order
   */
  advance(
    records: readonly Pick<LogRecord, 'number' | 'id'>[],
    position: number,
    rows: ReadonlyMap<Token, FoldedRow>,
    partial: ReadonlyMap<Token, FoldedRow> | undefined,
  ): void {
    for (const { number, id } of records) this.#ids.set(number, id)
    const last = records.at(-1)
    if (last) this.#folded = { record: last.number, id: last.id }
    this.#position = position
    const stored = this.#stored?.record ?? 0
    for (const [token, row] of rows) {
      const before = this.#overlay.get(token)
      if (!before || before.touched <= stored) this.#dirty++
      this.#overlay.set(token, row)
      this.#cache.delete(token)
    }
    // A reader may have passed over a stored row because of a partial one that is now gone.
    if (this.#partial) this.#epoch++
    this.#partial = partial
  }

  get hasPartial(): boolean {
    return this.#partial !== undefined
  }

  /** Keeps what the overlay covers until `release`: a reader is under way. */
  retain(): void {
    this.#readers++
  }

  release(): void {
    if (--this.#readers === 0) this.#dropStored()
  }

  /** What to write so that storage has the rows as of `folded`. */
  writes(): RowWrites {
    const puts: Row[] = []
    const removes: FoldedRow['key'][] = []
    const stored = this.#stored?.record ?? 0
    for (const { key, row, touched } of this.#overlay.values()) {
      if (touched <= stored) continue
      if (row) puts.push(row)
      else removes.push(key)
    }
    return { expected: this.#stored, checkpoint: this.#folded, puts, removes }
  }

  #dropStored(): void {
    const stored = this.#stored?.record ?? 0
    if (stored <= this.#complete) return
    for (const [token, { row, touched }] of this.#overlay) {
      if (touched > stored) continue
      this.#overlay.delete(token)
      if (row) this.#cache.set(token, row)
    }
    for (const record of this.#ids.keys()) {
      if (record >= stored) break
      this.#ids.delete(record)
    }
    this.#complete = stored
  }
}
