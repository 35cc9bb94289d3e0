/**
 * The pure heart of the write side: one Command, the states it asked for, and what the app's own functions make of them.
 * No storage, no clock, no promise: the same call gives the same answer on any machine.
 */
import type { AggregateType, DecidedEvent, Decision, Refusal } from '../domain/aggregate.ts'
import type { Loads } from '../domain/application-service.ts'
import type { CommandType, EventType } from '../domain/domain.ts'
import { newIdsFrom } from '../domain/id.ts'
import { type MessageType, upcastTo } from '../domain/message.ts'
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import { keep } from '../internal/plain.ts'
import type { StoredCommand } from '../storage/record.ts'
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
  throw new OutpostError(
    'invalid-command',
    `The payload of Command "${message.name}"${command.aggregateId === undefined ? '' : ` on "${command.aggregateId}"`} does not fit${where}: ${first?.message}. Nothing was stored.`,
    { type: message.name, commandId: command.id, aggregateId: command.aggregateId, issues: parsed.error.issues },
  )
}

/** A payload that was given under an older version, as this build's version has it. */
function upcastPayload(message: MessageType, { id, schema = message.version, payload }: Undecided): unknown {
  if (schema > message.version)
    throw new OutpostError(
      'outdated',
      `Command "${message.name}" (${id}) is of schema version ${schema}, this build knows ${message.version}. Load the newer app.`,
    )
  try {
    return upcastTo(message, schema, payload)
  } catch (cause) {
    throw new OutpostError(
      'invalid-command',
      `The payload of Command "${message.name}" (${id}) could not be upcast from version ${schema}: ${messageOf(cause)}. Mend its upcaster.`,
      {},
      cause,
    )
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
          throw new OutpostError(
            'decide-failed',
            `Command "${command.type}" (${command.id}) loads "${name}", a ${load.aggregate.name}, by ${JSON.stringify(id)}: its id is a string that is not empty.`,
            { type: command.type, commandId: command.id, load: name },
          )
    return { loads }
  }
  if (typeof command.aggregateId !== 'string' || command.aggregateId === '')
    throw new OutpostError(
      'invalid-command',
      `Command "${type.message.name}" needs the id of its ${type.aggregate.name}: a string that is not empty.`,
    )
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
  } else if (type.useCase && 'loads' in needs) {
    refusals = type.useCase.refusals
    const loaded = loadedOf(needs.loads, current)
    const tools = { ...context, refuse: refusers(refusals) }
    decision = running(command, () => type.useCase.decide(loaded, payload, tools))
  } else throw new TypeError(`"${type.message.name}" was given the needs of another kind of Command`)
  onDecided?.()
  if (typeof decision !== 'object' || decision === null)
    throw new OutpostError(
      'decide-failed',
      `Command "${type.message.name}" (${command.id}) decided ${String(decision)}. Return Events, an empty array, or a refusal.`,
    )
  if ('refused' in decision) return checkRefusal(command, type.message, refusals, decision)
  const decided: readonly unknown[] = 'decided' in decision ? [decision] : Array.isArray(decision) ? decision : [decision]
  if (!decided.every(isDecided))
    throw new OutpostError(
      'decide-failed',
      `Command "${type.message.name}" (${command.id}) decided something else than Events, an empty array, or a refusal${decision instanceof Promise ? ': a promise. `decide` is synchronous' : ''}. Return what \`emit\` and \`refuse\` give.`,
    )
  return fold(decided, type, command, needs, events, current)
}

/** The payload is kept as it was given. @returns about how many bytes it takes @throws `invalid-command` */
export function keepPayload({ type, id, payload }: Undecided): number {
  try {
    return keep(payload)
  } catch (cause) {
    throw new OutpostError(
      'invalid-command',
      `In the payload of Command "${type}" (${id}), ${messageOf(cause)}. Nothing was stored.`,
      {},
      cause,
    )
  }
}

const isDecided = (each: unknown): each is DecidedEvent => typeof each === 'object' && each !== null && 'decided' in each

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
    keeping(
      state,
      'evolve-failed',
      () => `Command "${command.type}" (${command.id}) leaves ${aggregate.name} "${aggregateId}" in a state of which`,
    )
    latest.set(key, { aggregate, id: aggregateId, now: { state, version } })
    return { ...draft, version, state }
  })
  for (const { aggregate, id, now } of latest.values()) {
    const checked = aggregate.state.safeParse(now.state)
    if (!checked.success)
      throw new OutpostError(
        'evolve-failed',
        `Command "${command.type}" (${command.id}) leaves ${aggregate.name} "${id}" in a state that violates its schema: ${checked.error.message}`,
        { aggregate: aggregate.name, aggregateId: id, issues: checked.error.issues },
      )
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
  const what = `Command "${type.message.name}" (${command.id})`
  if (!eventType || aggregateId === undefined || (own && eventType.aggregate !== own))
    throw new OutpostError('decide-failed', `${what} decided an Event "${event.decided}" that was not made by its \`emit\`.`)
  const parsed = eventType.message.schema.safeParse(event.data)
  if (!parsed.success)
    throw new OutpostError('decide-failed', `${what} decided "${full}" with data that violates its schema: ${parsed.error.message}`, {
      issues: parsed.error.issues,
    })
  const bytes = keeping(parsed.data, 'decide-failed', () => `${what} decided "${full}" with data of which`)
  return { type: eventType, aggregateId, data: parsed.data, bytes }
}

function keeping(value: unknown, code: 'decide-failed' | 'evolve-failed', subject: () => string): number {
  try {
    return keep(value)
  } catch (cause) {
    throw new OutpostError(code, `${subject()} ${messageOf(cause)}. Nothing was stored.`, {}, cause)
  }
}

/** Runs the app's own function; what it throws is the Command's fault. */
function running<T>(command: Undecided, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (isOutpostError(cause)) throw cause
    throw new OutpostError(
      'decide-failed',
      `Command "${command.type}" (${command.id}${command.aggregateId === undefined ? '' : `, on "${command.aggregateId}"`}) threw: ${messageOf(cause)}. Nothing was stored; mend its handler.`,
      { type: command.type, commandId: command.id, aggregateId: command.aggregateId },
      cause,
    )
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

function checkRefusal(
  command: Undecided,
  message: MessageType,
  refusals: AggregateType['refusals'],
  { refused, details }: Refusal,
): Decided {
  const schema = refusals[refused]
  const parsed = schema?.safeParse(details)
  if (parsed?.success) {
    keeping(parsed.data, 'decide-failed', () => `Command "${message.name}" (${command.id}) refused "${refused}" with details of which`)
    return { refusal: refused, details: parsed.data }
  }
  throw new OutpostError(
    'decide-failed',
    parsed
      ? `Command "${message.name}" (${command.id}) refused "${refused}" with details that violate its schema: ${parsed.error.message}`
      : `Command "${message.name}" (${command.id}) refused "${refused}", which is not declared. Add it to \`refusals\`.`,
  )
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
