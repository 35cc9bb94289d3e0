/** Makes of a unit of work the records that a group commit appends. */
import { LOG_FORMAT, type LogRecord, type StoredCommand, type StoredEvent, type StoredState } from '../storage/record.ts'
import type { Attempt, UnitOfWork } from './unit-of-work.ts'

/**
 * A record is closed at so many Events or Commands. Values that Chromium's LevelDB keeps inline are ≲ 32 KiB; a record of
 * 128 ordinary Events is about that.
 */
const RECORD_EVENTS = 128
const RECORD_COMMANDS = 128
/** Or at about so many bytes: Chromium takes no value of more than 128 MB, and all of a record fails together. */
const RECORD_BYTES = 1_000_000

export interface RecordOptions {
  readonly now: () => number
  /** Another one each time, which no other record has. */
  readonly recordId: () => string
}

/**
 * The records of a unit of work. A root and what follows from it stay together; each attempt learns its place.
 *
 * @param after the record, and the position of the last Event, that they follow
 */
export function recordsOf(
  work: UnitOfWork,
  after: { readonly record: number; readonly position: number },
  options: RecordOptions,
): readonly LogRecord[] {
  const records: LogRecord[] = []
  let number = after.record
  let position = after.position + 1
  let attempts: Attempt[] = []
  let commands = 0
  let events = 0
  let bytes = 0
  const close = (): void => {
    if (attempts.length === 0) return
    records.push(recordOf(attempts, ++number, position, options))
    position += events
    attempts = []
    commands = events = bytes = 0
  }
  for (const attempt of work.attempts) {
    attempts.push(attempt)
    commands += attempt.commands.length
    events += attempt.events.length
    bytes += attempt.bytes
    if (bytes >= RECORD_BYTES || commands >= RECORD_COMMANDS || events >= RECORD_EVENTS) close()
  }
  close()
  return records
}

function recordOf(attempts: readonly Attempt[], number: number, position: number, { now, recordId }: RecordOptions): LogRecord {
  const commands: StoredCommand[] = []
  const events: StoredEvent[] = []
  for (const attempt of attempts) {
    // Within its attempt a Command is counted from 0, in the record from where the attempt begins.
    const offset = commands.length
    for (const { stored } of attempt.events) events.push(offset === 0 ? stored : { ...stored, command: stored.command + offset })
    for (const command of attempt.commands)
      commands.push(offset === 0 || command.root === undefined ? command : { ...command, root: command.root + offset })
  }
  const states = storedStates(attempts)
  const parked = attempts.flatMap((attempt) => attempt.parked)
  const record: LogRecord = {
    number,
    id: recordId(),
    format: LOG_FORMAT,
    kind: 'commit',
    at: now(),
    position,
    commands,
    events,
    ...(states.length > 0 ? { states } : {}),
    ...(parked.length > 0 ? { parked } : {}),
  }
  let index = 0
  for (const attempt of attempts) {
    attempt.place = { record, index }
    index += attempt.commands.length
  }
  return record
}

/** The new states of state-stored Aggregates: the last one of each in the record. */
function storedStates(attempts: readonly Attempt[]): readonly StoredState[] {
  const states = new Map<string, StoredState>()
  for (const attempt of attempts)
    for (const [{ fold }, entries] of attempt.staged.all)
      if (fold.stateStored)
        for (const { key, version, state } of entries.values())
          states.set(`${fold.name}/${key}`, { ...fold.stateStored, aggregateId: key, version, state })
  return [...states.values()]
}
