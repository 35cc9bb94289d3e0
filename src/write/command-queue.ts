/**
 * The command queue with group commit: whatever waits when the last commit is through is decided in order, each Command
 * seeing those before it, and appended in one transaction. Outcomes are given only when that is complete.
 *
 * If another tab wrote first, the append is refused, its records are folded, and everything is decided again: on the new
 * state, with the frozen context, except what stands in the log by now.
 */
import type { Outcome } from '../domain/infer.ts'
import type { LogRecord } from '../storage/record.ts'
import type { Durability } from '../storage/storage.ts'
import { commandFault } from './command-fault.ts'
import type { Undecided } from './decide.ts'
import type { Decider, Marks } from './decider.ts'
import type { Log } from './log.ts'
import { outcomeOf, type Receipts } from './receipts.ts'
import { recordsOf, type RecordOptions } from './records.ts'
import { UnitOfWork, type Attempt } from './unit-of-work.ts'

/** Decided at most so long before a commit, so that those first in line do not wait for a burst behind them. */
const SLICE_MS = 16
/** After the last Command, as long others still make way: longer than a page takes to give the next one. */
const BUSY_MS = 50
const MAX_BATCH = 512
/** Commands looked up and loaded for together. */
const PREFETCH = 64
/** A root Command in the queue. */
export interface QueuedCommand {
  readonly command: Undecided
  /** True where the id cannot be in the log. */
  readonly fresh: boolean
  readonly durability: Durability
  /** By which {@link CommandQueue.cancel} knows it. */
  readonly call?: number | undefined
}

/** How one Command went, for whoever traces. Times are the worker's `performance.now()`. */
export interface Trip {
  readonly command: Undecided
  readonly marks: Marks
  readonly dispatchedAt: number
  readonly startedAt: number
  /** Absent where nothing was appended for it: it failed, or was a duplicate. */
  readonly append?: { readonly startedAt: number; readonly endedAt: number }
  readonly outcome: 'accepted' | 'refused' | 'failed'
  readonly position: number | undefined
}

export interface CommandQueueOptions extends RecordOptions {
  readonly log: Log
  readonly decider: Decider
  readonly receipts: Receipts
  readonly clock: () => number
  /** Resolves when saved states are usable; Commands wait for it. */
  readonly ready: Promise<void>
  /** Asked once a Command; undefined while nobody traces. */
  readonly onTrip: () => ((trip: Trip) => void) | undefined
}

interface Waiting extends QueuedCommand {
  readonly dispatchedAt: number
  /** It was taken back, and is dropped unless the log has it. */
  cancelled?: true
  readonly settle: (outcome: Outcome) => void
  readonly fail: (error: unknown) => void
}

/** A waiting Command in the unit of work that is being decided. */
interface Decided {
  readonly waiting: Waiting
  readonly attempt: Attempt
  readonly index: number
  readonly marks: Marks
  readonly startedAt: number
}

interface Faulted extends Pick<Decided, 'marks' | 'startedAt'> {
  readonly fault: unknown
}

export class CommandQueue {
  readonly #options: CommandQueueOptions
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #closed = false
  #idleSince = 0

  constructor(options: CommandQueueOptions) {
    this.#options = options
  }

  /** Commands that wait or are being decided. */
  get length(): number {
    return this.#waiting.length
  }

  /** True while Commands wait, are decided or are being committed, and for a moment after: mostly the next one comes then. */
  get isBusy(): boolean {
    return this.#running !== undefined || Math.abs(this.#options.now() - this.#idleSince) < BUSY_MS
  }

  /** Puts a Command into the queue; settles when its outcome is durable. */
  dispatch(queued: QueuedCommand): Promise<Outcome> {
    return new Promise((settle, fail) => {
      if (this.#closed) {
        fail(commandFault('closed', queued.command, 'came after the app was closed. Connect again.'))
        return
      }
      this.#waiting.push({ ...queued, dispatchedAt: this.#options.clock(), settle, fail })
      this.#running ??= this.#drain()
    })
  }

  /** @returns false where the Command is in a commit already, or was never here */
  cancel(call: number): boolean {
    const waiting = this.#waiting.find((each) => each.call === call)
    if (!waiting) return false
    if (waiting.fresh) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      this.#drop(waiting)
    } else waiting.cancelled = true // an earlier worker may have stored it: the log is asked first
    return true
  }

  /** Finishes what is being committed; what still waits fails with `closed`. */
  async close(): Promise<void> {
    this.#closed = true
    for (const waiting of this.#waiting.splice(0))
      this.#fail(waiting, commandFault('closed', waiting.command, 'waited when the app was closed. Nothing was stored by this call.'))
    await this.#running
  }

  async #drain(): Promise<void> {
    await Promise.resolve() // what is dispatched in the same tick is one batch
    try {
      await this.#options.ready
      while (this.#waiting.length > 0) await this.#options.log.turn(() => this.#commit())
    } catch (error) {
      for (const waiting of this.#waiting.splice(0)) this.#fail(waiting, error)
    } finally {
      this.#running = undefined
      this.#idleSince = this.#options.now()
    }
  }

  /** One group commit: takes from the queue until a slice of time is over, decides, appends, answers. */
  async #commit(): Promise<void> {
    const batch: Waiting[] = []
    try {
      for (;;) {
        const result = await this.#tryCommit(batch)
        if (result === 'done') return
      }
    } catch (error) {
      for (const waiting of batch) this.#fail(waiting, error)
    }
  }

  /** @param batch what is decided here; kept by a Command that has to be decided again, extended from the queue */
  async #tryCommit(batch: Waiting[]): Promise<'done' | 'again'> {
    const { log, clock } = this.#options
    const from = log.head.record
    const work = new UnitOfWork(log.position)
    const decided: Decided[] = []
    const deadline = clock() + SLICE_MS
    let next = 0
    let prefetched = 0
    for (;;) {
      if (next === prefetched) {
        if (prefetched === batch.length) {
          if (prefetched > 0 && (clock() > deadline || prefetched >= MAX_BATCH)) break
          // Taken out of the queue only now: until here a Command can be cancelled.
          batch.push(...this.#waiting.splice(0, PREFETCH))
          if (prefetched === batch.length) break
        }
        await this.#prefetch(batch, prefetched)
        prefetched = batch.length
        continue
      }
      const waiting = batch[next] as Waiting
      const result = await this.#decideOne(waiting, work)
      // A saved state was ahead of this tab, so the head has moved: decide all of it, faults too, on what is true now.
      if (log.head.record !== from) return 'again'
      if ('fault' in result) {
        this.#fail(waiting, result.fault, result.marks, result.startedAt)
        batch.splice(next, 1)
        prefetched--
      } else {
        decided.push(result)
        next++
      }
    }
    if (decided.length === 0) return 'done'
    return this.#append(work, decided)
  }

  /** Answers those that stand in the log, and loads what the others will need, in one read for each kind. */
  async #prefetch(batch: Waiting[], from: number): Promise<void> {
    const { clock, decider, receipts } = this.#options
    let asked = batch.slice(from)
    const startedAt = clock()
    const old = asked.filter(({ fresh }) => !fresh)
    if (old.length > 0) {
      const found = await receipts.find(old.map(({ command }) => command.id))
      for (const waiting of old) {
        const outcome = found.get(waiting.command.id)
        if (outcome) {
          waiting.settle(outcome)
          this.#trip(waiting, { handler: clock() }, startedAt, outcome)
        } else if (waiting.cancelled) this.#drop(waiting)
      }
      asked = asked.filter(({ command, fresh, cancelled }) => fresh || !(cancelled || found.has(command.id)))
      batch.splice(from, batch.length - from, ...asked)
    }
    // The Aggregate of one alone is loaded when it is decided.
    if (asked.length === 1 && asked[0]?.command.aggregateId !== undefined) return
    const wanted = decider.wanted(asked.map(({ command }) => command))
    await Promise.all([...wanted].map(([states, keys]) => states.load(keys)))
  }

  async #decideOne(waiting: Waiting, work: UnitOfWork): Promise<Decided | Faulted> {
    const { decider, clock } = this.#options
    const { command } = waiting
    const twin = work.ids.get(command.id)
    const startedAt = clock()
    const marks: Marks = {}
    if (twin) return { waiting, attempt: twin.attempt, index: twin.index, marks, startedAt }
    try {
      const attempt = await decider.decide(command, work, this.#options.onTrip() ? marks : undefined)
      return { waiting, attempt, index: 0, marks, startedAt }
    } catch (fault) {
      return { fault, marks, startedAt }
    }
  }

  async #append(work: UnitOfWork, decided: readonly Decided[]): Promise<'done' | 'again'> {
    const { log, clock } = this.#options
    const records = recordsOf(work, { record: log.head.record, position: log.position }, this.#options)
    const durability = decided.some(({ waiting }) => waiting.durability === 'strict') ? 'strict' : 'relaxed'
    const layer = log.tail.cursor ? 'tentative' : 'confirmed'
    const appendStartedAt = clock()
    let settled = false
    const settle = (): void => {
      settled = true
      const append = { startedAt: appendStartedAt, endedAt: clock() }
      for (const { waiting, attempt, index, marks, startedAt } of decided) {
        const place = attempt.place as NonNullable<Attempt['place']>
        const outcome = outcomeOf(place.record, place.index + index)
        waiting.settle(outcome)
        this.#trip(waiting, marks, startedAt, outcome, append)
      }
    }
    const result = await log.append(records, durability, () => {
      work.putStates((records.at(-1) as LogRecord).number, layer)
      // Ahead of the Event Handlers, which are woken next: whoever waits for an outcome does not wait for them.
      settle()
    })
    if (result === 'conflict') return 'again'
    // The append was in doubt, and pulling has found its records.
    if (!settled) settle()
    return 'done'
  }

  #drop(waiting: Waiting): void {
    this.#fail(waiting, commandFault('aborted', waiting.command, 'was taken back. Nothing was stored by this call.'))
  }

  #fail(waiting: Waiting, fault: unknown, marks: Marks = {}, startedAt = this.#options.clock()): void {
    waiting.fail(fault)
    this.#trip(waiting, marks, startedAt, undefined)
  }

  #trip(waiting: Waiting, marks: Marks, startedAt: number, outcome: Outcome | undefined, append?: Trip['append']): void {
    const { command, dispatchedAt } = waiting
    this.#options.onTrip()?.({
      command,
      marks,
      dispatchedAt,
      startedAt,
      ...(append && { append }),
      outcome: outcome ? (outcome.ok ? 'accepted' : 'refused') : 'failed',
      position: outcome?.ok ? outcome.position : undefined,
    })
  }
}
