/** From what the log holds to what handlers see: Events brought to this build's versions. */
import type { AnyDomain } from '../domain/infer.ts'
import { upcastTo } from '../domain/message.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { messageOf, newerBuild, OutpostError } from '../errors.ts'
import { deepFreeze } from '../internal/plain.ts'
import { eventIdOf, LOG_FORMAT, type LogRecord, type StoredEvent } from '../storage/record.ts'
import type { Undecided } from './decide.ts'

/** Names of the engine's own Events (timers, resuming) begin so; an app cannot declare such a name. */
const engineOwn = '$'

/** An Event, or why this build cannot tell what it says: `outdated`, `upcast-failed`. */
export type Decoded = RecordedEvent | OutpostError

/** Where it stands in the log, also where it cannot be understood. */
export const positionOf = (event: Decoded): number =>
  event instanceof OutpostError ? (event.details['position'] as number) : event.position

export interface Decoder {
  /**
   * A record's Events as this build understands them, without those that a rebase made void; each record is decoded once.
   *
   * @throws `outdated`, `upcast-failed` at the first one it does not; `details.before` are the Events before it
   */
  decode(record: LogRecord): readonly RecordedEvent[]
  /** As `decode`, giving the error in the place of each Event that this build does not understand. */
  decodeKnown(record: LogRecord): readonly Decoded[]
}

/** @param live of a list with an entry for each Event of a record, those that count */
export function createDecoder(
  domain: AnyDomain,
  live: <T>(record: LogRecord, ofEvents: readonly T[]) => readonly T[] = (_, all) => all,
): Decoder {
  const decoded = new WeakMap<LogRecord, readonly Decoded[]>()

  function decodeOne(record: LogRecord, stored: StoredEvent, index: number): Decoded {
    const known = domain.events.get(stored.type)
    const own = stored.type.startsWith(engineOwn)
    if (stored.sealed !== undefined || (!own && (!known || stored.schema > known.message.version)))
      return new OutpostError(
        'outdated',
        `Event "${stored.type}" (schema version ${stored.schema}) at position ${record.position + index} is of a newer build. Load the newer app.`,
        { type: stored.type, position: record.position + index },
      )
    const command = record.commands[stored.command]
    if (!command) throw new OutpostError('storage-failed', `Record ${record.number} holds an Event of no Command. Restore an export.`)
    let { data } = stored
    if (known && stored.schema < known.message.version)
      try {
        data = upcastTo(known.message, stored.schema, data)
      } catch (cause) {
        return new OutpostError(
          'upcast-failed',
          `Event "${stored.type}" at position ${record.position + index} could not be upcast from version ${stored.schema}: ${messageOf(cause)}. Mend its upcaster.`,
          { type: stored.type, position: record.position + index },
          cause,
        )
      }
    return recordedOf(stored, command, record.position + index, deepFreeze(data), known?.message.name)
  }

  function decodeKnown(record: LogRecord): readonly Decoded[] {
    let events = decoded.get(record)
    if (!events) {
      events = record.events.map((stored, index) => decodeOne(record, stored, index))
      decoded.set(record, events)
    }
    return live(record, events)
  }

  function decode(record: LogRecord): readonly RecordedEvent[] {
    const events = decodeKnown(record)
    const unknown = events.findIndex((event) => event instanceof OutpostError)
    if (unknown < 0) return events as readonly RecordedEvent[]
    const { code, message, details, cause } = events[unknown] as OutpostError
    throw new OutpostError(code, message, { ...details, before: events.slice(0, unknown) }, cause)
  }
  return { decode, decodeKnown }
}

/** @throws `storage-newer` for a record that a newer build wrote in a format that this one cannot read */
export function checkFormat(record: LogRecord): void {
  if (record.format > LOG_FORMAT || (record.kind !== 'commit' && record.kind !== 'sync'))
    throw newerBuild(`Record ${record.number}`, { record: record.number, format: record.format })
}

/** An Event that was just decided, as handlers will see it once it is recorded. */
export const recordedOf = (
  stored: StoredEvent,
  command: Undecided,
  position: number,
  data = stored.data,
  type = stored.type,
): RecordedEvent => ({
  id: eventIdOf(command.id, stored.ordinal),
  type,
  aggregateId: stored.aggregateId,
  version: stored.version,
  position,
  data,
  at: command.at,
  actor: command.actor,
  commandId: command.id,
  correlationId: command.correlationId,
  causationId: command.causationId,
})
