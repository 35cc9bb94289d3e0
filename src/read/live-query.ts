/**
 * One distinct query that somebody watches: evaluated once, however many watch it. Its snapshot is a new object exactly when
 * its data, whether they are stale, or which of them are pending, changed; each snapshot is what the rows were after some record.
 *
 *     loading ── taken ──▶ current ── a change that cannot be told from the changes alone ──▶ loading
 */
import type { Snapshot } from '../domain/query.ts'
import type { Environment } from '../engine/engine.ts'
import type { RowChange } from './row-changes.ts'
import { sameValue } from '../internal/same-value.ts'
import { backoff } from './timing.ts'

/** A query that has to be read again and again takes at most this share of the time: one part in so many. */
const REST_FACTOR = 4
const LONGEST_REST_MS = 5_000
const RETRY_FIRST_MS = 200
const RETRY_LONGEST_MS = 30_000

/** How one kind of query is kept up to date. */
export interface LiveResult {
  /** The same reference until it changes. */
  readonly data: unknown
  /** Reads all anew. Calls `taken` in the very moment at which `data` are what the rows are; changes count from there. */
  load(taken: () => void): Promise<void>
  /** Takes in what changed; false where that is not enough to know. */
  apply(changes: readonly RowChange[]): boolean
}

export type Freshness = Omit<Snapshot<unknown>, 'data' | 'pending'>

/** What is to be said of data that are as of now. */
export type About = (data: unknown) => Omit<Snapshot<unknown>, 'data'>

export class LiveQuery {
  readonly #result: LiveResult
  readonly #about: About
  readonly #environment: Environment
  readonly #watchers = new Set<() => void>()
  #snapshot: Snapshot<unknown> | undefined
  /** Stands for the reading under way. */
  #loading: object | undefined
  /** More changed than the reading under way may hold. */
  #again = false
  #failures = 0
  #restUntil = 0
  #cancelRest: (() => void) | undefined
  #error: unknown
  #closed = false

  constructor(result: LiveResult, about: About, environment: Environment) {
    this.#result = result
    this.#about = about
    this.#environment = environment
  }

  /** Reads for the first time; rejects where that fails. */
  start(): Promise<void> {
    return this.#load()
  }

  /** Only after `start`. */
  get snapshot(): Snapshot<unknown> {
    return this.#snapshot as Snapshot<unknown>
  }
  get watchers(): number {
    return this.#watchers.size
  }
  /** Why reading it again failed; it goes on trying, and the snapshot is stale meanwhile. */
  get error(): unknown {
    return this.#error
  }

  add(watcher: () => void): void {
    this.#watchers.add(watcher)
  }

  remove(watcher: () => void): void {
    this.#watchers.delete(watcher)
  }

  close(): void {
    this.#closed = true
    this.#cancelRest?.()
  }

  /** @returns whether the snapshot is another one now; the caller tells the watchers when all queries have taken the change in */
  apply(changes: readonly RowChange[]): boolean {
    // What is being read, or about to be, will hold the change.
    if (this.#loading || this.#cancelRest || !this.#snapshot) return false
    if (this.#result.apply(changes)) return this.#renew()
    this.reload()
    return false
  }

  /** Reads all again: at once, or after a rest where it has just been read. */
  reload(): void {
    if (this.#loading) this.#again = true
    else if (!this.#closed && !this.#cancelRest) this.#loadAfter(this.#restUntil - this.#environment.now())
  }

  /** Takes in at once what has changed, where that waits for a reading, or for the rest before one. */
  refresh(): Promise<void> | undefined {
    return this.#loading || this.#cancelRest ? this.#loadNow() : undefined
  }

  tell(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }

  /** Looks whether it became stale, or fresh; what is being read will tell by itself. */
  refreshFreshness(): void {
    if (this.#snapshot && !this.#loading && this.#renew()) this.tell()
  }

  /** Makes a new snapshot if the data changed, or what is to be said of them. */
  #renew(): boolean {
    const { data } = this.#result
    const before = this.#snapshot
    const now = this.#about(data)
    // Data that are about to be read again are as of where they were.
    const isBehind = before !== undefined && (this.#loading !== undefined || this.#cancelRest !== undefined || this.#error !== undefined)
    const about = { ...(isBehind ? before : now), data, stale: now.stale || (isBehind && before.stale) || this.#error !== undefined }
    if (before && before.data === data && before.stale === about.stale && sameValue(before.pending, about.pending)) return false
    this.#snapshot = about
    return true
  }

  #loadAfter(delayMs: number): void {
    const load = (): void => void this.#loadNow()
    if (delayMs > 0) this.#cancelRest = this.#environment.later(delayMs, load)
    else load()
  }

  #loadNow(): Promise<void> {
    this.#cancelRest?.()
    this.#cancelRest = undefined
    return this.#load().catch((error: unknown) => this.#failed(error))
  }

  async #load(): Promise<void> {
    const mine = {}
    const startedAt = this.#environment.now()
    this.#loading = mine
    try {
      await this.#result.load(() => this.#taken(startedAt))
    } finally {
      // Another reading may have begun since it was taken.
      if (this.#loading === mine) this.#loading = undefined
    }
  }

  #taken(startedAt: number): void {
    this.#loading = undefined
    this.#error = undefined
    this.#failures = 0
    const now = this.#environment.now()
    this.#restUntil = now + Math.min(REST_FACTOR * (now - startedAt), LONGEST_REST_MS)
    if (this.#renew()) this.tell()
    if (!this.#again) return
    this.#again = false
    this.reload()
  }

  #failed(error: unknown): void {
    // Another reading may have begun since.
    if (this.#closed || this.#loading) return
    this.#again = false
    this.#error = error
    if (this.#renew()) this.tell()
    this.#loadAfter(backoff(++this.#failures, RETRY_FIRST_MS, RETRY_LONGEST_MS))
  }
}
