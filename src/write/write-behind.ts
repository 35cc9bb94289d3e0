/**
 * Writes states and packed segments behind the log: when own commits pause, later for what other tabs wrote (they write it
 * themselves, unless they died). All states of one moment go in one transaction.
 */
import { isOutpostError } from '../errors.ts'
import { Alarm, type AlarmClock } from '../internal/alarm.ts'
import type { PersistenceStore } from '../storage/storage.ts'
import type { LogIndex } from './log-index.ts'
import type { States } from './states.ts'

/**
 * After the last own commit. Of all that follows from the log, states can wait the longest: they are read from memory, and
 * unsaved ones cost the start after a crash their Events, some 100,000 a second. Written sooner they delayed what came next.
 */
const QUIET_MS = 3000
/** After a burst's first commit, however long it lasts: it bounds what unsaved states take of memory where they are large. */
const LONGEST_MS = 10_000
/** Longer than a pause, and different in each tab, so that mostly one of them writes. */
const FOREIGN_DELAY_MS = 5000
/** So many unsaved states of one kind, or records, are written at once without waiting for a pause. */
const MAX_UNSAVED = 32_000
const MAX_BEHIND = 8192
/** Index entries that make a good run: written by themselves, since they come faster than states worth writing. */
const MAX_PENDING = 8192
const RETRY_MS = 5000

export interface WriteBehindOptions extends AlarmClock {
  readonly store: PersistenceStore
  readonly states: readonly States[]
  readonly index: LogIndex
  /** Runs work within the log's turn. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>
  /** From 0 to below 1. */
  readonly random: () => number
  /** True while there are Commands to commit, and perhaps a moment after. */
  readonly isBusy: () => boolean
  /** Told whether the last write found space; writing is tried again later by itself. */
  readonly onFull: (full: boolean) => void
}

export class WriteBehind {
  readonly #options: WriteBehindOptions
  readonly #alarm: Alarm
  #lastOwnAt = 0
  /** When the burst that waits to be written began. */
  #burstAt: number | undefined
  #running: Promise<void> | undefined
  #closed = false

  constructor(options: WriteBehindOptions) {
    this.#options = options
    this.#alarm = new Alarm(options, () => this.#fire())
  }

  /** A record was folded. */
  touched(own: boolean): void {
    if (this.#closed) return
    const { states, index } = this.#options
    // While it is written already, what comes meanwhile is dirty as well: it has to be written after that.
    if (own && !this.#running && states.some(({ unsaved, behind }) => unsaved > MAX_UNSAVED || behind > MAX_BEHIND)) this.#start(this.#all)
    else if (own) {
      if (index.pending > MAX_PENDING) this.#start(() => index.flush())
      this.#lastOwnAt = this.#options.now()
      this.#burstAt ??= this.#lastOwnAt
      this.#alarm.set(QUIET_MS)
    } else this.#alarm.set(FOREIGN_DELAY_MS * (1 + this.#options.random()))
  }

  /** Writes all there is now. */
  async flush(): Promise<void> {
    await this.#running // what it gathered may be from before
    this.#start(this.#all)
    await this.#running
  }

  /** As `flush`, for who has the log's turn already; rejects where it fails. */
  flushWithinTurn(): Promise<void> {
    return this.#write((work) => work())
  }

  /** Stops; what is unsaved is made up for by the log. */
  async close(): Promise<void> {
    this.#closed = true
    this.#alarm.clear()
    await this.#running
  }

  #fire(): void {
    const { now, isBusy } = this.#options
    // A commit that takes long is no pause: least of all one that waits for such a write.
    const quietIn = isBusy() ? QUIET_MS : this.#lastOwnAt + QUIET_MS - now()
    if (this.#running) this.#alarm.set(QUIET_MS)
    else if (quietIn > 0 && this.#burstAt !== undefined && now() - this.#burstAt < LONGEST_MS) this.#alarm.set(quietIn)
    else this.#start(this.#all)
  }

  readonly #all = (): Promise<unknown> => {
    this.#alarm.clear()
    this.#burstAt = undefined
    return this.#write(this.#options.turn)
  }

  #start(work: () => Promise<unknown>): void {
    this.#running ??= work().then(
      () => {
        this.#running = undefined
        this.#options.onFull(false)
      },
      (error: unknown) => {
        this.#running = undefined
        if (isOutpostError(error, 'closed')) return
        // Nothing is lost: the log has it. Whatever the reason, it is tried again.
        this.#options.onFull(isOutpostError(error, 'storage-full'))
        if (!this.#closed) this.#alarm.set(RETRY_MS)
      },
    )
  }

  async #write(turn: WriteBehindOptions['turn']): Promise<void> {
    const { store, states, index } = this.#options
    // Gathering reads memory as of one head, so it takes a turn; the write itself does not hold up Commands.
    const prepared = await turn(async () => {
      const found = []
      for (const each of states) {
        const writes = await each.prepare()
        if (writes) found.push({ states: each, ...writes })
      }
      return found
    })
    // Gathering one may have caught up the log, so that the others are as of earlier records: each names its own.
    if (prepared.length > 0) {
      if ((await store.save(prepared.map(({ writes }) => writes))) === 'saved')
        for (const each of prepared) each.states.saved(each.writes, each.written)
      else await turn(() => this.#takeOver())
    }
    await index.flush()
  }

  async #takeOver(): Promise<void> {
    const { store, states } = this.#options
    const stored = await store.checkpoints()
    for (const each of states) await each.takeOver(stored.get(each.fold.name))
  }
}
