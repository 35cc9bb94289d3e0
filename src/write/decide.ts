/**
 * The pure heart of the write side: one Command, the states it asked for, and what the app's own functions make of them.
 * No storage, no clock, no promise: the same call gives the same answer on any machine.
 */
import type { AggregateType, DecidedEvent, Decision, Refusal } from '../domain/aggregate.ts'
import type { Loads } from '../domain/application-service.ts'
import type { CommandType, EventType } from '../domain/domain.ts'
import { newIdsFrom } from '../domain/id.ts'
import { type MessageType, upcastTo } from '../domain/message.ts'
import { type ErrorCode, isOutpostError, messageOf, type OutpostError } from '../errors.ts'
import { keep } from '../internal/plain.ts'
import type { StoredCommand } from '../storage/record.ts'
import { commandFault } from './command-fault.ts'
import { evolve } from './fold.ts'

/** A Command before it is decided. Without `schema`, its payload is of this build's version. */
export type Undecided = Omit<StoredCommand, 'outcome' | 'root' | 'schema'> & { readonly schema?: number }

/** An Aggregate as a decision sees it. */
export interface Current {
  readonly state: unknown
  /** 0 where its stream is empty. */
  readonly version: number
}

/** What a Command needs to have loaded: its own Aggregate, or what its use case names. */
export type Needs = { readonly own: string } | { readonly loads: Loads }

/** An Event that was decided, with the state it leaves behind. */
export interface Draft {
  readonly type: EventType
  readonly aggregateId: string
  readonly version: number
  readonly data: unknown
  readonly state: unknown
  /** About how many bytes its data takes. */
  readonly bytes: number
}

/** What a Command came to. */
export type Decided = { readonly drafts: readonly Draft[] } | { readonly refusal: string; readonly details: unknown }

/** @throws `invalid-command` with zod's issues, or where an upcaster throws */
export function parsePayload(message: MessageType, command: Undecided): unknown {
  const parsed = message.schema.safeParse(upcastPayload(message, command))
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  const where = first && first.path.length > 0 ? ` at "${first.path.join('.')}"` : ''
  throw commandFault('invalid-command', command, `has a payload that does not fit${where}: ${first?.message}. Nothing was stored.`, {
    issues: parsed.error.issues,
  })
}

/** A payload that was given under an older version, as this build's version has it. */
function upcastPayload(message: MessageType, command: Undecided): unknown {
  const { schema = message.version, payload } = command
  if (schema > message.version)
    throw commandFault('outdated', command, `is of a newer build (schema version ${schema}). Load the newer app.`)
  try {
    return upcastTo(message, schema, payload)
  } catch (cause) {
    const what = `could not be upcast from version ${schema}: ${messageOf(cause)}. Mend its upcaster.`
    throw commandFault('invalid-command', command, what, {}, cause)
  }
}

/**
 * What deciding the Command will look at.
 *
 * @throws `invalid-command` without the id of its Aggregate, `decide-failed` where `loads` throws
 */
export function needsOf(type: CommandType, command: Undecided, payload: unknown): Needs {
  if (type.useCase) {
    const loads = running(command, () => type.useCase.loads(payload))
    for (const [name, load] of Object.entries(loads))
      for (const id of load.load === 'one' ? [load.id] : load.ids)
        if (typeof id !== 'string' || id === '')
          throw commandFault('decide-failed', command, `loads "${name}" by ${JSON.stringify(id)}: ids are strings that are not empty.`, {
            load: name,
          })
    return { loads }
  }
  if (typeof command.aggregateId !== 'string' || command.aggregateId === '')
    throw commandFault('invalid-command', command, `needs the id of its ${type.aggregate.name}: a string that is not empty.`)
  return { own: command.aggregateId }
}

/**
 * Decides a Command over what it needs. `onDecided` is called between the app's decision and the folding of its Events.
 *
 * @throws `decide-failed`, `evolve-failed`
 */
export function decide(
  type: CommandType,
  command: Undecided,
  payload: unknown,
  needs: Needs,
  events: ReadonlyMap<string, EventType>,
  current: (aggregate: AggregateType, id: string) => Current,
  onDecided?: () => void,
): Decided {
  const context = {
    commandId: command.id,
    now: command.at,
    newId: newIdsFrom(command.id),
    actor: command.actor,
    correlationId: command.correlationId,
    causationId: command.causationId,
  }
  let decision: Decision
  let refusals: AggregateType['refusals']
  if (type.aggregate && 'own' in needs) {
    const { aggregate, name } = type
    const { state, version } = current(aggregate, needs.own)
    const expected = command.again ? undefined : command.expectedVersion // it was given for the state of the first decision
    if (expected !== undefined && version !== (expected === 'new' ? 0 : expected))
      return { refusal: 'versionConflict', details: { expected, actual: version } }
    refusals = aggregate.refusals
    const tools = { ...context, aggregateId: needs.own, emit: emitters(aggregate), refuse: refusers(refusals) }
    decision = running(command, () => (aggregate.decide[name] as AggregateType['decide'][string])(state, payload, tools))
  } else {
    const useCase = type.useCase as NonNullable<CommandType['useCase']>
    refusals = useCase.refusals
    const loaded = loadedOf((needs as Extract<Needs, { readonly loads: unknown }>).loads, current)
    const tools = { ...context, refuse: refusers(refusals) }
    decision = running(command, () => useCase.decide(loaded, payload, tools))
  }
  onDecided?.()
  if (isMade('refused', decision)) return checkRefusal(command, refusals, decision)
  const decided: readonly unknown[] = Array.isArray(decision) ? decision : [decision]
  if (!decided.every((each) => isMade('decided', each)))
    throw commandFault(
      'decide-failed',
      command,
      `decided ${decision instanceof Promise ? 'a promise, not at once' : String(decision)}. Return what \`emit\` and \`refuse\` give, or an empty array.`,
    )
  return fold(decided, type, command, needs, events, current)
}

/** The payload is kept as it was given. @returns about how many bytes it takes @throws `invalid-command` */
export const keepPayload = (command: Undecided): number => keeping(command.payload, 'invalid-command', command, () => 'has a payload')

/** True for what `emit` (`decided`) and `refuse` (`refused`) give. */
const isMade = <Of extends 'decided' | 'refused'>(of: Of, value: unknown): value is { decided: DecidedEvent; refused: Refusal }[Of] =>
  typeof value === 'object' && value !== null && of in value

/** Folds what was decided, and checks each state that comes out at the end. */
function fold(
  decided: readonly DecidedEvent[],
  type: CommandType,
  command: Undecided,
  needs: Needs,
  events: ReadonlyMap<string, EventType>,
  current: (aggregate: AggregateType, id: string) => Current,
): Decided {
  const latest = new Map<string, { readonly aggregate: AggregateType; readonly id: string; readonly now: Current }>()
  const drafts = decided.map((event): Draft => {
    const draft = draftOf(event, type, command, needs, events)
    const { aggregate, name } = draft.type
    const key = `${aggregate.name}/${draft.aggregateId}`
    const before = latest.get(key)?.now ?? current(aggregate, draft.aggregateId)
    const version = before.version + 1
    const { aggregateId, data } = draft
    const state = evolve(aggregate, name, before.state, { aggregateId, version, at: command.at, actor: command.actor, data })
    keeping(state, 'evolve-failed', command, () => `leaves ${aggregate.name} "${aggregateId}" in a state`)
    latest.set(key, { aggregate, id: aggregateId, now: { state, version } })
    return { ...draft, version, state }
  })
  for (const { aggregate, id, now } of latest.values()) {
    const checked = aggregate.state.safeParse(now.state)
    if (!checked.success) {
      const details = { aggregate: aggregate.name, aggregateId: id }
      throw violation('evolve-failed', command, `leaves ${aggregate.name} "${id}" in a state`, checked.error, details)
    }
    for (const [invariant, holds] of Object.entries(aggregate.invariants))
      if (!running(command, () => holds(now.state)))
        return { refusal: 'invariantViolated', details: { invariant, aggregate: aggregate.name, aggregateId: id } }
  }
  return { drafts }
}

/** The Event's type and checked data. */
function draftOf(
  event: DecidedEvent,
  type: CommandType,
  command: Undecided,
  needs: Needs,
  events: ReadonlyMap<string, EventType>,
): Pick<Draft, 'type' | 'aggregateId' | 'data' | 'bytes'> {
  const own = type.aggregate
  const full = own ? `${own.name}.${event.decided}` : event.decided
  const eventType = events.get(full)
  const aggregateId = 'own' in needs ? needs.own : event.to?.id
  if (!eventType || aggregateId === undefined || (own && eventType.aggregate !== own))
    throw commandFault('decide-failed', command, `decided an Event "${event.decided}" that was not made by its \`emit\`.`)
  const what = `decided "${full}" with data`
  const parsed = eventType.message.schema.safeParse(event.data)
  if (!parsed.success) throw violation('decide-failed', command, what, parsed.error)
  const bytes = keeping(parsed.data, 'decide-failed', command, () => what)
  return { type: eventType, aggregateId, data: parsed.data, bytes }
}

/** @param what the value is, as in `has a payload` */
function keeping(value: unknown, code: ErrorCode, command: Undecided, what: () => string): number {
  try {
    return keep(value)
  } catch (cause) {
    throw commandFault(code, command, `${what()} of which ${messageOf(cause)}. Nothing was stored.`, {}, cause)
  }
}

const violation = (
  code: ErrorCode,
  command: Undecided,
  what: string,
  { message, issues }: { readonly message: string; readonly issues: unknown },
  details: object = {},
): OutpostError => commandFault(code, command, `${what} that violates its schema: ${message}`, { issues, ...details })

/** Runs the app's own function; what it throws is the Command's fault. */
function running<T>(command: Undecided, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (isOutpostError(cause)) throw cause
    throw commandFault('decide-failed', command, `threw: ${messageOf(cause)}. Nothing was stored; mend its handler.`, {}, cause)
  }
}

function loadedOf(loads: Loads, current: (aggregate: AggregateType, id: string) => Current): Record<string, unknown> {
  const one = (aggregate: AggregateType, id: string): unknown => ({ id, ...current(aggregate, id), emit: emitters(aggregate, id) })
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

function checkRefusal(command: Undecided, refusals: AggregateType['refusals'], { refused, details }: Refusal): Decided {
  const parsed = refusals[refused]?.safeParse(details)
  if (!parsed) throw commandFault('decide-failed', command, `refused "${refused}". Declare that in \`refusals\`.`)
  const what = `refused "${refused}" with data`
  if (!parsed.success) throw violation('decide-failed', command, what, parsed.error)
  keeping(parsed.data, 'decide-failed', command, () => what)
  return { refusal: refused, details: parsed.data }
}

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
