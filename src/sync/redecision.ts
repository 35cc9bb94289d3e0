/**
 * Pending Commands decided again, in order, over what the server has confirmed. Their context is frozen in them, so that it is
 * the state alone that may bring something else about. It never ends a Command: a refusal, too, waits for the server.
 */
import { isOutpostError, messageOf, type OutpostError } from '../errors.ts'
import type { StoredCommand } from '../storage/record.ts'
import type { Undecided } from '../write/decide.ts'
import type { Decider } from '../write/decider.ts'
import { instanceOf } from '../write/process-managers.ts'
import { Attempt, UnitOfWork } from '../write/unit-of-work.ts'
import type { BaseView } from './base-view.ts'

/** Faults of the Command or of the app's own code: on the server the Command ends refused by this name. */
const FAULTS: Readonly<Record<string, string>> = {
  'invalid-command': 'invalidCommand',
  'decide-failed': 'decideFailed',
  'evolve-failed': 'decideFailed',
  'handler-failed': 'decideFailed',
}

/** Decided at a stretch before others get their turn. */
const SLICE = 64

export class Redecision {
  readonly work: UnitOfWork
  #view: BaseView
  readonly #decider: Decider
  readonly #breathe: () => Promise<void>

  /** @param position of the last Event before the first of them */
  constructor(decider: Decider, view: BaseView, position: number, breathe: () => Promise<void>) {
    this.#view = view
    this.work = new UnitOfWork(position, {
      load: (states, keys) => this.#view.load(states, keys),
      peek: (states, key) => this.#view.peek(states, key),
      known: (ids) => this.#view.known(ids),
    })
    this.#decider = decider
    this.#breathe = breathe
  }

  /**
   * @param withdrawn id of one that only keeps its place from now on
   * @throws `unknown-command`, `unknown-handler`, `outdated`, `upcast-failed` where this build cannot decide one of them; faults of storage
   */
  async decide(commands: readonly StoredCommand[], withdrawn?: string): Promise<void> {
    for (const [i, command] of commands.entries()) {
      const processed = this.#view.processed(command.id)
      if (command.withdrawn || command.id === withdrawn) this.#keepPlace({ ...command, withdrawn: true, outcome: { ok: true } })
      // Given under another client id before: the server holds its effect already, and will say so.
      else if (processed) this.#keepPlace({ ...command, duplicateOf: processed.record, outcome: processed.outcome })
      else if (command.duplicateOf !== undefined) this.#keepPlace(command)
      else await this.#decide(command)
      if (i % SLICE === SLICE - 1) await this.#breathe()
    }
  }

  /** False where what was decided holds positions inside its states, which a shift would leave wrong. */
  get canShift(): boolean {
    for (const [{ fold }, entries] of this.work.staged.all)
      if (!fold.keepsStreams) for (const entry of entries.values()) if (instanceOf(entry).parked) return false
    return true
  }

  /** Another tab wrote before it: all of it stands so many positions further on. */
  shift(by: number, view: BaseView): void {
    this.work.shift(by)
    this.#view = view
  }

  async #decide({ outcome: _, root: __, ...given }: StoredCommand): Promise<void> {
    const command: Undecided = { ...given, again: true }
    try {
      await this.#decider.decide(command, this.work)
    } catch (error) {
      const refusal = isOutpostError(error) ? FAULTS[error.code] : undefined
      if (refusal === undefined) throw error
      this.#refuse(command, refusal, error as OutpostError)
    }
  }

  #refuse(command: Undecided, refusal: string, error: OutpostError): void {
    const attempt = new Attempt(this.work)
    attempt.commands.push({
      ...command,
      schema: command.schema ?? 1,
      outcome: { ok: false, refusal, details: { message: messageOf(error) } },
    })
    attempt.accept()
  }

  /** It waits, and has no effect. */
  #keepPlace(command: StoredCommand): void {
    const attempt = new Attempt(this.work)
    attempt.commands.push({ ...command, again: true })
    attempt.accept()
  }
}
