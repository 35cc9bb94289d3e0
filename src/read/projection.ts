/**
 * One Read Model's rows in one read store, kept up to date: pulls records behind its own checkpoint, folds them through the
 * handlers into memory, tells readers at once, and lets `WriteBehind` store rows and checkpoint in one transaction.
 *
 *     following ── activate() ──▶ folding ── layTail() ──▶ folding, with the tail laid over it
 *         │                          ⇅                        ⇅ parked (at an Event that a handler threw at)
 *         └──────────────────────────┴────────────────────────┴──▶ ended: closed, or lost (its checkpoint is not in the log)
 *
 * A following one only reads what another tab, or an older build, writes. Only confirmed rows are ever stored; the tail is
 * folded into memory, and where there is one, both layers change in one moment (see {@link Draft}). Rows whose tail is not laid
 * over them yet are *bare*: they are shown to nobody.
 */
import type { AnyReadModel } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import type { Parked } from '../engine/status.ts'
import { messageOf, OutpostError } from '../errors.ts'
import { type Checkpoint, lastPositionOf, type LogRecord } from '../storage/record.ts'
import type { ReadStore } from '../storage/storage.ts'
import { BatchFolder, type FoldedBatch } from './batch-folder.ts'
import { Bell } from './bell.ts'
import { Draft, type DraftHost } from './draft.ts'
import type { EventSource } from './event-source.ts'
import { FoldedRows } from './folded-rows.ts'
import type { Stop } from './folding.ts'
import { Footing } from './footing.ts'
import { Hold } from './hold.ts'
import { Parking } from './parking.ts'
import { PositionWaiters } from './position-waiters.ts'
import { RecordPuller } from './record-puller.ts'
import { type RowChange, type RowLookup, rowChanges } from './row-changes.ts'
import { RowReader } from './row-reader.ts'
import type { StoredRows } from './stored-rows.ts'
import { TentativeRows } from './tentative-rows.ts'
import { backoff, nextTask } from './timing.ts'
import { VisibleRows } from './visible-rows.ts'
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
  readonly tentative = new TentativeRows()
  /** Where its store is; undefined where nobody else can read there. */
  readonly storedRows: StoredRows | undefined
  readonly #name: string
  readonly #store: ReadStore
  readonly #source: EventSource
  readonly #environment: Environment
  readonly #listener: ProjectionListener
  readonly #puller: RecordPuller
  readonly #rows = new FoldedRows()
  readonly #visible = new VisibleRows(this.#rows, this.tentative)
  readonly #known: RowLookup = (token) => this.#rows.folding(token)
  readonly #draftHost: DraftHost
  readonly #moved = new Bell()
  readonly #writes: WriteBehind
  readonly #parking: Parking
  readonly #footing: Footing
  readonly #folder: BatchFolder
  readonly #hold = new Hold()
  readonly #closing = new AbortController()
  readonly #waiters = new PositionWaiters()
  #isFollowing = true
  /** The tail is laid over the confirmed rows. */
  #laysTail = false
  #isBare = false
  #position = 0
  /** What the log was when a tentative Event stopped the fold. */
  #parkedAt: { readonly tailEpoch: number; readonly settled: number } | undefined
  #sliceEnd = 0
  #ended: string | undefined
  #folding: Promise<void> | undefined
  #failures = 0
  #failure: unknown
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
    this.#draftHost = {
      rows: this.#rows,
      tentative: this.tentative,
      visible: this.#visible,
      source,
      folder: this.#folder,
      confirmedRecords: this.#puller,
      tailRecords: new RecordPuller(source),
      interest: () => listener.interest(),
      isBare: () => this.#isBare,
      breathe: () => this.#breathe(),
    }
    this.#writes = new WriteBehind(this.#rows, store, environment, {
      saved: () => this.pump(),
      stale: (checkpoint) => this.#footing.reconcile(checkpoint),
      unstorable: () => this.#foldAgainChecked(),
      problem: (text) => this.#setProblem(text),
      isBusy: () => source.isBusy,
    })
    this.reader = new RowReader({
      rows: this.#rows,
      visible: this.#visible,
      store,
      keyField: model.key,
      reconcile: (checkpoint) => this.#footing.reconcile(checkpoint),
      flush: () => this.flush(),
      laying: () => this.#laying(),
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
      projection.#position = projection.#rows.position
    } finally {
      if (!isStanding) projection.close()
    }
    return isStanding ? projection : undefined
  }

  /** Position of the last Event that shows in the rows, tentative ones too. */
  get position(): number {
    return this.#position
  }
  /** The last confirmed record folded whole. */
  get folded(): Checkpoint {
    return this.#rows.folded
  }
  /** What the rows show: equal ones, and nothing has changed in between. */
  get standing(): string {
    return `${this.#rows.folded.id} ${this.#visible.folded.id}`
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
  /** True until the tail is laid over rows that stand elsewhere, or are new. Its position is that of what was shown before. */
  get isBare(): boolean {
    return this.#isBare
  }
  /** True where its rows show this position, and nothing that is void by now. */
  shows(position: number): boolean {
    const { tentative } = this
    return this.#position >= position && !this.#isBare && (tentative.isEmpty || tentative.tailEpoch === this.#source.tailEpoch)
  }
  /** True where there is nothing to fold. */
  get isUpToDate(): boolean {
    const { head, settled } = this.#source
    if (this.#isBare || this.#rows.folded.record < settled.record) return false
    return !this.#laysTail || this.#visible.folded.record >= head.checkpoint.record
  }
  /** True where nothing tentative shows or is to be shown. */
  get #isPlain(): boolean {
    const { head, settled } = this.#source
    return !this.#laysTail || (!this.#isBare && this.tentative.isEmpty && settled.record >= head.checkpoint.record)
  }

  /** Begins to fold what is confirmed. Where it followed for a while, `refresh` comes first. */
  activate(): void {
    this.#isFollowing = false
    this.pump()
  }

  /** As `activate`; from now on the tail is laid over it, too. */
  layTail(): void {
    const { head, settled } = this.#source
    this.#isBare ||= !this.#laysTail && settled.record < head.checkpoint.record
    this.#laysTail = true
    this.activate()
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
    if (this.#folding || this.#cancelRetry || this.#isFollowing || this.hasEnded) return
    if (this.parked) {
      if (this.#isTailAnother) void this.#keepBusy(this.#tryAgain())
    } else if (this.isUpToDate) return
    else if (this.#isFull) this.#writes.schedule(true) // it goes on when they are saved
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

  /** Resolves when its rows show this position, with the tail; also when it parks or ends. */
  reached(position: number): Promise<void> {
    this.pump()
    if (this.shows(position) || this.parked || this.hasEnded) return Promise.resolve()
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
    this.#moved.ring()
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
    // Whoever hears of the same records at the same time is told together.
    await Promise.resolve()
    this.#sliceEnd = this.#environment.clock() + SLICE_MS
    while (!this.hasEnded && !this.parked && !this.isUpToDate && !this.#isFull) {
      await this.#foldNext()
      await this.#breathe()
    }
    this.#recovered()
  }

  async #breathe(): Promise<void> {
    if (this.#environment.clock() < this.#sliceEnd) return
    await nextTask()
    this.#sliceEnd = this.#environment.clock() + SLICE_MS
  }

  async #tryAgain(): Promise<void> {
    // A tab with a mended build may have got past it.
    await this.refresh()
    if (this.parked && !this.hasEnded) await this.#foldNext()
    this.#recovered()
  }

  /** True where storage has to take rows before more are folded that it has to take. */
  get #isFull(): boolean {
    return this.#rows.dirty >= MAX_DIRTY && this.#rows.folded.record < this.#source.settled.record
  }

  /** True where it stopped in a tail that is another one now. */
  get #isTailAnother(): boolean {
    const { tailEpoch, settled } = this.#source
    return this.#parkedAt !== undefined && (this.#parkedAt.tailEpoch !== tailEpoch || this.#parkedAt.settled !== settled.record)
  }

  /** One batch, or all at once where anything tentative shows or will. */
  async #foldNext(): Promise<void> {
    if (!this.#isPlain) return this.#foldAside()
    const records = await this.#puller.after(this.#rows.folded.record)
    const { settled } = this.#source
    if (this.#isPlain) await this.#foldBatch(records.filter(({ number }) => number <= settled.record))
  }

  async #foldBatch(records: readonly LogRecord[]): Promise<void> {
    // It may have moved while they were pulled.
    if (this.hasEnded || records[0]?.number !== this.#rows.folded.record + 1) return
    const { epoch } = this.#rows
    const batch = await this.#folder.fold(records, this.#known, this.#listener.interest() === 'before')
    if (!batch) return
    if (this.#hold.isHeld) await this.#hold.free()
    if (!this.hasEnded && epoch === this.#rows.epoch) this.#take(records, batch)
  }

  async #foldAside(): Promise<void> {
    const draft = new Draft(this.#draftHost)
    do {
      if (this.hasEnded || !(await draft.complete())) return
      // Bare rows are read by nobody who could wait for them to stand still.
      if (this.#hold.isHeld && !this.#isBare) await this.#hold.free()
    } while (!draft.isCurrent)
    if (!this.hasEnded) this.#takeDraft(draft)
  }

  /** The one moment at which the rows change, where nothing is tentative. */
  #take(records: readonly LogRecord[], { rows, partial, stop, events, loaded }: FoldedBatch): void {
    const whole = stop ? records.filter(({ number }) => number < stop.record) : records
    const position = stop ? stop.position - 1 : lastPositionOf(records.at(-1) as LogRecord)
    const interest = this.#listener.interest()
    const isUntold = this.#rows.hasPartial || partial !== undefined
    const before: RowLookup = (token) => (loaded.has(token) ? { row: loaded.get(token) } : this.#known(token))
    const changes = interest === 'none' || isUntold ? undefined : rowChanges(rows, interest === 'before' ? before : undefined)
    const isOwn = this.#ownUpTo > this.#rows.position
    this.#rows.advance(whole, position, rows, partial)
    this.#taken(changes, isUntold, isOwn, stop, events)
  }

  /** The one moment at which the rows change, where something is tentative, or was. */
  #takeDraft(draft: Draft): void {
    const { stop, events } = draft
    const { tailEpoch, settled } = this.#source
    const interest = this.#listener.interest()
    const changes = this.#isBare || draft.isUntold || interest === 'none' ? undefined : draft.changes(interest)
    const isOwn = this.#ownUpTo > this.#rows.position
    draft.take()
    this.#isBare = false
    this.#parkedAt = draft.stoppedInTail ? { tailEpoch, settled: settled.record } : undefined
    this.#taken(changes, interest !== 'none', isOwn, stop, events)
  }

  #taken(changes: readonly RowChange[] | undefined, isUntold: boolean, isOwn: boolean, stop: Stop | undefined, events: number): void {
    this.#position = this.#visible.position
    this.#eventsRead += events
    if (stop) this.#parking.park(stop)
    else this.#parking.clear()
    this.#writes.schedule(isOwn)
    if (changes ? changes.length > 0 : isUntold) this.#listener.changed(changes)
    this.#stateChanged()
  }

  #jumped(): void {
    const { head, settled, tailEpoch } = this.#source
    const { tentative } = this
    const { folded } = this.#rows
    this.#parking.clear()
    this.#parkedAt = undefined
    this.#isBare ||= this.#laysTail && (!tentative.isEmpty || settled.record < head.checkpoint.record)
    // What was folded of the same tail, beyond what is stored, stays what it was.
    if (tentative.tailEpoch === tailEpoch && (tentative.folded?.record ?? 0) >= folded.record) tentative.settle(folded.record)
    else tentative.clear()
    if (!this.#isBare) {
      this.#position = this.#visible.position
      this.#listener.changed(undefined)
    }
    this.#stateChanged()
    this.pump()
  }

  /** Undefined where the rows can be shown; rejects where storage keeps the tail from being laid over them. */
  #laying(): Promise<void> | undefined {
    if (!this.#isBare || this.hasEnded) return undefined
    if (this.#failure !== undefined) return Promise.reject(this.#failure as Error)
    return this.#moved.next()
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
    this.#failure = error
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
    this.#failure = undefined
    this.#setProblem(undefined)
  }

  #setProblem(text: string | undefined): void {
    this.#problem = text
    this.#listener.stateChanged()
    this.#moved.ring()
  }

  #stateChanged(): void {
    this.#listener.stateChanged()
    this.#moved.ring()
    if (this.parked) this.#waiters.wakeAll()
    else if (this.shows(0)) this.#waiters.wake(this.position)
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
