/**
 * What the log is made of. A record is the unit on disk: Commands, outcomes and Events of one group commit, all of them or, of a
 * large one, some.
 * Records count 1, 2, 3…; nothing ever frees a number. Positions (of Events) count 1, 2, 3… inside them.
 * Plain structured-cloneable data: it crosses threads and goes to disk as it is.
 */

/** The physical format that this build writes. A log of a higher format is refused, never touched. */
export const LOG_FORMAT = 1

/** A point in the log: a record's number together with its id, which no other has, so that a re-used number is noticed (power loss). */
export interface Checkpoint {
  readonly record: number
  readonly id: string
}

/** The log before its first record. */
export const LOG_START: Checkpoint = { record: 0, id: '' }

export const sameCheckpoint = (a: Checkpoint | undefined, b: Checkpoint | undefined): boolean => a?.record === b?.record && a?.id === b?.id

/** Where a pushed root Command came from. */
export interface CommandOrigin {
  readonly clientId: string
  /** Its place among that client's Commands: 1, 2, 3… */
  readonly sequence: number
  /** Whose token it came with; on the server only. */
  readonly principal?: string
  /** When the server received it, by the server's clock: ms since 1970. */
  readonly receivedAt: number
}

/** What a Command came to, as kept for ever. A fault leaves no trace in the log. */
export type StoredOutcome = { readonly ok: true } | { readonly ok: false; readonly refusal: string; readonly details: unknown }

export interface StoredCommand {
  readonly id: string
  /** `aggregate.command` or `service.useCase`; `$…` for the engine's own (timers, resuming). */
  readonly type: string
  /** Version of the Command's schema that the payload was given under. */
  readonly schema: number
  /** Target Aggregate id; absent for use cases. */
  readonly aggregateId?: string
  /** As given (the schema's input), parsed again at every decision. */
  readonly payload: unknown
  /** When it was given: ms since 1970, by the device's clock. */
  readonly at: number
  readonly actor?: string
  readonly correlationId: string
  /** Id of the Event (consequences) or Command that caused it. */
  readonly causationId?: string
  readonly expectedVersion?: number | 'new'
  readonly expiresAt?: number
  /** Index in the record's `commands` of the root it follows from; absent on roots. */
  readonly root?: number
  readonly outcome: StoredOutcome
  /** Of a root that a device pushed: in the server's log, and in what was pulled from there. */
  readonly origin?: CommandOrigin
  /** Of a root that was processed before: the record of the server's log with its first outcome. This one has no effect. */
  readonly duplicateOf?: number
  /** Of a root that was withdrawn before it was ever sent: it only keeps its place. */
  readonly withdrawn?: true
  /** Of a root that a device decided again in a rebase: it waits for the server, whatever came out. */
  readonly again?: true
}

export interface StoredEvent {
  /** `aggregate.event` */
  readonly type: string
  /** Version of the Event's schema. */
  readonly schema: number
  readonly aggregateId: string
  /** Place in its Aggregate's stream: 1, 2, 3… */
  readonly version: number
  /** Index in the record's `commands` of the Command that decided it. */
  readonly command: number
  /** Place among its Command's Events: 0, 1, 2… Its id is `«command id».«ordinal»`. */
  readonly ordinal: number
  readonly data: unknown
  /** Reserved: the envelope of encrypted personal fields. A build that does not know it must not read the Event. */
  readonly sealed?: unknown
}

/** A process manager's instance that threw: part of the log, so that every reader of it agrees. */
export interface ParkedInstance {
  readonly manager: string
  readonly key: string
  /** Position of the Event it stopped at. */
  readonly position: number
  readonly error: string
}

/** How far a log has followed the server's. */
export interface SyncCursor {
  /** Of the server's log of this space. */
  readonly epoch: string
  /** The last record of the server's log that is in this one. */
  readonly record: number
  /** This log's name at the server; another one begins with sequence 1 again. */
  readonly clientId: string
  /** Sequence of this client's last processed Command; the pending ones count on from here. */
  readonly sequence: number
  /** Who stands for the Commands of this log at the server. */
  readonly principal: string
}

/**
 * What a record of kind `sync` says. The Commands of a synced log that the server has not processed yet are its *pending
 * tail*; their Events are tentative.
 *
 * - `joined`: from here on the log is synced, as this client. All pending Commands are numbered from 1 again.
 * - `confirmed`: the pending Commands up to `cursor.sequence` were processed just as they stand in this log.
 * - `pulled`: the record's Commands and Events are those of a record of the server's log. `voids`: the whole pending tail
 *   counts no longer; what of it still waits for the server follows, decided again, in the same transaction.
 * - `withdrawn`: this pending Command is to be pushed as withdrawn. The tail is void; all of it follows, decided again.
 * - `noted`: this device's own remarks (its inbox), of which no server hears: their Events count at once.
 */
export type SyncNote =
  | { readonly step: 'joined'; readonly cursor: SyncCursor }
  | { readonly step: 'confirmed'; readonly cursor: SyncCursor }
  | { readonly step: 'pulled'; readonly cursor: SyncCursor; readonly serverPosition: number; readonly voids?: true }
  | { readonly step: 'withdrawn'; readonly commandId: string }
  | { readonly step: 'noted' }

export interface LogRecord {
  readonly number: number
  /** No other record has it, so that a number used twice (power loss) is noticed. */
  readonly id: string
  readonly format: number
  /**
   * `commit`: Commands decided here. `sync`: what came of the server, see {@link SyncNote}. A build that meets a kind it does
   * not know refuses the log, as of a newer build.
   */
  readonly kind: 'commit' | 'sync'
  /** More records of the same transaction follow: they count together. */
  readonly more?: true
  readonly sync?: SyncNote
  /** When it was written: ms since 1970. */
  readonly at: number
  /** Position of its first Event; where it has none, the position the next Event of the log will get. */
  readonly position: number
  readonly commands: readonly StoredCommand[]
  readonly events: readonly StoredEvent[]
  /** New states of state-stored Aggregates, so that their history may be compacted away. */
  readonly states?: readonly StoredState[]
  readonly parked?: readonly ParkedInstance[]
}

export interface StoredState {
  readonly aggregate: string
  readonly aggregateId: string
  readonly version: number
  readonly stateVersion: number
  readonly state: unknown
}

/** Position of the last Event up to and including this record; the record's own `position - 1` where it has none. */
export const lastPositionOf = (record: LogRecord): number => record.position + record.events.length - 1

export const checkpointOf = (record: LogRecord): Checkpoint => ({ record: record.number, id: record.id })

export const eventIdOf = (commandId: string, ordinal: number): string => `${commandId}.${ordinal}`
