/**
 * What is folded aside where tentative rows show, or will: first what was confirmed behind the rows, then the tail over it. It
 * is taken in one moment, so that nobody sees the one without the other. Where more was confirmed meanwhile it goes on from
 * where it is, since what is confirmed is so for good; where the tail was voided, the tail is folded again.
 */
import { type LogRecord, lastPositionOf } from '../storage/record.ts'
import type { Key, Row } from '../storage/storage.ts'
import type { BatchFolder } from './batch-folder.ts'
import type { EventSource } from './event-source.ts'
import type { FoldedRow, Stop } from './folding.ts'
import type { Layers } from './layers.ts'
import type { Interest } from './projection.ts'
import type { RecordPuller } from './record-puller.ts'
import type { RowChange, RowLookup } from './row-changes.ts'
import type { Token } from './row-operations.ts'
import type { FoldedPart } from './tentative-rows.ts'

/** Rows that come to light again, or that are replaced, are looked up where they are this few: beyond, reading again is faster. */
const MAX_LOOKED_UP = 200

export interface DraftHost {
  readonly layers: Layers
  readonly source: EventSource
  readonly folder: BatchFolder
  readonly confirmedRecords: RecordPuller
  readonly tailRecords: RecordPuller
  interest(): Interest
  /** Lets others take their turn, now and then. */
  breathe(): Promise<void>
}

export class Draft {
  readonly #host: DraftHost
  readonly #epoch: number
  readonly #confirmed: Part
  /** Rows that storage has, as of what the confirmed layer has folded. */
  readonly #loaded = new Map<Token, Row | undefined>()
  #tail: Part
  #tailEpoch: number
  #stop: Stop | undefined
  #stoppedInTail = false
  #events = 0

  constructor(host: DraftHost) {
    const { confirmed: rows, tentative } = host.layers
    const { source } = host
    this.#host = host
    this.#epoch = rows.epoch
    this.#confirmed = new Part(rows.folded.record, rows.position)
    this.#tailEpoch = source.tailEpoch
    const { folded, part } = tentative
    // All that was folded of the tail is confirmed just as it stands: its rows are the confirmed ones.
    if (folded && folded.record <= source.settled.record && tentative.tailEpoch === this.#tailEpoch && !part.partial)
      this.#confirmed.add(part, folded.record)
    this.#tail = this.#beginTail()
  }

  /** Where the fold had to stop. */
  get stop(): Stop | undefined {
    return this.#stop
  }
  /** True where it stopped in the tail. */
  get stoppedInTail(): boolean {
    return this.#stoppedInTail
  }
  /** How many Events were read for it. */
  get events(): number {
    return this.#events
  }

  /**
   * Folds until it can be taken.
   *
   * @returns false where storage has moved on, and another one has to begin
   */
  async complete(): Promise<boolean> {
    for (;;) {
      this.#stop = undefined
      this.#stoppedInTail = false
      const isFolded = (await this.#foldConfirmed()) && (this.#stop || (await this.#foldTail())) && (await this.#lookUp())
      if (!isFolded || this.#epoch !== this.#host.layers.confirmed.epoch) return false
      if (this.isCurrent) return true
    }
  }

  /** True as long as nothing more was confirmed, and no other tail began. Else `complete` has to be called again. */
  get isCurrent(): boolean {
    const { settled, tailEpoch } = this.#host.source
    if (this.#epoch !== this.#host.layers.confirmed.epoch) return false
    // Behind an Event that stops the confirmed rows there is nothing to show.
    return this.#isStopped || (settled.record === this.#confirmed.folded && tailEpoch === this.#tailEpoch)
  }

  /** True where rows change that cannot be told one by one. */
  get isUntold(): boolean {
    const { confirmed: rows, tentative } = this.#host.layers
    return rows.hasPartial || tentative.hasPartial || this.#confirmed.partial !== undefined || this.#tail.partial !== undefined
  }

  /** What taking it will change; undefined where that is not known. */
  changes(interest: Interest): readonly RowChange[] | undefined {
    const changes: RowChange[] = []
    for (const [token, key] of this.#touched()) {
      const after = this.#after(token)
      if (!after) return undefined
      changes.push({ key, token, row: after.row, before: interest === 'before' ? this.#before(token) : undefined })
    }
    return changes
  }

  /** Makes it what is shown: the one moment at which both layers change. */
  take(): void {
    const { confirmed: rows, tentative } = this.#host.layers
    const { records, position, rows: confirmed, partial, folded } = this.#confirmed
    const isStopped = this.#isStopped
    if (records.length > 0 || isStopped || rows.hasPartial) rows.advance(records, position, confirmed, partial)
    if (!isStopped) tentative.take(this.#tailEpoch, this.#tail)
    else if (!this.#extends) tentative.clear()
    tentative.settle(folded, isStopped ? this.#stop?.record : folded)
  }

  /** True where the confirmed rows have to stop: nothing of the tail can be laid over them. */
  get #isStopped(): boolean {
    return this.#stop !== undefined && !this.#stoppedInTail
  }

  /** True where the tail goes on that the tentative rows were folded from. */
  get #extends(): boolean {
    const { source, layers } = this.#host
    return layers.tentative.tailEpoch === source.tailEpoch
  }

  #beginTail(): Part {
    const { tentative } = this.#host.layers
    const { folded, part } = tentative
    const from = this.#extends && folded ? folded.record : this.#confirmed.folded
    return new Part(from, this.#extends && folded ? part.position : this.#confirmed.position)
  }

  async #foldConfirmed(): Promise<boolean> {
    const { source, layers } = this.#host
    const part = this.#confirmed
    while (part.folded < source.settled.record) {
      const pulled = await this.#host.confirmedRecords.after(part.folded)
      const records = pulled.filter(({ number }) => number <= source.settled.record)
      const known: RowLookup = (token) => part.rows.get(token) ?? this.#loadedRow(token) ?? layers.confirmed.folding(token)
      if (!(await this.#fold(part, records, known))) return false
      if (this.#stop) {
        this.#tail = new Part(part.folded, part.position)
        break
      }
      await this.#host.breathe()
    }
    return true
  }

  /**
   * To the head; where the tail only goes on, a batch that ends with a transaction is enough. (Where something was confirmed as
   * well, the rows were never so with only a part of the tail.)
   */
  async #foldTail(): Promise<boolean> {
    const { source } = this.#host
    if (this.#tailEpoch !== source.tailEpoch) {
      this.#tailEpoch = source.tailEpoch
      this.#tail = this.#beginTail()
    }
    const part = this.#tail
    // What is confirmed by now is no tail.
    part.skipTo(this.#confirmed)
    const goesOn = this.#extends && this.#confirmed.records.length === 0 && !this.#host.layers.isBare
    const isSame = (): boolean => this.#tailEpoch === source.tailEpoch && source.settled.record === this.#confirmed.folded
    while (part.folded < source.head.checkpoint.record && isSame()) {
      const records = await this.#host.tailRecords.after(part.folded)
      if (!isSame()) break
      if (!(await this.#fold(part, records, (token) => this.#after(token)))) return false
      this.#stoppedInTail = this.#stop !== undefined
      if (this.#stop || (goesOn && records.at(-1)?.more !== true)) break
      await this.#host.breathe()
    }
    return true
  }

  async #fold(part: Part, records: readonly LogRecord[], known: RowLookup): Promise<boolean> {
    const batch = await this.#host.folder.fold(records, known, false)
    if (!batch || this.#epoch !== this.#host.layers.confirmed.epoch) return false
    const { stop, rows, partial, events, loaded } = batch
    for (const [token, row] of loaded) this.#loaded.set(token, row)
    const whole = stop ? records.filter(({ number }) => number < stop.record) : records
    const position = stop ? stop.position - 1 : lastPositionOf(records.at(-1) as LogRecord)
    part.add({ rows, records: whole, position, partial }, whole.at(-1)?.number ?? part.folded)
    this.#stop = stop
    this.#events += events
    return true
  }

  /** Loads what has to be told and is not known. */
  async #lookUp(): Promise<boolean> {
    const interest = this.#host.interest()
    if (interest === 'none' || this.isUntold || !this.isCurrent) return true
    const missing = new Map<Token, Key>()
    for (const [token, key] of this.#touched())
      if (!this.#after(token) || (interest === 'before' && !this.#before(token))) missing.set(token, key)
    if (missing.size === 0 || missing.size > MAX_LOOKED_UP) return true
    return this.#host.folder.load(missing, this.#loaded)
  }

  /** Rows that may be others afterwards, or that are pending no longer. */
  #touched(): ReadonlyMap<Token, Key> {
    const { tentative } = this.#host.layers
    const touched = new Map<Token, Key>()
    const stays = (token: Token): boolean => this.#extends && (tentative.folding(token)?.touched ?? 0) > this.#confirmed.folded
    for (const [token, { key }] of this.#confirmed.rows) if (!stays(token)) touched.set(token, key)
    for (const [token, { key }] of this.#tail.rows) touched.set(token, key)
    if (!this.#extends) for (const [token, { key }] of tentative.covering()) touched.set(token, key)
    return touched
  }

  /** A row as it will be, as far as it is known. */
  #after(token: Token): { readonly row: Row | undefined } | undefined {
    const { confirmed: rows, tentative } = this.#host.layers
    const { folded } = this.#confirmed
    // What the tail gave it, unless it is confirmed by now and something confirmed came after it.
    const ofTail = [this.#tail.rows.get(token), this.#extends ? tentative.folding(token) : undefined]
    return (
      ofTail.find((each) => each !== undefined && each.touched > folded) ??
      this.#confirmed.rows.get(token) ??
      this.#loadedRow(token) ??
      rows.folding(token)
    )
  }

  /** A row as it is now, as far as it is known. */
  #before(token: Token): { readonly row: Row | undefined } | undefined {
    return this.#host.layers.visible.visible(token) ?? this.#loadedRow(token)
  }

  #loadedRow(token: Token): { readonly row: Row | undefined } | undefined {
    return this.#loaded.has(token) ? { row: this.#loaded.get(token) } : undefined
  }
}

/** What folding one after another came to so far. */
class Part implements FoldedPart {
  readonly rows = new Map<Token, FoldedRow>()
  readonly records: FoldedPart['records'][number][] = []
  partial: FoldedPart['partial']
  /** Number of the last record folded whole. */
  folded: number
  position: number

  constructor(folded: number, position: number) {
    this.folded = folded
    this.position = position
  }

  add({ rows, records, position, partial }: FoldedPart, folded: number): void {
    for (const [token, row] of rows) this.rows.set(token, row)
    for (const { number, id } of records) this.records.push({ number, id })
    this.position = position
    this.partial = partial
    this.folded = folded
  }

  skipTo({ folded, position }: Part): void {
    if (folded <= this.folded) return
    this.folded = folded
    this.position = position
    this.partial = undefined
  }
}
