/**
 * One Read Model's rows in one read store, kept up to date: pulls records behind its own checkpoint, folds them through the
 * handlers into memory, tells readers at once, and lets `WriteBehind` store rows and checkpoint in one transaction.
 *
 *     following ── activate() ──▶ folding ⇄ parked (at an Event that a handler threw at)
 *         └──────────────┴────────────┴──▶ ended: closed, or lost (its checkpoint is not in the log: to be built anew)
 *
 * A following one only reads what another tab, or an older build, writes.
 */
import type { AnyReadModel } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import type { Parked } from '../engine/status.ts'
import { messageOf, OutpostError } from '../errors.ts'
import { type Checkpoint, lastPositionOf, type LogRecord } from '../storage/record.ts'
import type { ReadStore } from '../storage/storage.ts'
import { BatchFolder, type FoldedBatch } from './batch-folder.ts'
import type { EventSource } from './event-source.ts'
import { FoldedRows } from './folded-rows.ts'
import { Footing } from './footing.ts'
import { Hold } from './hold.ts'
import { Parking } from './parking.ts'
import { PositionWaiters } from './position-waiters.ts'
import { RecordPuller } from './record-puller.ts'
import { type RowChange, rowChanges } from './row-changes.ts'
import { RowReader } from './row-reader.ts'
import type { StoredRows } from './stored-rows.ts'
import { backoff, nextTask } from './timing.ts'
import { WriteBehind } from './write-behind.ts'

/** With so many rows waiting for storage nothing more is folded. */
const MAX_DIRTY = 20_000
/** Folding lets others take their turn after so long: half a display frame. */
const SLICE_MS = 8
const RETRY_FIRST_MS = 200
const RETRY_LONGEST_MS = 30_000

/** What live queries want to know of changes: nothing, the new rows, or the rows before as well. */
export type Interest = 'none' | 'after' | 'before'

export interface ProjectionListener {
  interest(): Interest
  /** After each fold, synchronously; undefined where more changed than can be told. */
  changed(changes: readonly RowChange[] | undefined): void
  /** Something that status shows. */
  stateChanged(): void
  /** It ended by itself: `lost` where its rows stand on a record that is not in the log, `closed` where its store is. */
  ended(how: 'lost' | 'closed', reason: string): void
}

export interface ProjectionOptions {
  readonly model: AnyReadModel
  readonly store: ReadStore
  readonly source: EventSource
  readonly environment: Environment
  readonly listener: ProjectionListener
}

export class Projection {
  readonly reader: RowReader
  /** Where its store is; undefined where nobody else can read there. */
  readonly storedRows: StoredRows | undefined
  readonly #name: string
  readonly #store: ReadStore
  readonly #source: EventSource
  readonly #environment: Environment
  readonly #listener: ProjectionListener
  readonly #puller: RecordPuller
  readonly #rows = new FoldedRows()
  readonly #writes: WriteBehind
  readonly #parking: Parking
  readonly #footing: Footing
  readonly #folder: BatchFolder
  readonly #hold = new Hold()
  readonly #closing = new AbortController()
  readonly #waiters = new PositionWaiters()
  #isFollowing = true
  #ended: string | undefined
  #folding: Promise<void> | undefined
  #failures = 0
  #cancelRetry: (() => void) | undefined
  #ownUpTo = 0
  #eventsRead = 0
  #problem: string | undefined

  private constructor({ model, store, source, environment, listener }: ProjectionOptions) {
    this.#name = model.name
    this.#store = store
    this.#source = source
    this.#environment = environment
    this.#listener = listener
    this.#puller = new RecordPuller(source)
    this.#parking = new Parking(environment, () => void this.retry())
    this.#footing = new Footing({
      rows: this.#rows,
      store,
      source,
      ended: () => (this.hasEnded ? this.#endedError() : undefined),
      jumped: () => this.#jumped(),
      lost: (reason) => this.#end('lost', reason),
    })
    this.#folder = new BatchFolder({ model, rows: this.#rows, store, source, footing: this.#footing })
    this.#writes = new WriteBehind(this.#rows, store, environment, {
      saved: () => this.pump(),
      stale: (checkpoint) => this.#footing.reconcile(checkpoint),
      unstorable: () => this.#foldAgainChecked(),
      problem: (text) => this.#setProblem(text),
      isBusy: () => source.isBusy,
    })
    this.reader = new RowReader({
      rows: this.#rows,
      store,
      keyField: model.key,
      reconcile: (checkpoint) => this.#footing.reconcile(checkpoint),
      flush: () => this.flush(),
      hold: () => this.hold(),
    })
    this.storedRows = store.place && { ...store.place, closed: this.#closing.signal }
    store.onClosed = (reason) => this.#end('closed', reason)
  }

  /**
   * Stands on what the store holds, following it until `activate`.
   *
   * @returns undefined where that is not in the log; the store is closed then
   */
  static async open(options: ProjectionOptions): Promise<Projection | undefined> {
    const projection = new Projection(options)
    let isStanding = false
    try {
      isStanding = await projection.#footing.stand()
    } finally {
      if (!isStanding) projection.close()
    }
    return isStanding ? projection : undefined
  }

  /** Position of the last Event that shows in the rows. */
  get position(): number {
    return this.#rows.position
  }
  /** The last record folded whole. */
  get folded(): Checkpoint {
    return this.#rows.folded
  }
  /** What storage has; undefined where it never had anything. */
  get stored(): Checkpoint | undefined {
    return this.#rows.stored
  }
  get parked(): Parked | undefined {
    return this.#parking.parked
  }
  /** What keeps it from folding or storing at the moment, in words. */
  get problem(): string | undefined {
    return this.#problem
  }
  /** Events read since it was opened here. */
  get eventsRead(): number {
    return this.#eventsRead
  }
  get isFollowing(): boolean {
    return this.#isFollowing
  }
  get hasEnded(): boolean {
    return this.#ended !== undefined
  }
  get isAtHead(): boolean {
    return this.#rows.folded.record >= this.#source.head.checkpoint.record
  }

  /** Begins to fold. Where it followed for a while, `refresh` comes first. */
  activate(): void {
    this.#isFollowing = false
    this.pump()
  }

  /** Looks whether another tab has stored more than is known here. */
  refresh(): Promise<void> {
    return this.#footing.refresh()
  }

  /** Notes that this tab wrote up to this position: to be stored soon. */
  noteOwn(position: number): void {
    this.#ownUpTo = position
  }

  /** Folds up to the head, unless it is doing so. */
  pump(): void {
    if (this.#folding || this.#cancelRetry || this.#isFollowing || this.hasEnded || this.parked || this.isAtHead) return
    if (this.#rows.dirty >= MAX_DIRTY) this.#writes.schedule(true) // it goes on when they are saved
    else void this.#keepBusy(this.#foldToHead())
  }

  /** Lets a parked one try its Event again; resolves when it has. */
  async retry(): Promise<void> {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.pump()
    while (this.#folding) await this.#folding
    if (this.parked && !this.hasEnded) await this.#keepBusy(this.#tryAgain())
  }

  /** Resolves when its rows show this position; also when it parks or ends. */
  reached(position: number): Promise<void> {
    this.pump()
    if (this.position >= position || this.parked || this.hasEnded) return Promise.resolve()
    return this.#waiters.wait(position)
  }

  /** Until the returned function is called nothing is folded in: several reads see the same. */
  hold(): () => void {
    return this.#hold.take()
  }

  /** Stores what has been folded by now. */
  async flush(): Promise<void> {
    if (!this.#isFollowing && !this.hasEnded) await this.#writes.flush()
  }

  close(reason = 'it was closed'): void {
    if (this.hasEnded) return
    this.#ended = reason
    this.#writes.close()
    this.#parking.close()
    this.#cancelRetry?.()
    this.#store.onClosed = undefined
    this.#store.close()
    this.#closing.abort()
    this.#waiters.wakeAll()
  }

  #keepBusy(work: Promise<void>): Promise<void> {
    this.#folding = work
      .catch((error: unknown) => this.#stumbled(error))
      .finally(() => {
        this.#folding = undefined
        this.pump()
      })
    return this.#folding
  }

  async #foldToHead(): Promise<void> {
    // Records of one transaction ring one by one: they are folded together.
    await Promise.resolve()
    let sliceEnd = this.#environment.clock() + SLICE_MS
    while (!this.hasEnded && !this.parked && !this.isAtHead && this.#rows.dirty < MAX_DIRTY) {
      await this.#foldBatch(await this.#puller.after(this.#rows.folded.record))
      if (this.#environment.clock() < sliceEnd) continue
      await nextTask()
      sliceEnd = this.#environment.clock() + SLICE_MS
    }
    this.#recovered()
  }

  async #tryAgain(): Promise<void> {
    // A tab with a mended build may have got past it.
    await this.refresh()
    if (this.parked && !this.hasEnded) await this.#foldBatch(await this.#puller.after(this.#rows.folded.record))
    this.#recovered()
  }

  async #foldBatch(records: readonly LogRecord[]): Promise<void> {
    // It may have moved while they were pulled.
    if (this.hasEnded || records[0]?.number !== this.#rows.folded.record + 1) return
    const { epoch } = this.#rows
    const batch = await this.#folder.fold(records, this.#listener.interest() === 'before')
    if (!batch) return
    if (this.#hold.isHeld) await this.#hold.free()
    if (!this.hasEnded && epoch === this.#rows.epoch) this.#take(records, batch)
  }

  /** The one moment at which the rows change. */
  #take(records: readonly LogRecord[], { rows, partial, stop, events, before }: FoldedBatch): void {
    const whole = stop ? records.filter(({ number }) => number < stop.record) : records
    const position = stop ? stop.position - 1 : lastPositionOf(records.at(-1) as LogRecord)
    const interest = this.#listener.interest()
    const isUntold = this.#rows.hasPartial || partial !== undefined
    const changes = interest === 'none' || isUntold ? undefined : rowChanges(rows, interest === 'before' ? before : undefined)
    const isOwn = this.#ownUpTo > this.#rows.position
    this.#rows.advance(whole, position, rows, partial)
    this.#eventsRead += events
    if (stop) this.#parking.park(stop)
    else this.#parking.clear()
    this.#writes.schedule(isOwn)
    if (isUntold || (changes && changes.length > 0)) this.#listener.changed(changes)
    this.#stateChanged()
  }

  #jumped(): void {
    this.#parking.clear()
    this.#listener.changed(undefined)
    this.#stateChanged()
    this.pump()
  }

  /** Storage could not keep some row. Folds again from what it has, testing each: so it parks at the Event that made it. */
  #foldAgainChecked(): boolean {
    const { check } = this.#folder
    if (check.checkStorable) return false
    check.checkStorable = true
    this.#footing.startOver().catch((error: unknown) => this.#stumbled(error))
    return true
  }

  /** Storage failed while folding: it tries again, later and later. */
  #stumbled(error: unknown): void {
    // Where the log itself was closed, this ends with its engine; to look again at once would never let that happen.
    if (this.hasEnded) return
    this.#setProblem(messageOf(error))
    this.#cancelRetry?.()
    this.#cancelRetry = this.#environment.later(backoff(++this.#failures, RETRY_FIRST_MS, RETRY_LONGEST_MS), () => {
      this.#cancelRetry = undefined
      this.pump()
    })
  }

  #recovered(): void {
    if (this.#failures === 0) return
    this.#failures = 0
    this.#setProblem(undefined)
  }

  #setProblem(text: string | undefined): void {
    this.#problem = text
    this.#listener.stateChanged()
  }

  #stateChanged(): void {
    this.#listener.stateChanged()
    if (this.parked) this.#waiters.wakeAll()
    else this.#waiters.wake(this.position)
  }

  #end(how: 'lost' | 'closed', reason: string): void {
    if (this.hasEnded) return
    this.close(reason)
    this.#listener.ended(how, reason)
  }

  #endedError(): OutpostError {
    return new OutpostError('closed', `The rows of Read Model "${this.#name}" are no longer read from here: ${this.#ended}.`, {
      readModel: this.#name,
    })
  }
}
