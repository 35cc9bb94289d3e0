/**
 * Brings a projection's rows to storage, behind the fold: when this tab's own commits pause, or a burst gets long or large,
 * and late for what others wrote, who will mostly have stored it by then. Each flush is one transaction of rows and
 * checkpoint, and a compare: where another tab was first, nothing is written. One at a time; folding goes on meanwhile.
 */
import type { Environment } from '../engine/engine.ts'
import { isOutpostError, messageOf } from '../errors.ts'
import { Alarm } from '../internal/alarm.ts'
import { Pace } from '../internal/pace.ts'
import type { Checkpoint } from '../storage/record.ts'
import type { ReadStore } from '../storage/storage.ts'
import type { FoldedRows } from './folded-rows.ts'
import { backoff, jitter } from './timing.ts'

/** After this tab's last commit. A burst becomes one transaction, and the commits of the burst have the disk for themselves. */
const QUIET_MS = 1_000
/** After a burst's first commit, however long it lasts; more where writing takes long, see {@link Pace}. */
const LONGEST_MS = 10_000
/** For foreign records, which the tab that wrote them will mostly have stored by then, and for records that changed no row: their only cost is a longer tail at the next start. */
const LATE_DELAY_MS = 12_000
const LATE_JITTER_MS = 4_000
/** So many Events are written without waiting for anything: a build that is killed goes on from there. */
const FLUSH_EVENTS = 4_000
/**
 * The same as long as Commands keep coming here. Written at 4,000 they took a third of a burst's time: 50,000 Commands at once
 * 7,900 a second instead of 10,700, a thousand updates just after 10,000 rows 750 instead of 1,250.
 */
const FLUSH_BUSY_EVENTS = 16_000
const RETRY_FIRST_MS = 1_000
const RETRY_LONGEST_MS = 60_000

export interface WriteBehindEvents {
  /** Rows became clean. */
  saved(): void
  /** Another tab has stored this checkpoint. Comes to terms with it. */
  stale(checkpoint: Checkpoint | undefined): Promise<void>
  /** Storage cannot keep some row (not cloneable). True where that is being seen to. */
  unstorable(error: unknown): boolean
  /** Why flushing does not succeed, in words; undefined when it does again. */
  problem(text: string | undefined): void
  /** As {@link EventSource.isBusy}. */
  isBusy(): boolean
}

export class WriteBehind {
  readonly #rows: FoldedRows
  readonly #store: ReadStore
  readonly #environment: Environment
  readonly #events: WriteBehindEvents
  readonly #pace: Pace
  #running: Promise<void> | undefined
  readonly #alarm: Alarm
  #notBefore = 0
  #lastOwnAt = 0
  #firstOwnAt: number | undefined
  /** Position of what was written last, or folded first. */
  #from: number | undefined
  #failures = 0
  #closed = false

  constructor(rows: FoldedRows, store: ReadStore, environment: Environment, events: WriteBehindEvents) {
    this.#rows = rows
    this.#store = store
    this.#environment = environment
    this.#events = events
    this.#alarm = new Alarm(environment, () => this.#fire())
    this.#pace = new Pace(LONGEST_MS, environment.clock)
  }

  /** After each fold. @param own true where this tab wrote some of it */
  schedule(own: boolean): void {
    if (this.#rows.isStored) return
    const isOwn = own && this.#rows.dirty > 0
    if (isOwn) {
      this.#lastOwnAt = this.#environment.now()
      this.#firstOwnAt ??= this.#lastOwnAt
    }
    if (this.#isLarge) this.#arm(0)
    else if (isOwn) this.#arm(QUIET_MS)
    else if (this.#alarm.at === Infinity) this.#arm(LATE_DELAY_MS + LATE_JITTER_MS * jitter(this.#environment))
  }

  /** Nothing more is folded until something is stored. */
  makeRoom(): void {
    this.#arm(0)
  }

  /**
   * Stores what has been folded by now.
   *
   * @throws what storage rejected with
   */
  async flush(): Promise<void> {
    const { record } = this.#rows.folded
    while (!this.#closed && (this.#rows.stored?.record ?? 0) < record && !this.#rows.isStored) {
      if (this.#running) await this.#running
      else await this.#begin(true)
    }
  }

  close(): void {
    this.#closed = true
    this.#alarm.clear()
  }

  #arm(delayMs: number): void {
    // When what is running is done it looks again.
    if (this.#closed || this.#running) return
    const waitMs = Math.max(delayMs, this.#notBefore - this.#environment.now())
    if (waitMs > 0) this.#alarm.set(waitMs)
    else void this.#begin(false)
  }

  #fire(): void {
    if (this.#running || this.#closed) return
    const now = this.#environment.now()
    // A commit that takes long is no pause: least of all one that waits for such a write.
    const quietIn = this.#events.isBusy() ? QUIET_MS : this.#lastOwnAt + QUIET_MS - now
    if (quietIn > 0 && this.#firstOwnAt !== undefined && now - this.#firstOwnAt < this.#pace.longestMs) this.#arm(quietIn)
    else void this.#begin(false)
  }

  #begin(passErrors: boolean): Promise<void> {
    this.#alarm.clear()
    this.#firstOwnAt = undefined
    const save = this.#save().then(() => this.#succeeded())
    this.#running = save
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#running = undefined
        if (!this.#closed) this.#again()
      })
    return passErrors ? this.#running.then(() => save) : this.#running
  }

  #again(): void {
    if (this.#rows.isStored) return
    if (this.#isLarge) this.#arm(0)
    else this.#arm(this.#rows.dirty > 0 ? QUIET_MS : LATE_DELAY_MS)
  }

  get #isLarge(): boolean {
    const { position } = this.#rows
    return position - (this.#from ??= position) >= (this.#events.isBusy() ? FLUSH_BUSY_EVENTS : FLUSH_EVENTS)
  }

  async #save(): Promise<void> {
    if (this.#rows.isStored) return
    const writes = this.#rows.writes()
    this.#from = this.#rows.position
    const result = await this.#pace.measure(() => this.#store.save(writes, this.#events.isBusy))
    if (this.#closed) return
    if (result === 'stale') return this.#events.stale(await this.#store.checkpoint())
    // It may have moved to another record meanwhile.
    if (this.#rows.judge(writes.checkpoint) === 'usable') this.#rows.noteStored(writes.checkpoint)
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#events.problem(undefined)
    this.#failures = 0
    this.#notBefore = 0
    this.#events.saved()
  }

  #failed(error: unknown): void {
    if (this.#closed) return
    // A handle that died is told by its `onClosed`.
    if (isOutpostError(error, 'closed')) return this.close()
    if (isUnstorable(error) && this.#events.unstorable(error)) return
    this.#failures++
    this.#notBefore = this.#environment.now() + backoff(this.#failures, RETRY_FIRST_MS, RETRY_LONGEST_MS)
    this.#events.problem(messageOf(error))
  }
}

const isUnstorable = (error: unknown): boolean =>
  isOutpostError(error, 'storage-failed') && (error.cause as { readonly name?: unknown } | undefined)?.name === 'DataCloneError'
