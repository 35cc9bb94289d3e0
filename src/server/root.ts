/** Root Commands as they came, made ready to be processed: what can be said of each without looking at any state. */
import type { CommandType } from '../domain/domain.ts'
import { isDerivedId } from '../domain/id.ts'
import type { AnyDomain } from '../domain/infer.ts'
import { upcastTo } from '../domain/message.ts'
import { messageOf } from '../errors.ts'
import { keep } from '../internal/plain.ts'
import type { CommandOrigin, StoredCommand } from '../storage/record.ts'
import { withdrawnId, type ServerRefusal } from '../sync/protocol.ts'
import type { PushedCommand, WireCommand } from '../sync/requests.ts'
import { fromWire } from '../sync/wire-value.ts'
import type { Undecided } from '../write/decide.ts'
import { RESUME, TIMER } from '../write/decider.ts'

/** A longer id cannot be a key everywhere: PostgreSQL takes some 2,600 bytes of one. */
const MAX_ID_BYTES = 1024

/** What follows from an Event has its id from it: who guessed it could take the place of a consequence before it comes. */
const DERIVED = 'Its id is a UUID of version 8, which only what follows from other Commands has. Give it another one.'

export const isTooLong = (id: string): boolean => id.length > MAX_ID_BYTES || new TextEncoder().encode(id).length > MAX_ID_BYTES
export const tooLong = (): ServerRefusalOf => invalid(`The id of an Aggregate has at most ${MAX_ID_BYTES} bytes.`)

export interface ServerRefusalOf {
  readonly refusal: ServerRefusal
  readonly details: Readonly<Record<string, unknown>>
}

/** A Command as it is stored, but for what it comes to. */
export type Unprocessed = Omit<StoredCommand, 'outcome'>

export type Root = { readonly sequence: number; readonly id: string } & (
  | { readonly kind: 'command'; readonly command: Undecided; readonly stored: Unprocessed; readonly type: CommandType }
  /** The engine's own, from a client. */
  | { readonly kind: 'timer' | 'resume'; readonly command: Undecided; readonly stored: Unprocessed }
  /** The engine's own, from this server. */
  | { readonly kind: 'own'; readonly command: Undecided }
  /** @property fault what was thrown, where that is for a developer to see */
  | { readonly kind: 'refused'; readonly stored: Unprocessed; readonly because: ServerRefusalOf; readonly fault?: unknown }
  | { readonly kind: 'withdrawn'; readonly stored: Unprocessed }
  /** This build is too old for it. */
  | { readonly kind: 'held'; readonly type: string; readonly stored: Unprocessed }
)

export function rootOf({ sequence, command }: PushedCommand, from: Omit<CommandOrigin, 'sequence'>, domain: AnyDomain): Root {
  const origin = { ...from, sequence }
  if (!command) {
    const id = withdrawnId(from.clientId, sequence)
    const stored = {
      id,
      type: '$withdrawn',
      schema: 1,
      payload: null,
      at: from.receivedAt,
      correlationId: id,
      withdrawn: true,
      origin,
    } as const
    return { kind: 'withdrawn', sequence, id, stored }
  }
  const place = { sequence, id: command.id }
  let payload: unknown
  try {
    payload = fromWire(command.payload)
    keep(payload)
  } catch (error) {
    // What cannot be kept is not kept; the device has it.
    return { ...place, kind: 'refused', stored: storedOf(command, null, origin), because: invalid(messageOf(error)) }
  }
  const stored = storedOf(command, payload, origin)
  if (command.aggregateId !== undefined && isTooLong(command.aggregateId)) return { ...place, kind: 'refused', stored, because: tooLong() }
  if (command.type === TIMER || command.type === RESUME) {
    const { schema: _, actor: __, ...own } = stored // it acts as the domain, whoever sent it
    return { ...place, kind: command.type === TIMER ? 'timer' : 'resume', command: own, stored: { ...own, schema: 1 } }
  }
  if (isDerivedId(command.id)) return { ...place, kind: 'refused', stored, because: invalid(DERIVED) }
  const type = domain.commands.get(command.type)
  if (!type || command.schema > type.message.version) return { ...place, kind: 'held', type: command.type, stored }
  try {
    const upcast = upcastTo(type.message, command.schema, payload)
    const { schema: _, ...undecided } = stored
    return { ...place, kind: 'command', type, stored, command: { ...undecided, payload: upcast } }
  } catch (fault) {
    const why = `Its payload could not be brought from version ${command.schema} to ${type.message.version}.`
    return { ...place, kind: 'refused', stored, because: invalid(why), fault }
  }
}

export const invalid = (message: string, more: Readonly<Record<string, unknown>> = {}): ServerRefusalOf => ({
  refusal: 'invalidCommand',
  details: { message, ...more },
})

function storedOf(command: WireCommand, payload: unknown, origin: CommandOrigin): Unprocessed {
  const { id, type, schema, aggregateId, at, actor, correlationId, causationId } = command
  return {
    id,
    type,
    schema,
    ...(aggregateId === undefined ? {} : { aggregateId }),
    payload,
    at,
    ...(actor === undefined ? {} : { actor }),
    correlationId,
    ...(causationId === undefined ? {} : { causationId }),
    origin,
  }
}
