/**
 * Timers of process managers: fires those that are due as root Commands whose ids follow from manager, instance, name and
 * the Event that set them. Every tab may fire; the id makes it take effect once.
 */
import { derivedId } from '../domain/id.ts'
import { Alarm, type AlarmClock } from '../internal/alarm.ts'
import type { PersistenceStore } from '../storage/storage.ts'
import type { Undecided } from '../write/decide.ts'
import { TIMER } from '../write/decider.ts'
import type { Entry } from '../write/fold.ts'
import { instanceOf, PARKED_DUE_AT, type ManagerFold } from '../write/process-managers.ts'
import type { States } from '../write/states.ts'

/** After a record, changes of timers are looked for once in so long. */
const LOOK_DELAY_MS = 50
/** Browsers' timers overflow beyond 24 days, and clocks change: look at least so often. */
const MAX_WAIT_MS = 60 * 60 * 1000
const RETRY_MS = 10_000
/** Due instances fetched at once. */
const PAGE = 64

export interface TimersOptions extends AlarmClock {
  readonly managers: readonly States[]
  readonly store: PersistenceStore
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>
  readonly dispatch: (command: Undecided) => Promise<unknown>
}

export class Timers {
  readonly #options: TimersOptions
  readonly #managers: readonly States[]
  readonly #firing = new Set<string>()
  readonly #alarm: Alarm
  #looking = 0
  #closed = false

  constructor(options: TimersOptions) {
    this.#options = options
    this.#alarm = new Alarm(options, () => {
      this.#looking++
      this.#look()
        // Where storage failed; where it was closed, this is, too.
        .catch(() => this.#lookIn(RETRY_MS))
        .finally(() => this.#looking--)
    })
    this.#managers = options.managers.filter((states) => Object.keys((states.fold as ManagerFold).manager.timers).length > 0)
  }

  /** Call once states are usable, and after each record: a timer may have been set or cancelled. */
  touched(): void {
    if (this.#managers.length > 0) this.#lookIn(LOOK_DELAY_MS)
  }
  /** When it looks again for timers that are due (ms since 1970); Infinity where none waits. */
  get nextLookAt(): number {
    return this.#looking > 0 ? this.#options.now() : this.#alarm.at
  }
  close(): void {
    this.#closed = true
    this.#alarm.clear()
  }

  #lookIn(delayMs: number): void {
    if (!this.#closed) this.#alarm.set(delayMs)
  }

  async #look(): Promise<void> {
    const { turn, now } = this.#options
    let next = Infinity
    for (const states of this.#managers) {
      const entries = await turn(() => this.#due(states))
      for (const entry of entries) {
        const isDue = (entry.dueAt as number) <= now()
        // One that cannot fire now is not to be tried without pause; one that does is followed by a record.
        next = Math.min(next, isDue ? now() + RETRY_MS : (entry.dueAt as number))
        if (isDue) this.#fire((states.fold as ManagerFold).manager.name, entry)
      }
    }
    if (next < Infinity) this.#lookIn(Math.min(Math.max(next - now(), LOOK_DELAY_MS), MAX_WAIT_MS))
  }

  /** Instances with timers, the earliest among them: what is saved, overruled by what is in memory. */
  async #due(states: States): Promise<readonly Entry[]> {
    const { store } = this.#options
    await states.load(states.unloaded)
    // Parked instances come first, and those that fired since they were saved: both may be many.
    for (let limit = PAGE; ; limit *= 4) {
      const saved = (await store.due(states.fold.name, limit)).states
      await states.load(saved.map(({ key }) => key))
      const waiting = saved.filter(({ key, dueAt }) => dueAt !== PARKED_DUE_AT && states.peek(key)?.dueAt === dueAt)
      if (saved.length < limit || waiting.length >= PAGE) break
    }
    const entries: Entry[] = []
    for (const entry of states.inMemory()) if (entry.dueAt !== undefined && !instanceOf(entry).parked) entries.push(entry)
    return entries
  }

  #fire(manager: string, entry: Entry): void {
    const { now, dispatch } = this.#options
    for (const [name, timer] of Object.entries(instanceOf(entry).timers)) {
      if (timer.dueAt > now()) continue
      const id = derivedId('timer', manager, entry.key, name, timer.setBy)
      if (this.#firing.has(id)) continue
      this.#firing.add(id)
      dispatch({
        id,
        type: TIMER,
        aggregateId: entry.key,
        payload: { manager, key: entry.key, name, dueAt: timer.dueAt, setBy: timer.setBy },
        at: now(),
        correlationId: timer.correlationId,
        causationId: timer.setBy,
      })
        .catch(() => undefined) // it is due as before, and will be looked at again
        .finally(() => this.#firing.delete(id))
    }
  }
}
