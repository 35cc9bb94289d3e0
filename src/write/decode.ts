/** From what the log holds to what handlers see: Events brought to this build's versions. */
import type { AnyDomain } from '../domain/infer.ts'
import { upcastTo } from '../domain/message.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { OutpostError } from '../errors.ts'
import { eventIdOf, LOG_FORMAT, type LogRecord, type StoredEvent } from '../storage/record.ts'
import type { Undecided } from './decide.ts'

/** Names of the engine's own Events (timers, resuming) begin so; an app cannot declare such a name. */
const engineOwn = '$'

export interface Decoder {
  /**
   * A record's Events as this build understands them; each record is decoded once.
   *
   * @throws `outdated` at the first one it does not; `details.before` are the Events before it
   */
  decode(record: LogRecord): readonly RecordedEvent[]
  /** As `decode`, giving undefined in the place of each Event that this build does not understand. */
  decodeKnown(record: LogRecord): readonly (RecordedEvent | undefined)[]
}

export function createDecoder(domain: AnyDomain): Decoder {
  const decoded = new WeakMap<LogRecord, readonly (RecordedEvent | undefined)[]>()

  function decodeOne(record: LogRecord, stored: StoredEvent, index: number): RecordedEvent | undefined {
    const known = domain.events.get(stored.type)
    const own = stored.type.startsWith(engineOwn)
    if (stored.sealed !== undefined || (!own && (!known || stored.schema > known.message.version))) return undefined
    const command = record.commands[stored.command]
    if (!command) throw new OutpostError('storage-failed', `Record ${record.number} holds an Event of no Command. Restore an export.`)
    return {
      id: eventIdOf(command.id, stored.ordinal),
      type: known ? known.message.name : stored.type,
      aggregateId: stored.aggregateId,
      version: stored.version,
      position: record.position + index,
      data: known && stored.schema < known.message.version ? upcastTo(known.message, stored.schema, stored.data) : stored.data,
      at: command.at,
      actor: command.actor,
      commandId: command.id,
      correlationId: command.correlationId,
      causationId: command.causationId,
    }
  }

  function decodeKnown(record: LogRecord): readonly (RecordedEvent | undefined)[] {
    let events = decoded.get(record)
    if (!events) {
      events = record.events.map((stored, index) => decodeOne(record, stored, index))
      decoded.set(record, events)
    }
    return events
  }

  function decode(record: LogRecord): readonly RecordedEvent[] {
    const events = decodeKnown(record)
    const unknown = events.indexOf(undefined)
    if (unknown < 0) return events as readonly RecordedEvent[]
    const stored = record.events[unknown] as StoredEvent
    throw new OutpostError(
      'outdated',
      `Event "${stored.type}" (schema version ${stored.schema}) at position ${record.position + unknown} is of a newer build. Load the newer app.`,
      { type: stored.type, position: record.position + unknown, before: events.slice(0, unknown) },
    )
  }
  return { decode, decodeKnown }
}

/** @throws `storage-newer` for a record that a newer build wrote in a format that this one cannot read */
export function checkFormat(record: LogRecord): void {
  if (record.format > LOG_FORMAT || record.kind !== 'commit')
    throw new OutpostError(
      'storage-newer',
      `Record ${record.number} has format ${record.format}, this build reads up to ${LOG_FORMAT}. Load the newer app; nothing was changed.`,
      { record: record.number, format: record.format },
    )
}

/** An Event that was just decided, as handlers will see it once it is recorded. */
export const recordedOf = (stored: StoredEvent, command: Undecided, position: number): RecordedEvent => ({
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
