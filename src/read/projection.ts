/**
 * One Read Model's rows in one read store, kept up to date: pulls records behind its own checkpoint, folds them through the
 * handlers into memory, tells readers at once, and lets `WriteBehind` store rows and checkpoint in one transaction.
 *
 *     following ── activate() ──▶ folding ── layTail() ──▶ folding, with the tail laid over it
 *         │                          ⇅                        ⇅ parked (at an Event that a handler threw at)
 *         └──────────────────────────┴────────────────────────┴──▶ ended: closed, or lost (its checkpoint is not in the log)
 *
 * A following one only reads what another tab, or an older build, writes. Only confirmed rows are ever stored; the tail is
 * folded into memory, and where there is one, both layers change in one moment (see {@link Layers}, {@link Draft}).
 */
// In this order because gzip finds more in it (`npm run size`).
import type { AnyReadModel } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import type { Parked } from '../engine/status.ts'
import { PositionWaiters } from './position-waiters.ts'
import { OutpostError } from '../errors.ts'
import { FoldLoop } from './fold-loop.ts'
import type { ReadStore } from '../storage/storage.ts'
import { Footing } from './footing.ts'
import type { Draft } from './draft.ts'
import type { EventSource } from './event-source.ts'
import type { FoldedRows } from './folded-rows.ts'
import { WriteBehind } from './write-behind.ts'
import { BatchFolder, type FoldedBatch } from './batch-folder.ts'
import { Layers } from './layers.ts'
import { Bell } from './bell.ts'
import { type RowChange, type RowLookup, rowChanges } from './row-changes.ts'
import { Hold } from './hold.ts'
import { type Checkpoint, lastPositionOf, type LogRecord } from '../storage/record.ts'
import { RowReader } from './row-reader.ts'
import { Parking } from './parking.ts'
import type { StoredRows } from './stored-rows.ts'
import type { TentativeRows } from './tentative-rows.ts'

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
  readonly #listener: ProjectionListener
  readonly #layers: Layers
  /** The confirmed ones. */
  readonly #rows: FoldedRows
  readonly #moved = new Bell()
  readonly #writes: WriteBehind
  readonly #parking: Parking
  readonly #footing: Footing
  readonly #folder: BatchFolder
  readonly #loop: FoldLoop
  readonly #hold = new Hold()
  readonly #closing = new AbortController()
  readonly #waiters = new PositionWaiters()
  #isFollowing = true
  #ended: string | undefined
  #ownUpTo = 0
  #eventsRead = 0
  #problem: string | undefined

  private constructor({ model, store, source, environment, listener }: ProjectionOptions) {
    this.#name = model.name
    this.#store = store
    this.#source = source
    this.#listener = listener
    this.#layers = new Layers(source)
    this.#rows = this.#layers.confirmed
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
    this.#loop = new FoldLoop({
      layers: this.#layers,
      source,
      environment,
      folder: this.#folder,
      parking: this.#parking,
      hold: this.#hold,
      interest: () => listener.interest(),
      isFolding: () => !this.#isFollowing && !this.hasEnded,
      refresh: () => this.refresh(),
      makeRoom: () => this.#writes.makeRoom(),
      take: (records, batch) => this.#take(records, batch),
      takeDraft: (draft) => this.#takeDraft(draft),
      problem: (text) => this.#setProblem(text),
    })
    this.#writes = new WriteBehind(this.#rows, store, environment, {
      saved: () => this.pump(),
      stale: (checkpoint) => this.#footing.reconcile(checkpoint),
      unstorable: () => this.#foldAgainChecked(),
      problem: (text) => this.#setProblem(text),
      isBusy: () => source.isBusy,
    })
    this.reader = new RowReader({
      rows: this.#rows,
      visible: this.#layers.visible,
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
      projection.#layers.taken()
    } finally {
      if (!isStanding) projection.close()
    }
    return isStanding ? projection : undefined
  }

  /** Position of the last Event that shows in the rows, tentative ones too. */
  get position(): number {
    return this.#layers.position
  }
  /** The last confirmed record folded whole. */
  get folded(): Checkpoint {
    return this.#rows.folded
  }
  get tentative(): TentativeRows {
    return this.#layers.tentative
  }
  /** What the rows show: equal ones, and nothing has changed in between. */
  get standing(): string {
    return this.#layers.standing
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
  get isUpToDate(): boolean {
    return this.#layers.isUpToDate
  }

  /** True where its rows show this position, and nothing that is void by now. */
  shows(position: number): boolean {
    return this.#layers.shows(position)
  }

  /** Begins to fold what is confirmed. Where it followed for a while, `refresh` comes first. */
  activate(): void {
    this.#isFollowing = false
    this.pump()
  }

  /** As `activate`; from now on the tail is laid over it, too. */
  layTail(): void {
    this.#layers.layTail()
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
    this.#loop.pump()
  }

  /** Lets a parked one try its Event again; resolves when it has. */
  retry(): Promise<void> {
    return this.#loop.retry()
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
    this.#loop.close()
    this.#store.onClosed = undefined
    this.#store.close()
    this.#closing.abort()
    this.#waiters.wakeAll()
    this.#moved.ring()
  }

  /** The one moment at which the rows change, where nothing is tentative. */
  #take(records: readonly LogRecord[], batch: FoldedBatch): void {
    const { rows, partial, stop, loaded } = batch
    const whole = stop ? records.filter(({ number }) => number < stop.record) : records
    const position = stop ? stop.position - 1 : lastPositionOf(records.at(-1) as LogRecord)
    const interest = this.#listener.interest()
    const isUntold = this.#rows.hasPartial || partial !== undefined
    const before: RowLookup = (token) => (loaded.has(token) ? { row: loaded.get(token) } : this.#rows.folding(token))
    const changes = interest === 'none' || isUntold ? undefined : rowChanges(rows, interest === 'before' ? before : undefined)
    const isOwn = this.#ownUpTo > this.#rows.position
    this.#rows.advance(whole, position, rows, partial)
    this.#taken(changes, isUntold, isOwn, batch)
  }

  /** The one moment at which the rows change, where something is tentative, or was. */
  #takeDraft(draft: Draft): void {
    const interest = this.#listener.interest()
    const changes = this.#layers.isBare || draft.isUntold || interest === 'none' ? undefined : draft.changes(interest)
    const isOwn = this.#ownUpTo > this.#rows.position
    draft.take()
    this.#taken(changes, interest !== 'none', isOwn, draft)
  }

  #taken(
    changes: readonly RowChange[] | undefined,
    isUntold: boolean,
    isOwn: boolean,
    { stop, events, stoppedInTail = false }: Pick<FoldedBatch, 'stop' | 'events'> & { readonly stoppedInTail?: boolean },
  ): void {
    this.#layers.taken()
    this.#eventsRead += events
    const { tailEpoch, settled } = this.#source
    if (stop) this.#parking.park(stop, stoppedInTail ? { tailEpoch, settled } : undefined)
    else this.#parking.clear()
    this.#writes.schedule(isOwn)
    if (changes ? changes.length > 0 : isUntold) this.#listener.changed(changes)
    this.#stateChanged()
  }

  #jumped(): void {
    this.#parking.clear()
    this.#layers.jumped()
    if (!this.#layers.isBare) this.#listener.changed(undefined)
    this.#stateChanged()
    this.pump()
  }

  /** Undefined where the rows can be shown; rejects where storage keeps the tail from being laid over them. */
  #laying(): Promise<void> | undefined {
    if (!this.#layers.isBare || this.hasEnded) return undefined
    if (this.#loop.failure !== undefined) return Promise.reject(this.#loop.failure as Error)
    return this.#moved.next()
  }

  /** Storage could not keep some row. Folds again from what it has, testing each: so it parks at the Event that made it. */
  #foldAgainChecked(): boolean {
    const { check } = this.#folder
    if (check.checkStorable) return false
    check.checkStorable = true
    this.#footing.startOver().catch((error: unknown) => this.#loop.stumbled(error))
    return true
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
    return new OutpostError('closed', `Rows of Read Model "${this.#name}" cannot be read: ${this.#ended}.`, {
      readModel: this.#name,
    })
  }
}
