/**
 * The tentative layer of a projection, in memory only: every row that an Event of the pending tail has touched, as of the last
 * record of the tail that was folded. It lies over the confirmed rows, and readers see it in their place.
 */
import type { Checkpoint, LogRecord } from '../storage/record.ts'
import type { FoldedRow } from './folding.ts'
import type { Token } from './row-operations.ts'

/** What folding some records came to. */
export interface FoldedPart {
  readonly rows: ReadonlyMap<Token, FoldedRow>
  /** The whole ones, in order. */
  readonly records: readonly Pick<LogRecord, 'number' | 'id'>[]
  /** Of the last Event that shows. */
  readonly position: number
  /** What came before the Event that stopped the fold, in its own record. */
  readonly partial: ReadonlyMap<Token, FoldedRow> | undefined
}

export class TentativeRows {
  readonly #rows = new Map<Token, FoldedRow>()
  #partial: ReadonlyMap<Token, FoldedRow> | undefined
  #records: FoldedPart['records'][number][] = []
  #position = 0
  #tailEpoch: number | undefined
  #epoch = 0
  #arrivals = 0

  /** Another one means: a row that it covered may be covered no longer. */
  get epoch(): number {
    return this.#epoch
  }
  /** Which tail it was folded from, see {@link EventSource.tailEpoch}. */
  get tailEpoch(): number | undefined {
    return this.#tailEpoch
  }
  /** True where nothing tentative shows. */
  get isEmpty(): boolean {
    return this.#records.length === 0 && !this.#partial
  }
  get hasPartial(): boolean {
    return this.#partial !== undefined
  }
  get size(): number {
    return this.#rows.size + (this.#partial?.size ?? 0)
  }
  /** Grows with each row that it covers and did not cover before. */
  get arrivals(): number {
    return this.#arrivals
  }
  /** The last record of the tail that was folded whole; undefined where none was. */
  get folded(): Checkpoint | undefined {
    const last = this.#records.at(-1)
    return last && { record: last.number, id: last.id }
  }

  /** What shows, as one part. */
  get part(): FoldedPart {
    return { rows: this.#rows, records: this.#records, position: this.#position, partial: this.#partial }
  }

  /** A row as of the last whole record. */
  folding(token: Token): FoldedRow | undefined {
    return this.#rows.get(token)
  }

  visible(token: Token): FoldedRow | undefined {
    return this.#partial?.get(token) ?? this.#rows.get(token)
  }

  covers(token: Token): boolean {
    return this.#rows.has(token) || this.#partial?.has(token) === true
  }

  /** All its rows, removed ones too. */
  *covering(): Generator<readonly [Token, FoldedRow]> {
    const partial = this.#partial
    for (const entry of this.#rows) if (!partial?.has(entry[0])) yield entry
    if (partial) yield* partial
  }

  /** Takes what later records of the same tail came to; of another tail, that comes in the place of all it had. */
  take(tailEpoch: number, { rows, records, position, partial }: FoldedPart): void {
    if (tailEpoch !== this.#tailEpoch) this.clear()
    this.#tailEpoch = tailEpoch
    for (const [token, row] of rows) {
      if (!this.#rows.has(token)) this.#arrivals++
      this.#rows.set(token, row)
    }
    for (const { number, id } of records) this.#records.push({ number, id })
    this.#position = position
    this.#dropPartial()
    this.#arrivals += partial?.size ?? 0
    this.#partial = partial
  }

  /**
   * The records up to this one are confirmed: their rows are given by the confirmed layer now.
   *
   * @param begun the record that the confirmed layer has a part of, where it had to stop
   */
  settle(record: number, begun: number = record): void {
    if (this.#partial && [...this.#partial.values()].some(({ touched }) => touched <= begun)) this.#dropPartial()
    const first = this.#records.findIndex(({ number }) => number > record)
    if (first === 0) return
    this.#records = first < 0 ? [] : this.#records.slice(first)
    for (const [token, { touched }] of this.#rows) if (touched <= record) this.#rows.delete(token)
  }

  clear(): void {
    if (!this.isEmpty) this.#epoch++
    this.#rows.clear()
    this.#records = []
    this.#partial = undefined
  }

  #dropPartial(): void {
    // A reader may have passed over a stored row because of it.
    if (this.#partial) this.#epoch++
    this.#partial = undefined
  }
}
