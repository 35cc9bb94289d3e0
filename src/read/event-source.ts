/** What the read side needs of the log: to be woken, and to pull by its own checkpoint. */
import type { Observable } from 'rxjs'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { Checkpoint, LogRecord } from '../storage/record.ts'

export interface EventSource {
  /** Resolves when the log is open: until then, nothing else is to be asked of it. Rejects where it cannot be opened. */
  readonly opened: Promise<unknown>
  /** The last record folded by this engine, and the position of the last Event. Reading up to here needs no waiting. */
  readonly head: { readonly checkpoint: Checkpoint; readonly position: number }
  /**
   * Everything in records up to here is confirmed or void, for good; what comes after it, up to the head, is the pending tail.
   * Without sync: the head.
   */
  readonly settled: Checkpoint
  /** Another number: the tail was voided and begun anew (a rebase). It changes together with `head` and `settled`, before the doorbell. */
  readonly tailEpoch: number
  /** The doorbell: rings after the head has moved. Never errors; completes when the engine closes. */
  readonly recorded$: Observable<{ readonly position: number; readonly own: boolean }>
  /**
   * Records after this number up to the head, contiguous, at most `limit`; recent ones come from memory.
   *
   * @throws `storage-failed` where the next one is missing
   */
  records(after: number, limit: number): Promise<readonly LogRecord[]>
  /**
   * A record's Events that are not void as of now, decoded and upcast to this build's versions.
   *
   * @throws `outdated` at the first Event that this build does not know; `details.position` is its position and
   * `details.before` are the Events of the record before it
   */
  decode(record: LogRecord): readonly RecordedEvent[]
  /** True where this record is in the log (its number with this id). */
  contains(checkpoint: Checkpoint): Promise<boolean>
  /** Folds what other tabs wrote, so that `head` is at or beyond this record; resolves at the latest head. */
  catchUp(record: number): Promise<void>
  /** True while this tab has Commands to commit, and a moment after: what need not be written now makes way. */
  readonly isBusy: boolean
}
