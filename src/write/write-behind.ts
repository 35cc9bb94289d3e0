/**
 * Writes states and packed segments behind the log: when own commits pause, later for what other tabs wrote (they write it
 * themselves, unless they died). All states of one moment go in one transaction.
 */
import { isOutpostError } from '../errors.ts'
import type { PersistenceStore } from '../storage/storage.ts'
import type { LogIndex } from './log-index.ts'
import type { States } from './states.ts'

/** After the last own commit: a burst has the disk for itself, and a state that it touches a hundred times is written once. */
const QUIET_MS = 250
/** However long the burst lasts. What a crash costs is that so much is folded again: some 100,000 Events a second. */
const LONGEST_MS = 5000
/** Longer than any own delay, and different in each tab, so that mostly one of them writes. */
const FOREIGN_DELAY_MS = 5000
/** So many unsaved states, or records, are written at once without waiting for a pause. */
const MAX_UNSAVED = 16_000
const MAX_BEHIND = 1024
/** Index entries that make a good run. */
const MAX_PENDING = 8192
const RETRY_MS = 5000

export interface WriteBehindOptions {
  readonly store: PersistenceStore
  readonly states: readonly States[]
  readonly index: LogIndex
  /** Runs work within the log's turn. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>
  readonly now: () => number
  readonly later: (delayMs: number, run: () => void) => () => void
  /** Told whether the last write found space; writing is tried again later by itself. */
  readonly onFull: (full: boolean) => void
}

export class WriteBehind {
  readonly #options: WriteBehindOptions
  #cancel: (() => void) | undefined
  /** When the burst that waits to be written began. */
  #burstAt: number | undefined
  #running: Promise<void> | undefined
  #closed = false

  constructor(options: WriteBehindOptions) {
    this.#options = options
  }

  /** A record was folded. */
  touched(own: boolean): void {
    if (this.#closed) return
    const { states, index } = this.#options
    const unsaved = states.reduce((sum, each) => sum + each.unsaved, 0)
    const behind = states.reduce((most, each) => Math.max(most, each.behind), 0)
    if (own && (unsaved > MAX_UNSAVED || behind > MAX_BEHIND || index.pending > MAX_PENDING)) this.#start()
    else if (own) {
      const now = this.#options.now()
      this.#burstAt ??= now
      this.#schedule(Math.max(0, Math.min(QUIET_MS, this.#burstAt + LONGEST_MS - now)))
    } else if (!this.#cancel) this.#schedule(FOREIGN_DELAY_MS * (1 + Math.random()))
  }

  /** Writes all there is now. */
  async flush(): Promise<void> {
    this.#unschedule()
    this.#start()
    await this.#running
  }

  /** As `flush`, for who has the log's turn already; rejects where it fails. */
  flushWithinTurn(): Promise<void> {
    return this.#write((work) => work())
  }

  /** Stops; what is unsaved is made up for by the log. */
  async close(): Promise<void> {
    this.#closed = true
    this.#unschedule()
    await this.#running
  }

  #schedule(delayMs: number): void {
    this.#cancel?.()
    this.#cancel = this.#options.later(delayMs, () => {
      this.#unschedule()
      this.#start()
    })
  }
  #unschedule(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#burstAt = undefined
  }

  #start(): void {
    this.#running ??= this.#write(this.#options.turn).then(
      () => {
        this.#running = undefined
        this.#options.onFull(false)
      },
      (error: unknown) => {
        this.#running = undefined
        if (isOutpostError(error, 'closed')) return
        // Nothing is lost: the log has it. Whatever the reason, it is tried again.
        this.#options.onFull(isOutpostError(error, 'storage-full'))
        if (!this.#closed) this.#schedule(RETRY_MS)
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
