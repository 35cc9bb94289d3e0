/**
 * The pending tail: the Commands of a synced log that the server has not processed yet. A fold of the log's records, pure.
 *
 *     1 … settled │ pending …………………… head        everything up to `settled` is confirmed or void, for good
 *                 └─ confirmed ─▶ moves on       the server processed the first ones just as they stand
 *                 └─ pulled, voids ─▶ all of it is void; what still waits follows, decided again
 *
 * Without sync nothing is pending, and settled is the head.
 */
import { OutpostError } from '../errors.ts'
import { lowerBound } from '../internal/lower-bound.ts'
import {
  type Checkpoint,
  checkpointOf,
  lastPositionOf,
  LOG_START,
  type LogRecord,
  type StoredCommand,
  type SyncCursor,
} from '../storage/record.ts'

/** A root Command that waits for the server. Its sequence is its place among them, counted on from the cursor's. */
export interface PendingRoot {
  readonly id: string
  /** The record that it stands in, and its index in there. */
  readonly record: number
  readonly command: number
  /** Where its Events begin; where it has none, where the next ones do. */
  readonly position: number
  /** The record before its own. */
  readonly before: Checkpoint
}

/** What a rebase made void: of `commit` records, from one root on up to a record. */
export interface VoidRange {
  readonly record: number
  readonly command: number
  readonly position: number
  readonly lastRecord: number
  readonly lastPosition: number
}

/** What is kept of a tail in the log's meta, as of its last sync record: the rest is folded from the records after `from`. */
export interface KeptTail {
  readonly cursor: SyncCursor
  /** The first pending root then; absent where there was none. */
  readonly from?: { readonly record: number; readonly command: number }
  /** Number of that sync record. */
  readonly as: number
  /** How many void ranges there are. */
  readonly voids: number
}

export class Tail {
  #cursor: SyncCursor | undefined
  #pending: PendingRoot[] = []
  #voids: VoidRange[] = []
  #head = LOG_START
  #position = 0

  /** @param last the record that all else is as of; undefined for an empty log */
  static begin(last: LogRecord | undefined, cursor?: SyncCursor, voids: readonly VoidRange[] = []): Tail {
    const tail = new Tail()
    if (last) tail.#moveTo(last)
    tail.#cursor = cursor
    tail.#voids = [...voids]
    return tail
  }

  /** As of the same record; what becomes of one is not seen by the other. */
  copy(): Tail {
    const tail = Tail.begin(undefined, this.#cursor, this.#voids)
    tail.#head = this.#head
    tail.#position = this.#position
    tail.#pending = [...this.#pending]
    return tail
  }

  /** As of when only so many ranges had been made void. */
  withVoids(count: number): Tail {
    const tail = this.copy()
    tail.#voids.length = Math.min(count, tail.#voids.length)
    return tail
  }

  /** undefined: the log is not synced, and all that is recorded counts as confirmed. */
  get cursor(): SyncCursor | undefined {
    return this.#cursor
  }
  get pending(): readonly PendingRoot[] {
    return this.#pending
  }
  get voids(): readonly VoidRange[] {
    return this.#voids
  }
  /** The last record. */
  get head(): Checkpoint {
    return this.#head
  }
  /** Position of the last Event. */
  get position(): number {
    return this.#position
  }
  get settled(): Checkpoint {
    return this.#pending[0]?.before ?? this.#head
  }
  /** Position of the last Event that is confirmed. */
  get confirmed(): number {
    return (this.#pending[0]?.position ?? this.#position + 1) - 1
  }

  /** Takes the record that follows. @returns what it made void */
  fold(record: LogRecord): VoidRange | undefined {
    const voided = record.sync ? this.#note(record, record.sync) : undefined
    if (record.kind === 'commit' && this.#cursor) this.#commit(record)
    this.#moveTo(record)
    return voided
  }

  /** True where this Event of the record was made void. */
  isVoid(record: LogRecord, event: number): boolean {
    const range = this.#rangeOf(record)
    return range !== undefined && record.position + event >= range.position
  }

  /** Of a list with an entry for each Event of the record, those that were not made void. */
  live<T>(record: LogRecord, ofEvents: readonly T[]): readonly T[] {
    return this.#rangeOf(record) ? ofEvents.filter((_, event) => !this.isVoid(record, event)) : ofEvents
  }

  /** True where this Command of the record was made void: what it came to stands elsewhere, or nowhere any more. */
  isVoidCommand(record: LogRecord, command: number): boolean {
    const range = this.#rangeOf(record)
    if (!range) return false
    const index = record.commands[command]?.root ?? command
    if (record.number === range.record && index < range.command) return false
    const root = record.commands[index]
    // What was refused at its first decision was never pending: that stands.
    return root !== undefined && isPending(root)
  }

  /** True where this Command of the record, or the root that it follows from, waits for the server. */
  isPendingCommand({ kind, number, commands }: LogRecord, command: number): boolean {
    const [first] = this.#pending
    const index = commands[command]?.root ?? command
    const root = commands[index]
    if (!first || !root || kind !== 'commit' || !isPending(root)) return false
    return number > first.record || (number === first.record && index >= first.command)
  }

  /** The pending roots of a commit record from this index on, given what stands before it. */
  #commit(record: LogRecord, from = 0): void {
    let before = 0
    record.commands.forEach((command, index) => {
      if (command.root === undefined && index >= from && isPending(command)) {
        while (before < record.events.length && (record.events[before]?.command ?? 0) < index) before++
        this.#pending.push({
          id: command.id,
          record: record.number,
          command: index,
          position: record.position + before,
          before: this.#head,
        })
      }
    })
  }

  /** At a start: takes a record of the kept tail, whose sync notes count already. @param command the first that is pending */
  restore(record: LogRecord, command = 0): void {
    if (record.kind === 'commit') this.#commit(record, command)
    this.#moveTo(record)
  }

  #moveTo(record: LogRecord): void {
    this.#head = checkpointOf(record)
    this.#position = lastPositionOf(record)
  }

  #note(record: LogRecord, note: NonNullable<LogRecord['sync']>): VoidRange | undefined {
    switch (note.step) {
      case 'joined':
        this.#cursor = note.cursor
        return undefined
      case 'confirmed': {
        const processed = note.cursor.sequence - (this.#cursor as SyncCursor).sequence
        if (processed > this.#pending.length)
          throw new OutpostError(
            'storage-failed',
            `Record ${record.number} confirms ${processed} Commands, of ${this.#pending.length} pending.`,
          )
        this.#pending.splice(0, processed)
        this.#cursor = note.cursor
        return undefined
      }
      case 'pulled':
        this.#cursor = note.cursor
        return note.voids && this.#void(record)
      case 'withdrawn':
        return this.#void(record)
      case 'noted':
        return undefined
    }
  }

  #void(record: LogRecord): VoidRange | undefined {
    const [first] = this.#pending
    if (!first) return undefined
    const range: VoidRange = {
      record: first.record,
      command: first.command,
      position: first.position,
      lastRecord: record.number - 1,
      lastPosition: record.position - 1,
    }
    this.#voids.push(range)
    this.#pending = []
    return range
  }

  /** The void range that this record is in, of which there is one at most: behind a range everything is settled. */
  #rangeOf({ kind, number }: LogRecord): VoidRange | undefined {
    if (kind !== 'commit') return undefined
    const range = this.#voids[lowerBound(this.#voids, ({ lastRecord }) => lastRecord < number)]
    return range && range.record <= number ? range : undefined
  }
}

const isPending = ({ outcome, again }: StoredCommand): boolean => outcome.ok || again === true
