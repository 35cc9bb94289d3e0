/**
 * The inbox: what the server made of this device's Commands, where that is not what was told when they were given. It is
 * written into the log with the slice that says so, as Events of the device's own that no server hears of, and read as a
 * Read Model like any other.
 */
import { derivedId } from '../domain/id.ts'
import { defined } from '../internal/defined.ts'
import type { StoredCommand, StoredEvent } from '../storage/record.ts'
import type { Told } from './processed.ts'
import { ownEvents, verdictOn } from './rebase.ts'
import type { InboxOutcome, Returned } from './receipt.ts'

/** Stream of a returned Command: its id. */
export const INBOX = '$inbox'
export const RETURNED = `${INBOX}.returned`
export const RESOLVED = `${INBOX}.resolved`

/** Data of {@link RESOLVED}. */
export interface Resolved {
  readonly how: 'retried' | 'resent' | 'discarded'
  /** The Command that was given in its place. */
  readonly commandId?: string
}

const outcomeOf = (decided: Told): InboxOutcome => {
  const { outcome } = decided.root
  return { ...outcome, events: ownEvents(decided) }
}

const streamsOf = ({ events, root }: Told): readonly string[] => [
  ...events.map(({ event }) => `${event.type.slice(0, event.type.indexOf('.'))}/${event.aggregateId}`),
  ...(root.aggregateId === undefined ? [] : [`${root.type.slice(0, root.type.indexOf('.'))}/${root.aggregateId}`]),
]

/**
 * @param then both in one build's versions
 * @param before those returned earlier that it may rest on
 * @returns undefined where it came out as told
 */
export function returned(
  then: Told,
  now: Told,
  before: readonly { readonly commandId: string; readonly data: Returned }[],
): Returned | undefined {
  const verdict = verdictOn(then, now)
  if (verdict === 'confirmed') return undefined
  const { type, schema, aggregateId, payload, actor, at, correlationId, causationId } = then.root
  const streams = [...new Set([...streamsOf(then), ...streamsOf(now)])]
  const because = before
    .filter(({ commandId, data }) => commandId === causationId || data.streams.some((stream) => streams.includes(stream)))
    .map(({ commandId }) => commandId)
  return {
    verdict,
    type,
    schema,
    payload,
    givenAt: at,
    correlationId,
    then: outcomeOf(then),
    now: outcomeOf(now),
    streams,
    because,
    ...defined({ aggregateId, actor }),
  }
}

/** A remark as a Command of the engine's own, and its Event; `command` is its index in the record. */
export function remark(
  type: typeof RETURNED | typeof RESOLVED,
  commandId: string,
  data: Returned | Resolved,
  at: number,
  command: number,
): { readonly command: StoredCommand; readonly event: StoredEvent } {
  const id = derivedId(type, commandId)
  return {
    command: {
      id,
      type,
      schema: 1,
      aggregateId: commandId,
      payload: undefined,
      at,
      correlationId: id,
      causationId: commandId,
      outcome: { ok: true },
    },
    event: { type, schema: 1, aggregateId: commandId, version: type === RETURNED ? 1 : 2, command, ordinal: 0, data },
  }
}
