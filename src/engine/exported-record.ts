/**
 * A record as an export holds it: what was made void, and all that is between this log and its server, stays behind. Whoever
 * restores it has a log that has lived alone, and joins as a client of its own.
 */
import type { LogRecord, StoredCommand } from '../storage/record.ts'
import type { Tail } from '../write/tail.ts'

/** @param position that its first Event has in the export */
export function exportedRecord(tail: Tail, record: LogRecord, position: number): LogRecord {
  if (!tail.cursor) return record
  const { number, id, format, at, states } = record
  const kept = record.commands.flatMap((command, index) => (isKept(tail, record, command, index) ? [{ command, index }] : []))
  const places = new Map(kept.map(({ index }, place) => [index, place]))
  const events = record.events
    .map((event, i) => ({ event, i }))
    .filter(({ event, i }) => !tail.isVoid(record, i) && places.has(event.command))
  const positions = new Map(events.map(({ i }, place) => [record.position + i, position + place]))
  const parked = record.parked?.flatMap((each) => {
    const there = positions.get(each.position)
    return there === undefined ? [] : [{ ...each, position: there }]
  })
  return {
    number,
    id,
    format,
    kind: 'commit',
    at,
    position,
    commands: kept.map(({ command: { origin: _, again: __, root, ...command } }) => ({
      ...command,
      ...(root !== undefined && { root: places.get(root) as number }),
    })),
    events: events.map(({ event }) => ({ ...event, command: places.get(event.command) as number })),
    // As of Events that all count; else they are no state that ever was.
    ...(states && events.length === record.events.length && { states }),
    ...(parked && parked.length > 0 && { parked }),
  }
}

/** Places of withdrawn Commands, repeats of others, and remarks on what came back mean something to this client alone. */
const isKept = (tail: Tail, record: LogRecord, { withdrawn, duplicateOf }: StoredCommand, index: number): boolean =>
  record.sync?.step !== 'noted' && !withdrawn && duplicateOf === undefined && !tail.isVoidCommand(record, index)
