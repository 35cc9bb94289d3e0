/**
 * The fold of one Read Model, pure: Events → what its handlers ask for → rows. In two steps, because between them all rows
 * that must be known are loaded at once.
 *
 * Whatever goes wrong stops the fold at one Event, and the result is the same however the records were cut into batches:
 * all that came before that Event holds, nothing of it or after it does.
 */
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { isOutpostError } from '../errors.ts'
import type { LogRecord } from '../storage/record.ts'
import type { Key, Row } from '../storage/storage.ts'
import { missingRow, type RowOperation, type RowOperations, type Token } from './row-operations.ts'
import type { RowCheck } from './row-check.ts'

/** A row as a fold left it. */
export interface FoldedRow {
  readonly key: Key
  /** undefined: removed */
  readonly row: Row | undefined
  /** Number of the last record that touched it. */
  readonly touched: number
}

export type Handlers = ReadonlyMap<string, (event: RecordedEvent, rows: never) => unknown>

/** Where a fold had to stop. */
export interface Stop {
  /** Number of the record that holds the Event. */
  readonly record: number
  readonly position: number
  readonly eventType: string
  readonly error: unknown
  /** False where only another build can go on. */
  readonly retryable: boolean
}

export interface Collected {
  readonly operations: readonly RowOperation[]
  /** How many Events were read, those of no concern included. */
  readonly events: number
  readonly stop: Stop | undefined
}

export function collect(
  records: readonly LogRecord[],
  decode: (record: LogRecord) => readonly RecordedEvent[],
  handlers: Handlers,
  operations: RowOperations,
): Collected {
  let events = 0
  let stop: Stop | undefined
  for (const record of records) {
    const decoded = decodeUpTo(record, decode)
    for (const event of decoded.events) {
      events++
      const handler = handlers.get(event.type)
      if (!handler) continue
      try {
        operations.collect(event, record.number, handler as Parameters<RowOperations['collect']>[2])
      } catch (error) {
        stop = { record: record.number, position: event.position, eventType: event.type, error, retryable: true }
        break
      }
    }
    stop ??= decoded.stop
    if (stop) break
  }
  return { operations: operations.take(), events, stop }
}

function decodeUpTo(
  record: LogRecord,
  decode: (record: LogRecord) => readonly RecordedEvent[],
): { readonly events: readonly RecordedEvent[]; readonly stop: Stop | undefined } {
  try {
    return { events: decode(record), stop: undefined }
  } catch (error) {
    const details = isOutpostError(error) ? error.details : {}
    const events = (details['before'] as readonly RecordedEvent[] | undefined) ?? []
    const position = record.position + events.length
    const eventType = record.events[events.length]?.type ?? ''
    return { events, stop: { record: record.number, position, eventType, error, retryable: !isOutpostError(error, 'outdated') } }
  }
}

export interface Folded {
  /** What all whole records came to. */
  readonly rows: ReadonlyMap<Token, FoldedRow>
  /** What the Events before the stop, in its own record, came to; undefined without any. */
  readonly partial: ReadonlyMap<Token, FoldedRow> | undefined
  readonly stop: Stop | undefined
}

/** @param before the rows before the first of these operations: of every token that `neededRows` names */
export function fold({ operations, stop }: Collected, before: ReadonlyMap<Token, Row>, check: RowCheck, readModel: string): Folded {
  for (let until = stop; ;) {
    const rows = new Map<Token, FoldedRow>()
    const partial = new Map<Token, FoldedRow>()
    const earlier = carryOut(operations, until, rows, partial, before, check, readModel)
    if (!earlier) return { rows, partial: partial.size > 0 ? partial : undefined, stop: until }
    // It is rare: carried out once more, as far as it may go.
    until = earlier
  }
}

/** @returns where it failed: always before `until` */
function carryOut(
  operations: readonly RowOperation[],
  until: Stop | undefined,
  rows: Map<Token, FoldedRow>,
  partial: Map<Token, FoldedRow>,
  before: ReadonlyMap<Token, Row>,
  check: RowCheck,
  readModel: string,
): Stop | undefined {
  for (const operation of operations) {
    const { key, token, event, record, change } = operation
    if (until && event.position >= until.position) return undefined
    let row = operation.row
    if (change) {
      try {
        const known = partial.get(token) ?? rows.get(token)
        const previous = known ? known.row : before.get(token)
        if (operation.mustExist && previous === undefined) throw missingRow(readModel, operation)
        row = check.row(change(previous), key, event)
      } catch (error) {
        return { record, position: event.position, eventType: event.type, error, retryable: true }
      }
    }
    const into = until && record >= until.record ? partial : rows
    into.set(token, { key, row, touched: record })
  }
  return undefined
}

/** The rows that must be known before these operations: of those that are changed before they are put. */
export function neededRows(operations: readonly RowOperation[]): ReadonlyMap<Token, Key> {
  const needed = new Map<Token, Key>()
  if (!operations.some(({ change }) => change)) return needed
  const made = new Set<Token>()
  for (const { token, key, change } of operations) {
    if (change) {
      if (!made.has(token)) needed.set(token, key)
    } else made.add(token)
  }
  return needed
}
