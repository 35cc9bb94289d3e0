/** Who may do what: the app's answers, asked at the places that the protocol names. */
import type { CommandType } from '../domain/domain.ts'
import type { Loads } from '../domain/application-service.ts'
import { parsePayload, needsOf, type Undecided } from '../write/decide.ts'

/** A root Command as `authorize` sees it: brought to this build's version, its payload parsed. */
export interface AuthorizedCommand {
  readonly id: string
  /** `aggregate.command` or `service.useCase`; never an alias. */
  readonly type: string
  readonly aggregateId?: string
  readonly payload: unknown
  /** When it was given, by the device's clock: a claim. */
  readonly at: number
  readonly actor?: string
}

/**
 * Whether this principal may give this Command, asked before it is decided.
 *
 * @param state of its Aggregate as loaded, undefined where its stream is empty; for a use case an object with what its `loads`
 * named: a state for `one`, a Map from id to state for `many`
 * @returns true, or why not: the Command is then processed, refused as `unauthorized` with this `reason`
 */
export type Authorize = (principal: string, command: AuthorizedCommand, state: unknown) => true | string | Promise<true | string>

/**
 * Whether this principal may name this actor. A Command's actor is a claim of the device, and handlers believe it; so by default
 * it must be the principal, or absent.
 */
export type ActAs = (principal: string, actor: string) => boolean

export const actAsOneself: ActAs = (principal, actor) => actor === principal

/** What the Command will be decided on, as `authorize` is given it. */
export function seenBy(
  type: CommandType,
  command: Undecided,
  stateOf: (aggregate: string, id: string) => unknown,
): { readonly asked: AuthorizedCommand; readonly state: unknown } {
  const payload = parsePayload(type.message, command)
  const needs = needsOf(type, command, payload)
  const { id, aggregateId, at, actor } = command
  return {
    asked: {
      id,
      type: type.message.name,
      ...(aggregateId === undefined ? {} : { aggregateId }),
      payload,
      at,
      ...(actor === undefined ? {} : { actor }),
    },
    state: 'own' in needs ? stateOf(type.aggregate?.name ?? '', needs.own) : statesOf(needs.loads, stateOf),
  }
}

/** The Aggregates that {@link seenBy} will ask for. */
export function neededBy(
  type: CommandType,
  command: Undecided,
): readonly { readonly aggregate: string; readonly ids: readonly string[] }[] {
  const needs = needsOf(type, command, parsePayload(type.message, command))
  if ('own' in needs) return [{ aggregate: type.aggregate?.name ?? '', ids: [needs.own] }]
  return Object.values(needs.loads).map((load) => ({
    aggregate: load.aggregate.name,
    ids: load.load === 'one' ? [load.id] : load.ids,
  }))
}

const statesOf = (loads: Loads, stateOf: (aggregate: string, id: string) => unknown): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(loads).map(([name, load]) => [
      name,
      load.load === 'one' ? stateOf(load.aggregate.name, load.id) : new Map(load.ids.map((id) => [id, stateOf(load.aggregate.name, id)])),
    ]),
  )
