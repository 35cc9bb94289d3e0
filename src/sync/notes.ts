/** Records of kind `sync`: what the server's word, or this device's own, adds to the log. */
import type { EngineInside } from '../engine/inside.ts'
import { LOG_FORMAT, type LogRecord, type SyncNote } from '../storage/record.ts'

/** A record that follows the head, with nothing in it but the note. */
export function noteOf({ log, now, recordId }: Pick<EngineInside, 'log' | 'now' | 'recordId'>, sync: SyncNote): LogRecord {
  return {
    number: log.head.record + 1,
    id: recordId(),
    format: LOG_FORMAT,
    kind: 'sync',
    at: now(),
    position: log.position + 1,
    commands: [],
    events: [],
    sync,
  }
}

/** The record as the next one behind others of the same transaction. */
export const behind = (others: readonly LogRecord[], record: LogRecord): LogRecord => ({
  ...record,
  number: record.number + others.length,
  position: record.position + eventsIn(others),
})

export const eventsIn = (records: readonly LogRecord[]): number => records.reduce((sum, { events }) => sum + events.length, 0)

/** They count together. */
export const inOneTransaction = (records: readonly LogRecord[]): readonly LogRecord[] =>
  records.map((record, i) => (i < records.length - 1 ? { ...record, more: true } : record))
