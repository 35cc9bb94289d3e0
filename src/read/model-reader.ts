/**
 * One Read Model as this tab reads it: which rows are shown, and how others take their place.
 *
 *     opening ──▶ current generation, up to date ◀── swap ── another one built beside it
 *        └──▶ none yet: an older version's rows that look the same, else the half-built ones; stale
 */
// In this order because gzip finds more in it (`npm run size`).
import type { AnyReadModel } from '../domain/infer.ts'
import type { Snapshot } from '../domain/query.ts'
import type { Environment } from '../engine/engine.ts'
import type { ReadModelStatus } from '../engine/status.ts'
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import { defined } from '../internal/defined.ts'
import type { MetaStore, Storage } from '../storage/storage.ts'
import type { EventSource } from './event-source.ts'
import { LiveQueries } from './live-queries.ts'
import type { Freshness } from './live-query.ts'
import { ShownRows } from './shown-rows.ts'
import { GenerationStores } from './generation-stores.ts'
import { Alarm } from '../internal/alarm.ts'
import { type Generation, Generations, otherBuild } from './generations.ts'
import type { Projection, ProjectionListener } from './projection.ts'
import { GenerationBuilder } from './generation-builder.ts'
import { backoff, jitter, within } from './timing.ts'
import { Bell } from './bell.ts'

/** Records of other tabs are folded so late, or twice as late, where nobody watches: their own tab may have stored the rows by then. */
const LAZY_MS = 2_000
/** This tab's own are folded so late where nobody watches or asks: 500 Commands, each awaited, take a tenth less. */
const OWN_LAZY_MS = 50
/** What a query waits for others' records, whatever its own deadline: they have no promise of being in it. */
const HEAD_WAIT_MS = 100
const RETRY_FIRST_MS = 500
const RETRY_LONGEST_MS = 30_000

/** As `ReadModelStatus`, with what keeps its rows from being stored, in words. */
export interface ReadModelState extends ReadModelStatus {
  readonly problem?: string
}

export interface ModelReaderOptions {
  readonly model: AnyReadModel
  readonly source: EventSource
  readonly storage: Storage
  readonly meta: MetaStore
  readonly environment: Environment
  /** `«app».«space».«principal»` */
  readonly prefix: string
  /** Called at each change of `status`, often. */
  stateChanged(): void
}

export class ModelReader {
  readonly model: AnyReadModel
  readonly live: LiveQueries
  readonly shown: ShownRows
  readonly #options: ModelReaderOptions
  readonly #generations: Generations
  readonly #stores: GenerationStores
  readonly #builder: GenerationBuilder
  readonly #bell = new Bell()
  readonly #closing = new AbortController()
  /** The current generation of this build's version. */
  #current: { readonly projection: Projection; readonly generation: Generation } | undefined
  #next: Projection | undefined
  /** About to be the current one, as soon as it is as far. */
  #coming: Projection | undefined
  #openFailures = 0
  #problem: string | undefined
  #isOpening = false
  /** Another generation takes the place of the current one: a moment, not worth telling. */
  #isChanging = false
  #wasOpen = false
  #wasStale = true
  #queries = 0
  /** This tab wrote up to this position. */
  #ownUpTo = 0
  readonly #pumpSoon: Alarm
  readonly #lookSoon: Alarm

  constructor(options: ModelReaderOptions) {
    const { model, source, environment, prefix, meta } = options
    this.model = model
    this.shown = new ShownRows(model, this.#bell)
    this.#options = options
    this.#pumpSoon = new Alarm(environment, () => this.shown.projection?.pump())
    this.#lookSoon = new Alarm(environment, () => void this.#look())
    this.#generations = new Generations(meta, model)
    this.#stores = new GenerationStores({ ...options, generations: this.#generations, signal: this.#closing.signal })
    this.live = new LiveQueries({
      model,
      environment,
      shown: this.shown,
      about: (data) => this.about(data),
    })
    this.#builder = new GenerationBuilder({
      generations: this.#generations,
      source,
      environment,
      lockName: `${prefix}.read.${model.name}@${model.version}`,
      bell: this.#bell,
      signal: this.#closing.signal,
      open: (generation) => this.#stores.open(model.version, generation, this.#listen),
      discard: (generation) => this.#stores.destroy(generation),
      building: (next) => this.#setNext(next),
      finished: (generation, built, replaced) => this.#finished(generation, built, replaced),
      problem: (text) => this.#setProblem(text),
    })
  }

  /** Begins; what needs rows waits by itself. */
  open(): void {
    if (this.#isOpening || this.#closing.signal.aborted) return
    this.#isOpening = true
    void this.#open().then(
      () => {
        this.#isOpening = false
        this.#openFailures = 0
        // What was opened may have ended meanwhile.
        if (!this.#current && !this.#builder.isRunning) this.open()
      },
      (error: unknown) => {
        this.#isOpening = false
        this.#failedToOpen(error)
      },
    )
  }

  /** What is to be said of a result that was read just now: how fresh it is, and which of its rows rest on pending Commands. */
  about(data: unknown): Omit<Snapshot<unknown>, 'data'> {
    const pending = this.shown.pendingIn(data)
    return { ...this.freshness(), ...defined({ pending }) }
  }

  /** Position that its rows are as of, and whether more is known to be missing. */
  freshness(): Freshness {
    const { projection } = this.shown
    if (!projection) return { position: this.shown.position, stale: !this.#isChanging }
    return { position: projection.position, stale: projection !== this.#current?.projection || projection.parked !== undefined }
  }

  status(): ReadModelState {
    const projection = this.#current?.projection ?? this.#next
    const { position } = this.freshness()
    const parked = this.#current?.projection.parked ?? this.#next?.parked
    const problem = this.#problem ?? projection?.problem ?? this.#next?.problem ?? this.#coming?.problem
    const isBuilding = this.#builder.isRunning
    const head = this.#options.source.head.position
    return {
      name: this.model.name,
      version: this.model.version,
      state: parked ? 'parked' : isBuilding ? 'rebuilding' : 'live',
      position,
      lag: Math.max(0, head - position),
      ...(isBuilding && { rebuild: { position: this.#next?.position ?? 0, target: head, eventsRead: this.#next?.eventsRead ?? 0 } }),
      ...defined({ parked, problem }),
    }
  }

  /** The doorbell of the log. */
  rung(position: number, own: boolean): void {
    if (own) this.#ownUpTo = position
    const isAwaited = this.#queries > 0 || this.live.isWatched
    for (const projection of [this.#current?.projection, this.#next, this.#coming]) {
      if (!projection) continue
      if (own) projection.noteOwn(position)
      if (isAwaited || projection !== this.#current?.projection || projection.parked) projection.pump()
    }
    if (own) this.#pumpSoon.set(OWN_LAZY_MS)
    else if (!isAwaited) this.#lookLater()
  }

  /**
   * Waits until its rows show this position, or the deadline passed, or waiting does not help. Rejects where its rows cannot
   * be opened.
   */
  async caughtUp(after: number, deadlineMs: number): Promise<void> {
    this.#queries++
    try {
      const { environment, source } = this.#options
      if (!this.shown.projection && !(await within(this.shown.opened(), deadlineMs, environment)))
        throw new OutpostError('timeout', `Read Model "${this.model.name}" was not opened in time. Ask again.`)
      const projection = await this.shown.opened()
      if (projection !== this.#current?.projection) return
      if (!projection.shows(after)) await within(projection.reached(after), deadlineMs, environment)
      const head = source.head.position
      if (!projection.shows(head)) await within(projection.reached(head), Math.min(deadlineMs, HEAD_WAIT_MS), environment)
    } finally {
      this.#queries--
    }
  }

  /** Resolves when the current generation, if there is one, shows this position, or is parked. */
  async settled(position: number): Promise<void> {
    await this.shown.opened()
    while (this.#current) {
      const { projection } = this.#current
      await projection.reached(position)
      if (projection === this.#current?.projection) return
    }
  }

  async retry(): Promise<void> {
    await Promise.all([this.#current?.projection.retry(), this.#next?.retry()])
  }

  async rebuild(): Promise<void> {
    await this.shown.opened()
    await this.#builder.start(false)
    this.#stateChanged()
  }

  /** Folds to the head and stores it, as far as nothing keeps it from that; of one that is being built, what it has. */
  async flush(): Promise<void> {
    await this.shown.opened()
    const projection = this.#current?.projection
    if (projection) {
      const { head, settled } = this.#options.source
      const isBehind = (): boolean => !projection.shows(head.position) || projection.folded.record < settled.record
      projection.pump()
      while (isBehind() && !projection.problem && !projection.parked && !projection.hasEnded) await this.#bell.next()
      await projection.flush()
    }
    await this.#next?.flush()
  }

  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.live.close()
    this.#pumpSoon.clear()
    this.#lookSoon.clear()
    for (const projection of [this.#current?.projection, this.#next, this.#coming]) projection?.close()
    this.shown.close()
  }

  async #open(): Promise<void> {
    const { source } = this.#options
    let pointer = await this.#generations.read()
    if (!pointer?.current) {
      await source.opened
      // Where there are Events by now, another tab may have begun.
      pointer = await (source.head.checkpoint.record === 0 ? this.#generations.begin() : this.#generations.read())
    }
    const current = pointer?.current
    if (current && !this.#generations.fits(current) && this.#wasOpen) throw otherBuild(this.model)
    const isOpen = this.#generations.fits(current) && (await this.#openCurrent(current))
    if (isOpen && !pointer?.building) return
    if (!isOpen) await this.#showOther()
    if (this.#next && this.#canShowUnfinished) this.#show(this.#next)
    // Nothing is made beside a log that cannot be opened.
    await source.opened
    await this.#builder.start(!this.shown.projection)
    this.#stateChanged()
  }

  /** Storage failed: queries are told, and it is tried again. */
  #failedToOpen(error: unknown): void {
    if (this.#closing.signal.aborted) return
    // Another tab has deleted what this one was about to open: there are others by now, and nobody need hear of it.
    if (!isOutpostError(error, 'closed')) {
      this.#isChanging = false
      this.shown.fail(error)
      this.#setProblem(messageOf(error))
    }
    this.#options.environment.later(backoff(++this.#openFailures, RETRY_FIRST_MS, RETRY_LONGEST_MS), () => this.open())
  }

  /** @returns false where it has to be built anew */
  async #openCurrent(current: Generation): Promise<boolean> {
    for (let generation: Generation | undefined = current; this.#generations.fits(generation);) {
      const opened = await this.#stores.openCurrent(generation, this.#listen)
      if (!opened) return false
      if (await this.#becomeCurrent(opened.projection, opened.generation)) return true
      generation = (await this.#generations.read())?.current
    }
    return false
  }

  /**
   * Watchers never go back in time: it first folds as far as what it replaces, and the tail is laid over it.
   *
   * @returns false where it ended before: mostly because yet another one is current by now
   */
  async #becomeCurrent(projection: Projection, generation: Generation): Promise<boolean> {
    projection.noteOwn(this.#ownUpTo)
    projection.layTail()
    const { shown } = this
    // Of a state with the tail, none without it may come next, whatever its position.
    const isBehind = (): boolean => !projection.shows(shown.position) || (shown.hasTentative && !projection.isUpToDate)
    this.#coming = projection
    while (isBehind() && !projection.hasEnded && !projection.parked) await this.#bell.next()
    this.#coming = undefined
    if (projection.hasEnded) return false
    const replaced = [shown.projection, this.#current?.projection]
    this.#current = { projection, generation }
    this.#show(projection)
    for (const old of replaced) if (old !== projection) old?.close()
    return true
  }

  #show(projection: Projection): void {
    this.shown.show(projection)
    this.#isChanging = false
    this.#wasOpen = true
    this.#problem = undefined
    this.live.changed(undefined)
    if (projection.isFollowing) this.#lookLater()
    this.#stateChanged()
  }

  /** Until its own rows are there: those of another version that look the same. Nobody here folds them. */
  async #showOther(): Promise<void> {
    const other = await this.#generations.findOther()
    if (!other || this.shown.projection) return
    const projection = await this.#stores.open(other.version, other.generation, this.#listen)
    if (projection && !this.shown.projection) this.#show(projection)
    else projection?.close()
  }

  /** What is being built holds nothing tentative: where that was shown, it would be gone until the building is done. */
  get #canShowUnfinished(): boolean {
    return !this.shown.projection && !this.shown.hasTentative
  }

  #setNext(next: Projection | undefined): void {
    this.#next = next
    if (next && this.#canShowUnfinished && !this.#isChanging) this.#show(next)
    this.#stateChanged()
  }

  /** Rows that a frozen tab keeps from being deleted are at another start. @returns false where that one has to be built anew */
  async #finished(generation: Generation, built: Projection | undefined, replaced: number | undefined): Promise<boolean> {
    if (this.#current?.generation.number !== generation.number) {
      if (!this.#generations.fits(generation)) throw otherBuild(this.model)
      if (built) {
        if (built.isFollowing) await built.refresh()
        if (!(await this.#becomeCurrent(built, generation))) return false
      } else if (!(await this.#openCurrent(generation))) return false
    }
    if (replaced !== undefined && replaced !== generation.number) await this.#stores.destroy(replaced).catch(() => undefined)
    return true
  }

  /** A projection ended by itself: its database was deleted (mostly because another generation is current), or it is of no use. */
  #ended(projection: Projection, how: 'lost' | 'closed'): void {
    if (this.#closing.signal.aborted) return
    const wasCurrent = projection === this.#current?.projection
    if (projection === this.#next) this.#next = undefined
    if (wasCurrent) this.#current = undefined
    if (projection === this.shown.projection) {
      // What stands on records that are not in the log is no measure of time.
      this.shown.hide(how === 'closed' ? this.shown.position : 0)
      this.#isChanging = how === 'closed' && wasCurrent
      if (!wasCurrent && this.#next && this.#canShowUnfinished) this.#show(this.#next)
    }
    if (wasCurrent) this.open()
    this.#stateChanged()
  }

  #lookLater(): void {
    this.#lookSoon.set(LAZY_MS * (1 + jitter(this.#options.environment)))
  }

  /** Stands on what other tabs have stored by now, then folds the rest. Where storage failed, the next look may succeed. */
  async #look(): Promise<void> {
    const { projection } = this.shown
    await projection?.refresh().catch(() => undefined)
    projection?.pump()
    if (this.shown.projection?.isFollowing) this.#lookLater()
  }

  /** What a projection tells counts as long as it is the one in its place. */
  readonly #listen = (projection: () => Projection | undefined): ProjectionListener => ({
    interest: () => (projection() === this.shown.projection ? this.live.interest() : 'none'),
    changed: (changes) => {
      if (projection() === this.shown.projection) this.live.changed(changes)
    },
    stateChanged: () => this.#stateChanged(),
    ended: (how) => {
      const ended = projection()
      if (ended) this.#ended(ended, how)
    },
  })

  #setProblem(text: string | undefined): void {
    this.#problem = text
    this.#stateChanged()
  }

  #stateChanged(): void {
    const { stale } = this.freshness()
    if (stale !== this.#wasStale) {
      this.#wasStale = stale
      this.live.freshnessChanged()
    }
    this.#options.stateChanged()
    this.#bell.ring()
  }
}
