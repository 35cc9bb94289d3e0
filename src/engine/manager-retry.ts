/** Finds parked instances of process managers and resumes them with root Commands. */
import type { Outcome } from '../domain/infer.ts'
import type { LogStorage } from '../storage/storage.ts'
import type { Undecided } from '../write/decide.ts'
import { RESUME } from '../write/decider.ts'
import type { Log } from '../write/log.ts'
import { instanceOf, PARKED_DUE_AT } from '../write/process-managers.ts'
import type { States } from '../write/states.ts'
import type { Environment } from './engine.ts'
import type { HandlerStatus, Parked } from './status.ts'

/** Parked instances retried and shown at once: more of them have one cause. */
const MAX_PARKED = 1000

export interface ManagerRetryOptions {
  readonly managers: ReadonlyMap<string, States>
  readonly log: Log
  readonly storage: LogStorage
  readonly environment: Environment
  /** Resolves when saved states are usable. */
  readonly ready: Promise<void>
  readonly dispatch: (command: Undecided) => Promise<Outcome>
}

export class ManagerRetry {
  readonly #options: ManagerRetryOptions

  constructor(options: ManagerRetryOptions) {
    this.#options = options
  }

  /** Gives every parked instance another try; each that fails again stays parked. @throws the first failure */
  async retry(name: string, managed: States): Promise<void> {
    const { ready, log, environment, dispatch } = this.#options
    await ready
    const keys = await log.turn(() => this.#parkedKeys(managed))
    const results = await Promise.allSettled(
      keys.map((key) => {
        const id = environment.randomId()
        return dispatch({ id, type: RESUME, aggregateId: key, payload: { manager: name, key }, at: environment.now(), correlationId: id })
      }),
    )
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** What parked in an earlier life may be mended in this one. */
  async retryAll(): Promise<void> {
    for (const [name, managed] of this.#options.managers) await this.retry(name, managed).catch(() => undefined) // it stays parked, and shown
  }

  status(usable: boolean): readonly HandlerStatus[] {
    const { managers, log } = this.#options
    return [...managers].map(([name, managed]): HandlerStatus => {
      const parked: Parked[] = []
      for (const entry of managed.inMemory()) {
        const at = instanceOf(entry).parked
        if (at) parked.push({ position: at.position, eventType: at.eventType, key: entry.key, error: at.error, attempts: 1 })
      }
      return {
        name,
        kind: 'processManager',
        state: !usable ? 'building' : parked.length > 0 ? 'parked' : 'live',
        position: usable ? log.position : 0,
        parked,
      }
    })
  }

  /** They are saved as due at 0, before any timer. */
  async #parkedKeys(managed: States): Promise<readonly string[]> {
    const { storage } = this.#options
    await managed.load(managed.unloaded)
    const { states } = await storage.states.due(managed.fold.name, MAX_PARKED)
    const saved = states.filter(({ dueAt }) => dueAt === PARKED_DUE_AT).map(({ key }) => key)
    await managed.load(saved)
    return [...managed.inMemory()].filter((entry) => instanceOf(entry).parked).map(({ key }) => key)
  }
}
