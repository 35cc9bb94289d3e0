/** Records of the log as a client pulls them. */
import type { LogRecord, StoredCommand, StoredEvent, StoredOutcome } from '../storage/record.ts'
import type { ProcessedCommand, ProcessedEvent, ProcessedRecord, WireOutcome } from '../sync/protocol.ts'
import { toWire } from '../sync/wire-value.ts'

export const wireOutcome = (outcome: StoredOutcome): WireOutcome =>
  outcome.ok ? { ok: true } : { ok: false, refusal: outcome.refusal, details: toWire(outcome.details) }

/**
 * A record for this client. What others asked for without effect (refused, withdrawn, a duplicate) is none of its business: it
 * is left out, and the indices of what remains are counted anew.
 */
export function wireRecord(record: LogRecord, clientId: string): ProcessedRecord {
  const isOwn = record.commands.map((command) => rootOf(record, command).origin?.clientId === clientId)
  const place = new Map<number, number>()
  record.commands.forEach(({ outcome, withdrawn, duplicateOf }, index) => {
    if (isOwn[index] || (outcome.ok && !withdrawn && duplicateOf === undefined)) place.set(index, place.size)
  })
  return {
    number: record.number,
    at: record.at,
    serverPosition: record.position,
    commands: record.commands.flatMap((command, index) =>
      place.has(index) ? [wireCommand(command, isOwn[index] === true && command.root === undefined, place)] : [],
    ),
    events: record.events.map((event) => wireEvent(event, place)),
    ...(record.parked ? { parked: [...record.parked] } : {}),
  }
}

const rootOf = (record: LogRecord, command: StoredCommand): StoredCommand =>
  command.root === undefined ? command : (record.commands[command.root] as StoredCommand)

function wireCommand(command: StoredCommand, withPayload: boolean, place: ReadonlyMap<number, number>): ProcessedCommand {
  const { id, type, schema, aggregateId, payload, at, actor, correlationId, causationId, root, outcome, origin } = command
  return {
    id,
    type,
    schema,
    ...(aggregateId === undefined ? {} : { aggregateId }),
    ...(withPayload ? { payload: toWire(payload) } : {}),
    at,
    ...(actor === undefined ? {} : { actor }),
    correlationId,
    ...(causationId === undefined ? {} : { causationId }),
    ...(root === undefined ? {} : { root: place.get(root) as number }),
    outcome: wireOutcome(outcome),
    ...(origin ? { clientId: origin.clientId, sequence: origin.sequence, receivedAt: origin.receivedAt } : {}),
    ...(command.duplicateOf === undefined ? {} : { duplicateOf: command.duplicateOf }),
    ...(command.withdrawn ? { withdrawn: true } : {}),
  }
}

const wireEvent = (event: StoredEvent, place: ReadonlyMap<number, number>): ProcessedEvent => ({
  type: event.type,
  schema: event.schema,
  aggregateId: event.aggregateId,
  version: event.version,
  command: place.get(event.command) as number,
  ordinal: event.ordinal,
  data: toWire(event.data),
})
