/**
 * Decides root Commands: load, decide, fold, check, react, until nothing more follows. Everything but loading is
 * synchronous and pure; what comes out is staged in a unit of work and not yet durable.
 */
import type { AggregateType, DecidedEvent, Decision, Refusal } from '../domain/aggregate.ts'
import type { Loads } from '../domain/application-service.ts'
import type { CommandType, EventType } from '../domain/domain.ts'
import { derivedId } from '../domain/id.ts'
import type { AnyDomain } from '../domain/infer.ts'
import type { MessageType } from '../domain/message.ts'
import type { CommandRequest } from '../domain/process-manager.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import { eventIdOf, type StoredCommand, type StoredEvent, type StoredOutcome } from '../storage/record.ts'
import { evolve, type Entry } from './fold.ts'
import { instanceOf, resumed, timerFired, type ManagerFold } from './process-managers.ts'
import type { CatchUp, States } from './states.ts'
import { Attempt, type UnitOfWork } from './unit-of-work.ts'

/** A Command before it is decided. */
export type Undecided = Omit<StoredCommand, 'outcome' | 'root' | 'schema'>

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
  readonly catchUp: CatchUp
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

interface Drafted {
  readonly type: EventType
  readonly aggregateId: string
  readonly data: unknown
}

export class Decider {
  readonly #options: DeciderOptions
  /** Payloads parsed to know what to load, for the decision that follows. */
  readonly #parsed = new WeakMap<Undecided, unknown>()

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
    const add = (aggregate: string, ids: readonly string[]): void => {
      const states = this.#options.aggregates.get(aggregate)
      if (!states) return
      const keys = wanted.get(states)
      if (keys) keys.push(...ids)
      else wanted.set(states, [...ids])
    }
    for (const command of commands) {
      const type = this.#options.domain.commands.get(command.type)
      if (type?.aggregate && command.aggregateId !== undefined) add(type.aggregate.name, [command.aggregateId])
      if (!type?.useCase) continue
      try {
        for (const load of Object.values(type.useCase.loads(this.#payload(type.message, command))))
          add(load.aggregate.name, load.load === 'one' ? [load.id] : load.ids)
      } catch {
        // The same fault comes again, with its name, when this Command is decided.
      }
    }
    return wanted
  }

  async #root(command: Undecided, attempt: Attempt, parkAt: ReadonlyMap<string, string>, marks: Marks | undefined): Promise<void> {
    if (command.type === TIMER) return this.#timer(command, attempt, parkAt)
    if (command.type === RESUME) return this.#resume(command, attempt, parkAt)
    const type = this.#options.domain.commands.get(command.type)
    if (!type) {
      const known = [...this.#options.domain.commands.keys()]
      throw new OutpostError('unknown-command', `There is no Command "${command.type}". Known: ${known.join(', ')}.`, {
        type: command.type,
        known,
      })
    }
    if (marks) marks.handler = this.#options.clock()
    const events =
      command.expiresAt !== undefined && this.#options.now() > command.expiresAt
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
    let made = 0
    const context = {
      commandId: command.id,
      now: command.at,
      newId: () => derivedId('new', command.id, made++),
      actor: command.actor,
      correlationId: command.correlationId,
      causationId: command.causationId,
    }
    let decision: Decision
    let refusals: AggregateType['refusals']
    if (type.aggregate) {
      const { aggregate, name } = type
      const id = command.aggregateId
      if (typeof id !== 'string' || id === '')
        throw new OutpostError('invalid-command', `Command "${type.message.name}" needs the id of its ${aggregate.name}: a string that is not empty.`)
      await this.load(this.#statesOf(aggregate.name), [id])
      if (marks) marks.loaded = this.#options.clock()
      const { state, version } = attempt.entry(this.#statesOf(aggregate.name), id)
      const expected = command.expectedVersion
      if (expected !== undefined && version !== (expected === 'new' ? 0 : expected))
        return this.#refused(attempt, command, type.message, 'versionConflict', { expected, actual: version }, root)
      refusals = aggregate.refusals
      const tools = { ...context, aggregateId: id, emit: emitters(aggregate), refuse: refusers(refusals) }
      decision = this.#run(command, type.message, () => (aggregate.decide[name] as AggregateType['decide'][string])(state, payload, tools))
    } else {
      const { useCase } = type
      const loads = this.#run(command, type.message, () => useCase.loads(payload))
      for (const load of Object.values(loads))
        await this.load(this.#statesOf(load.aggregate.name), load.load === 'one' ? [load.id] : load.ids)
      if (marks) marks.loaded = this.#options.clock()
      refusals = useCase.refusals
      const loaded = this.#loaded(loads, attempt)
      decision = this.#run(command, type.message, () => useCase.decide(loaded, payload, { ...context, refuse: refusers(refusals) }))
    }
    if (marks) marks.decided = this.#options.clock()
    if (typeof decision !== 'object' || decision === null)
      throw new OutpostError(
        'decide-failed',
        `Command "${type.message.name}" (${command.id}) decided ${String(decision)}. Return Events, an empty array, or a refusal.`,
      )
    if ('refused' in decision) return this.#refused(attempt, command, type.message, ...checkRefusal(command, type.message, refusals, decision), root)
    const decided = 'decided' in decision ? [decision] : (decision as readonly DecidedEvent[])
    const drafts = decided.map((event) => this.#draft(event, command, type, attempt))
    const folded = this.#fold(drafts, command, attempt)
    if (marks) marks.folded = this.#options.clock()
    if ('violated' in folded) return this.#refused(attempt, command, type.message, 'invariantViolated', folded.violated, root)
    return this.#accepted(attempt, command, type.message.version, root, drafts, folded.entries)
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
          `Reactions to Command "${attempt.commands[0]?.type}" (${attempt.commands[0]?.id}) go round in a circle: still going after ${MAX_DEPTH} steps. Let one process manager stop.`,
        )
      const requests: { readonly command: Undecided; readonly at: string }[] = []
      for (const states of managers.values()) {
        const fold = states.fold as ManagerFold
        const keyed = wave.flatMap((event) => {
          const key = fold.takes(event.type) ? fold.keyOf(event) : undefined
          return key === undefined ? [] : [{ event, key }]
        })
        if (keyed.length === 0) continue
        await this.load(states, [...new Set(keyed.map(({ key }) => key))])
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
    const known = lookUp && requests.length > 0 ? await this.#options.known(requests.map(({ command }) => command.id)) : undefined
    const events: RecordedEvent[] = []
    for (const { command, at } of requests) {
      if (known?.has(command.id)) continue
      const type = this.#options.domain.commands.get(command.type)
      try {
        if (!type) throw new OutpostError('unknown-command', `There is no Command "${command.type}". List its owner in the domain.`)
        events.push(...(await this.#command(command, type, attempt, 0)))
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
    await this.load(states, [key])
    const instance = instanceOf(attempt.entry(states, key))
    if (instance.parked)
      throw new OutpostError('handler-failed', `Timer "${name}" waits: process manager "${manager}", instance "${key}", is parked. Retry it first.`)
    const timer = instance.timers[name]
    // Cancelled or set anew since it was due: what was wanted no longer is.
    const fires = timer?.setBy === setBy && timer.dueAt === dueAt
    const events = this.#own(attempt, command, fires ? [{ type: timerFired(manager), key, data: { name, dueAt } }] : [], states)
    await this.#follow(events, attempt, parkAt, true)
  }

  async #resume(command: Undecided, attempt: Attempt, parkAt: ReadonlyMap<string, string>): Promise<void> {
    const { manager, key } = command.payload as { readonly manager: string; readonly key: string }
    const states = this.#managerStates(manager)
    const fold = states.fold as ManagerFold
    await this.load(states, [key])
    const entry = attempt.entry(states, key)
    if (!instanceOf(entry).parked) {
      this.#own(attempt, command, [], states)
      return
    }
    const [event] = this.#own(attempt, command, [{ type: resumed(manager), key, data: {} }], states)
    if (!event) return
    const again = fold.resume(entry, event)
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
      throw new OutpostError('handler-failed', `Process manager "${manager}", instance "${key}", failed again: ${error.reason}`, { manager, key })
    }
  }

  /** An Event of the engine's own, in the stream of a process manager's instance. */
  #own(
    attempt: Attempt,
    command: Undecided,
    events: readonly { readonly type: string; readonly key: string; readonly data: unknown }[],
    states: States,
  ): readonly RecordedEvent[] {
    const index = attempt.commands.length
    attempt.commands.push({ ...command, schema: 1, outcome: { ok: true } })
    return events.map(({ type, key, data }, ordinal) => {
      const stored: StoredEvent = {
        type,
        schema: 1,
        aggregateId: key,
        version: attempt.entry(states, key).version + 1,
        command: index,
        ordinal,
        data,
      }
      const recorded = recordedOf(stored, command, attempt.nextPosition)
      attempt.events.push({ stored, recorded })
      return recorded
    })
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
    drafts: readonly Drafted[],
    entries: readonly { readonly states: States; readonly version: number; readonly after: Entry }[],
  ): readonly RecordedEvent[] {
    const index = this.#push(attempt, command, schema, root, { ok: true })
    return drafts.map((draft, ordinal) => {
      const { states, version, after } = entries[ordinal] as (typeof entries)[number]
      const stored: StoredEvent = {
        type: draft.type.message.name,
        schema: draft.type.message.version,
        aggregateId: draft.aggregateId,
        version,
        command: index,
        ordinal,
        data: draft.data,
      }
      const recorded = recordedOf(stored, command, attempt.nextPosition)
      attempt.staged.set(states, { ...after, position: recorded.position })
      attempt.events.push({ stored, recorded })
      return recorded
    })
  }

  #push(attempt: Attempt, command: Undecided, schema: number, root: number | undefined, outcome: StoredOutcome): number {
    return attempt.commands.push({ ...command, schema, ...(root === undefined ? {} : { root }), outcome }) - 1
  }

  #draft(event: DecidedEvent, command: Undecided, type: CommandType, attempt: Attempt): Drafted {
    const own = type.aggregate
    const full = own ? `${own.name}.${event.decided}` : event.decided
    const eventType = this.#options.domain.events.get(full)
    const aggregateId = own ? command.aggregateId : event.to?.id
    const what = `Command "${type.message.name}" (${command.id})`
    if (!eventType || aggregateId === undefined || (own && eventType.aggregate !== own))
      throw new OutpostError('decide-failed', `${what} decided an Event "${event.decided}" that was not made by its \`emit\`.`)
    const parsed = eventType.message.schema.safeParse(event.data)
    if (!parsed.success)
      throw new OutpostError('decide-failed', `${what} decided "${full}" with data that violates its schema: ${parsed.error.message}`, {
        issues: parsed.error.issues,
      })
    if (!own && !this.#statesOf(eventType.aggregate.name).peek(aggregateId) && attempt.entry(this.#statesOf(eventType.aggregate.name), aggregateId).version === 0)
      throw new OutpostError('decide-failed', `${what} decided an Event for ${eventType.aggregate.name} "${aggregateId}", which its \`loads\` did not name.`)
    return { type: eventType, aggregateId, data: deepFreeze(parsed.data) }
  }

  /** Folds the drafts onto what is staged, and checks each state that comes out at the end. */
  #fold(
    drafts: readonly Drafted[],
    command: Undecided,
    attempt: Attempt,
  ):
    | { readonly entries: readonly { readonly states: States; readonly version: number; readonly after: Entry }[] }
    | { readonly violated: { readonly invariant: string; readonly aggregate: string; readonly aggregateId: string } } {
    const latest = new Map<string, { readonly aggregate: AggregateType; readonly after: Entry }>()
    const entries = drafts.map((draft) => {
      const { aggregate, name } = draft.type
      const states = this.#statesOf(aggregate.name)
      const id = `${aggregate.name}/${draft.aggregateId}`
      const before = latest.get(id)?.after ?? attempt.entry(states, draft.aggregateId)
      const version = before.version + 1
      const state = deepFreeze(
        evolve(aggregate, name, before.state, { aggregateId: draft.aggregateId, version, at: command.at, actor: command.actor, data: draft.data }),
      )
      const after: Entry = { key: draft.aggregateId, version, position: 0, state }
      latest.set(id, { aggregate, after })
      return { states, version, after }
    })
    for (const { aggregate, after } of latest.values()) {
      const checked = aggregate.state.safeParse(after.state)
      if (!checked.success)
        throw new OutpostError(
          'evolve-failed',
          `Command "${command.type}" (${command.id}) leaves ${aggregate.name} "${after.key}" in a state that violates its schema: ${checked.error.message}`,
          { aggregate: aggregate.name, aggregateId: after.key, issues: checked.error.issues },
        )
      for (const [invariant, holds] of Object.entries(aggregate.invariants))
        if (!this.#run(command, { name: command.type }, () => holds(after.state)))
          return { violated: { invariant, aggregate: aggregate.name, aggregateId: after.key } }
    }
    return { entries }
  }

  /** Runs the app's own function; what it throws is the Command's fault. */
  #run<T>(command: Undecided, message: Pick<MessageType, 'name'>, run: () => T): T {
    try {
      return run()
    } catch (cause) {
      if (isOutpostError(cause)) throw cause
      throw new OutpostError(
        'decide-failed',
        `Command "${message.name}" (${command.id}${command.aggregateId === undefined ? '' : `, on "${command.aggregateId}"`}) threw: ${messageOf(cause)}. Nothing was stored; mend its handler.`,
        { type: message.name, commandId: command.id, aggregateId: command.aggregateId },
        cause,
      )
    }
  }

  #loaded(loads: Loads, attempt: Attempt): Record<string, unknown> {
    const one = (aggregate: AggregateType, id: string): unknown => {
      const { state, version } = attempt.entry(this.#statesOf(aggregate.name), id)
      return { id, state, version, emit: emitters(aggregate, id) }
    }
    return Object.fromEntries(
      Object.entries(loads).map(([name, load]) => {
        if (load.load === 'one') return [name, one(load.aggregate.type, load.id)]
        const items = new Map(load.ids.map((id) => [id, one(load.aggregate.type, id)]))
        const get = (id: string): unknown => {
          const item = items.get(id)
          if (!item) throw new Error(`\`loads\` did not ask for ${load.aggregate.name} "${id}"`)
          return item
        }
        return [name, { size: items.size, get, [Symbol.iterator]: () => items.values() }]
      }),
    )
  }

  #payload(message: MessageType, command: Undecided): unknown {
    if (this.#parsed.has(command)) return this.#parsed.get(command)
    const payload = deepFreeze(parsePayload(message, command))
    this.#parsed.set(command, payload)
    return payload
  }
  /** Brings states into memory; undefined where they all are. */
  load(states: States, keys: readonly string[]): Promise<void> | undefined {
    return states.missing(keys).length > 0 ? states.load(keys, this.#options.catchUp) : undefined
  }
  #statesOf(aggregate: string): States {
    const states = this.#options.aggregates.get(aggregate)
    if (!states) throw new OutpostError('unknown-aggregate', `There is no Aggregate "${aggregate}". List it in the domain.`)
    return states
  }
  #managerStates(manager: string): States {
    const states = this.#options.managers.get(manager)
    if (!states) throw new OutpostError('unknown-handler', `There is no process manager "${manager}". List it in the domain.`)
    return states
  }
}

function parsePayload(message: MessageType, command: Undecided): unknown {
  const parsed = message.schema.safeParse(command.payload)
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  const where = first && first.path.length > 0 ? ` at "${first.path.join('.')}"` : ''
  throw new OutpostError(
    'invalid-command',
    `The payload of Command "${message.name}"${command.aggregateId === undefined ? '' : ` on "${command.aggregateId}"`} does not fit${where}: ${first?.message}. Nothing was stored.`,
    { type: message.name, commandId: command.id, aggregateId: command.aggregateId, issues: parsed.error.issues },
  )
}

function checkRefusal(
  command: Undecided,
  message: MessageType,
  refusals: AggregateType['refusals'],
  { refused, details }: Refusal,
): readonly [string, unknown] {
  const schema = refusals[refused]
  const parsed = schema?.safeParse(details)
  if (parsed?.success) return [refused, parsed.data]
  throw new OutpostError(
    'decide-failed',
    parsed
      ? `Command "${message.name}" (${command.id}) refused "${refused}" with details that violate its schema: ${parsed.error.message}`
      : `Command "${message.name}" (${command.id}) refused "${refused}", which is not declared. Add it to \`refusals\`.`,
  )
}

/** What a reaction asked for, as a Command whose id follows from its cause. It acts as the domain, not as an actor. */
const consequence = (request: CommandRequest, cause: RecordedEvent, manager: string, n: number): Undecided => ({
  id: derivedId('command', cause.id, manager, n),
  type: request.send,
  ...(request.aggregateId === undefined ? {} : { aggregateId: request.aggregateId }),
  payload: request.payload,
  at: cause.at,
  correlationId: cause.correlationId,
  causationId: cause.id,
})

const recordedOf = (stored: StoredEvent, command: Undecided, position: number): RecordedEvent => ({
  id: eventIdOf(command.id, stored.ordinal),
  type: stored.type,
  aggregateId: stored.aggregateId,
  version: stored.version,
  position,
  data: stored.data,
  at: command.at,
  actor: command.actor,
  commandId: command.id,
  correlationId: command.correlationId,
  causationId: command.causationId,
})

type Emitters = Record<string, (data: unknown) => DecidedEvent>
const ownEmitters = new WeakMap<AggregateType, Emitters>()

/** `emit` for an Aggregate's own Commands (made once), or for one that a use case loaded. */
function emitters(aggregate: AggregateType, id?: string): Emitters {
  const own = id === undefined ? ownEmitters.get(aggregate) : undefined
  if (own) return own
  const made: Emitters = {}
  for (const key of Object.keys(aggregate.events))
    made[key] =
      id === undefined
        ? (data) => ({ decided: key, data })
        : (data) => ({ decided: `${aggregate.name}.${key}`, data, to: { aggregate: aggregate.name, id } })
  if (id === undefined) ownEmitters.set(aggregate, made)
  return made
}

const refusersOf = new WeakMap<object, Record<string, (details: unknown) => Refusal>>()

function refusers(refusals: AggregateType['refusals']): Record<string, (details: unknown) => Refusal> {
  let made = refusersOf.get(refusals)
  if (!made) {
    made = Object.fromEntries(Object.keys(refusals).map((key) => [key, (details: unknown): Refusal => ({ refused: key, details })]))
    refusersOf.set(refusals, made)
  }
  return made
}

/** States and data are shared between Commands, handlers and caches: a handler that changes one in place must fail. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}
