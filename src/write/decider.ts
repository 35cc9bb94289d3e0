/**
 * Decides root Commands: load, decide, fold, check, react, until nothing more follows. Everything but loading is
 * synchronous and pure; what comes out is staged in a unit of work and not yet durable.
 */
// In this order because gzip finds more in it (`npm run size`).
import type { CommandType } from '../domain/domain.ts'
import type { AnyDomain } from '../domain/infer.ts'
import { named } from '../domain/named.ts'
import type { MessageType } from '../domain/message.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import { Attempt, type UnitOfWork } from './unit-of-work.ts'
import { append } from '../internal/append.ts'
import { deepFreeze } from '../internal/plain.ts'
import type { StoredOutcome } from '../storage/record.ts'
import { decide, type Draft, keepPayload, type Needs, needsOf, parsePayload, type Undecided } from './decide.ts'
import { consequence, instanceOf, resumed, timerFired, type ManagerFold } from './process-managers.ts'
import type { States } from './states.ts'

/** The engine's own roots. */
export const TIMER = '$timer'
export const RESUME = '$resume'

/** Reactions to reactions: deeper than this is a circle. */
const MAX_DEPTH = 32

/** When each step of a traced root was reached (`performance.now()` of the worker). */
export interface Marks {
  handler?: number
  loaded?: number
  decided?: number
  folded?: number
}

export interface DeciderOptions {
  readonly domain: AnyDomain
  /** States of each Aggregate type, by name. */
  readonly aggregates: ReadonlyMap<string, States>
  /** States of each process manager, by name. */
  readonly managers: ReadonlyMap<string, States>
  /** Those of the ids that stand in the log already. */
  readonly known: (ids: readonly string[]) => Promise<ReadonlySet<string>>
  readonly now: () => number
  readonly clock: () => number
}

/** A reaction that failed: the root is decided again with this instance parked at this Event. */
class ReactionFailed extends Error {
  readonly at: string
  readonly reason: string
  constructor(at: string, reason: string) {
    super(reason)
    this.at = at
    this.reason = reason
  }
}

export class Decider {
  readonly #options: DeciderOptions
  /** Payloads parsed to know what to load, for the decision that follows; and about how many bytes they took as given. */
  readonly #parsed = new WeakMap<Undecided, { readonly payload: unknown; readonly bytes: number }>()

  constructor(options: DeciderOptions) {
    this.#options = options
  }

  /**
   * Decides one root and stages it.
   *
   * @throws the Command's fault: `unknown-command`, `invalid-command`, `decide-failed`, `evolve-failed`, `outdated`,
   * `handler-failed`; then nothing of it is staged
   */
  async decide(command: Undecided, work: UnitOfWork, marks?: Marks): Promise<Attempt> {
    const parkAt = new Map<string, string>()
    for (;;) {
      const attempt = new Attempt(work)
      try {
        await this.#root(command, attempt, parkAt, marks)
        attempt.accept()
        return attempt
      } catch (error) {
        if (!(error instanceof ReactionFailed)) throw error
        parkAt.set(error.at, error.reason)
      }
    }
  }

  /** Aggregates that deciding the Commands will load, so that one batch loads them together. Faults show when deciding. */
  wanted(commands: readonly Undecided[]): ReadonlyMap<States, readonly string[]> {
    const wanted = new Map<States, string[]>()
    for (const command of commands)
      try {
        const type = this.#typeOf(command)
        const needs = needsOf(type, command, this.#payload(type.message, command))
        for (const [states, ids] of this.#needed(type, needs)) for (const id of ids) append(wanted, states, id)
      } catch {
        // The same fault comes again, with its name, when this Command is decided.
      }
    return wanted
  }

  #needed(type: CommandType, needs: Needs): readonly (readonly [States, readonly string[]])[] {
    return 'own' in needs
      ? [[this.#statesOf(type.aggregate?.name ?? ''), [needs.own]]]
      : Object.values(needs.loads).map((load) => [this.#statesOf(load.aggregate.name), load.load === 'one' ? [load.id] : load.ids])
  }

  async #root(command: Undecided, attempt: Attempt, parkAt: ReadonlyMap<string, string>, marks: Marks | undefined): Promise<void> {
    if (command.type === TIMER) return this.#timer(command, attempt, parkAt)
    if (command.type === RESUME) return this.#resume(command, attempt, parkAt)
    const type = this.#typeOf(command)
    if (marks) marks.handler = this.#options.clock()
    const events =
      // Judged once, by the clock of the first decision.
      !command.again && command.expiresAt !== undefined && this.#options.now() > command.expiresAt
        ? this.#refused(attempt, command, type.message, 'expired', { expiresAt: command.expiresAt })
        : await this.#command(command, type, attempt, undefined, marks)
    await this.#follow(events, attempt, parkAt, false)
  }

  /** Decides one Command into the attempt: its outcome and Events, or a thrown fault and nothing. */
  async #command(
    command: Undecided,
    type: CommandType,
    attempt: Attempt,
    root: number | undefined,
    marks?: Marks,
  ): Promise<readonly RecordedEvent[]> {
    const payload = this.#payload(type.message, command)
    const needs = needsOf(type, command, payload)
    for (const [states, ids] of this.#needed(type, needs)) await attempt.load(states, ids)
    const { clock, domain } = this.#options
    if (marks) marks.loaded = clock()
    const decided = decide(
      type,
      command,
      payload,
      needs,
      domain.events,
      (aggregate, id) => attempt.entry(this.#statesOf(aggregate.name), id),
      () => marks && (marks.decided = clock()),
    )
    if (marks) marks.folded = clock()
    return 'refusal' in decided
      ? this.#refused(attempt, command, type.message, decided.refusal, decided.details, root)
      : this.#accepted(attempt, command, type.message.version, root, decided.drafts)
  }

  /** Reactions to Events, breadth first, each Command's Events after those before. */
  async #follow(first: readonly RecordedEvent[], attempt: Attempt, parkAt: ReadonlyMap<string, string>, lookUp: boolean): Promise<void> {
    const { managers } = this.#options
    if (managers.size === 0) return
    let wave = first
    for (let depth = 0; wave.length > 0; depth++) {
      if (depth > MAX_DEPTH)
        throw new OutpostError(
          'handler-failed',
          `Reactions to Command "${attempt.commands[0]?.type}" (${attempt.commands[0]?.id}) go on after ${MAX_DEPTH} steps. Let one process manager stop.`,
        )
      const requests: { readonly command: Undecided; readonly at: string }[] = []
      for (const states of managers.values()) {
        const fold = states.fold as ManagerFold
        const keyed = wave.flatMap((event) => {
          const key = fold.takes(event.type) ? fold.keyOf(event) : undefined
          return key === undefined ? [] : [{ event, key }]
        })
        if (keyed.length === 0) continue
        await attempt.load(states, [...new Set(keyed.map(({ key }) => key))])
        for (const { event, key } of keyed) requests.push(...this.#react(states, fold, attempt, event, key, parkAt))
      }
      wave = await this.#give(requests, attempt, lookUp)
    }
  }

  #react(
    states: States,
    fold: ManagerFold,
    attempt: Attempt,
    event: RecordedEvent,
    key: string,
    parkAt: ReadonlyMap<string, string>,
  ): { readonly command: Undecided; readonly at: string }[] {
    const entry = attempt.entry(states, key)
    const at = `${fold.manager.name}/${event.id}`
    const park = (error: string): [] => {
      attempt.staged.set(states, fold.park(entry, event, error))
      attempt.parked.push({ manager: fold.manager.name, key, position: event.position, error })
      return []
    }
    const forced = parkAt.get(at)
    if (forced !== undefined && !instanceOf(entry).parked) return park(forced)
    if (states.halted) return park(states.halted.message)
    try {
      const reaction = fold.react(entry, event)
      attempt.staged.set(states, reaction.entry)
      return reaction.commands.map((request, n) => ({ command: consequence(request, event, fold.manager.name, n), at }))
    } catch (error) {
      return park(messageOf(error))
    }
  }

  /** Gives the Commands that reactions asked for; a faulty one fails its reaction, a refused one stands as refused. */
  async #give(
    requests: readonly { readonly command: Undecided; readonly at: string }[],
    attempt: Attempt,
    lookUp: boolean,
  ): Promise<readonly RecordedEvent[]> {
    // Only what may have been given before (by a timer or a resumed instance) can stand in the log already.
    const ids = lookUp ? requests.map(({ command }) => command.id) : []
    const known = ids.length > 0 ? await (attempt.known(ids) ?? this.#options.known(ids)) : undefined
    const events: RecordedEvent[] = []
    for (const { command, at } of requests) {
      if (known?.has(command.id)) continue
      try {
        events.push(...(await this.#command(command, this.#typeOf(command), attempt, 0)))
      } catch (error) {
        if (isOutpostError(error, 'storage-failed') || isOutpostError(error, 'closed')) throw error
        throw new ReactionFailed(at, `its Command "${command.type}" failed: ${messageOf(error)}`)
      }
    }
    return events
  }

  async #timer(command: Undecided, attempt: Attempt, parkAt: ReadonlyMap<string, string>): Promise<void> {
    const { manager, key, name, dueAt, setBy } = command.payload as {
      readonly manager: string
      readonly key: string
      readonly name: string
      readonly dueAt: number
      readonly setBy: string
    }
    const states = this.#managerStates(manager)
    if (states.halted) throw states.halted
    await attempt.load(states, [key])
    const instance = instanceOf(attempt.entry(states, key))
    if (instance.parked)
      throw new OutpostError(
        'handler-failed',
        `Timer "${name}" waits: process manager "${manager}", instance "${key}", is parked. Retry it.`,
      )
    const timer = instance.timers[name]
    // Cancelled or set anew since it was due: what was wanted no longer is.
    const fires = timer?.setBy === setBy && timer.dueAt === dueAt
    const index = this.#push(attempt, command, 1, undefined, { ok: true })
    const events = fires ? [this.#own(attempt, command, index, states, { type: timerFired(manager), key, data: { name, dueAt } })] : []
    await this.#follow(events, attempt, parkAt, true)
  }

  async #resume(command: Undecided, attempt: Attempt, parkAt: ReadonlyMap<string, string>): Promise<void> {
    const { manager, key } = command.payload as { readonly manager: string; readonly key: string }
    const states = this.#managerStates(manager)
    const fold = states.fold as ManagerFold
    if (states.halted) throw states.halted
    await attempt.load(states, [key])
    const entry = attempt.entry(states, key)
    const index = this.#push(attempt, command, 1, undefined, { ok: true })
    if (!instanceOf(entry).parked) return
    const event = this.#own(attempt, command, index, states, { type: resumed(manager), key, data: {} })
    const failedAgain = (reason: string, cause?: unknown): never => {
      throw new OutpostError(
        'handler-failed',
        `Process manager "${manager}", instance "${key}", failed again: ${reason}`,
        { manager, key },
        cause,
      )
    }
    let again: ReturnType<ManagerFold['resume']>
    try {
      again = fold.resume(entry, event)
    } catch (cause) {
      return failedAgain(messageOf(cause), cause)
    }
    attempt.staged.set(states, again.entry)
    const counts = new Map<string, number>()
    const requests = again.commands.map((request) => {
      const n = counts.get(request.cause.id) ?? 0
      counts.set(request.cause.id, n + 1)
      return { command: consequence(request, request.cause, manager, n), at: `${manager}/${event.id}` }
    })
    try {
      await this.#follow(await this.#give(requests, attempt, true), attempt, parkAt, true)
    } catch (error) {
      if (!(error instanceof ReactionFailed) || error.at !== `${manager}/${event.id}`) throw error
      failedAgain(error.reason)
    }
  }

  /** An Event of the engine's own, in the stream of a process manager's instance. */
  #own(
    attempt: Attempt,
    command: Undecided,
    index: number,
    states: States,
    { type, key, data }: { readonly type: string; readonly key: string; readonly data: unknown },
  ): RecordedEvent {
    const { version } = attempt.entry(states, key)
    return attempt.record(command, { type, schema: 1, aggregateId: key, version: version + 1, command: index, ordinal: 0, data })
  }

  #refused(
    attempt: Attempt,
    command: Undecided,
    message: MessageType,
    refusal: string,
    details: unknown,
    root?: number,
  ): readonly RecordedEvent[] {
    this.#push(attempt, command, message.version, root, { ok: false, refusal, details })
    return []
  }

  #accepted(
    attempt: Attempt,
    command: Undecided,
    schema: number,
    root: number | undefined,
    drafts: readonly Draft[],
  ): readonly RecordedEvent[] {
    const index = this.#push(attempt, command, schema, root, { ok: true })
    return drafts.map(({ type, aggregateId, version, data, state, bytes }, ordinal) => {
      attempt.bytes += bytes
      const { name, version: schema } = type.message
      const recorded = attempt.record(command, { type: name, schema, aggregateId, version, command: index, ordinal, data })
      attempt.staged.set(this.#statesOf(type.aggregate.name), { key: aggregateId, version, position: recorded.position, state })
      return recorded
    })
  }

  #push(attempt: Attempt, command: Undecided, schema: number, root: number | undefined, outcome: StoredOutcome): number {
    attempt.bytes += this.#parsed.get(command)?.bytes ?? 0
    return attempt.commands.push({ ...command, schema: command.schema ?? schema, ...(root === undefined ? {} : { root }), outcome }) - 1
  }

  #payload(message: MessageType, command: Undecided): unknown {
    const known = this.#parsed.get(command)
    if (known) return known.payload
    const bytes = keepPayload(command)
    const payload = deepFreeze(parsePayload(message, command))
    this.#parsed.set(command, { payload, bytes })
    return payload
  }
  #typeOf({ type }: Undecided): CommandType {
    return named(this.#options.domain.commands, type, 'unknown-command', 'Command', 'type')
  }
  #statesOf(aggregate: string): States {
    return named(this.#options.aggregates, aggregate, 'unknown-aggregate', 'Aggregate', 'aggregate')
  }
  #managerStates(manager: string): States {
    return named(this.#options.managers, manager, 'unknown-handler', 'process manager', 'handler')
  }
}
