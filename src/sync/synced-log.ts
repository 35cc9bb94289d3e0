/** What the sync client needs of the log: the engine gives it, tests have a double. Types only. */
import type { Observable } from 'rxjs'
import type { SyncCursor } from '../storage/record.ts'
import type { MetaStore } from '../storage/storage.ts'
import type { ProcessedRecord } from './protocol.ts'
import type { PushedCommand } from './requests.ts'

export interface SyncedLogState {
  /** undefined until the log was joined to a server's. */
  readonly cursor: SyncCursor | undefined
  /** How many root Commands wait for the server. Their sequences count on from the cursor's. */
  readonly pending: number
  /** Random id made with the log. A client id made under another one is not this log's: it was copied, or restored. */
  readonly logEpoch: string
  /** Whose log it is. */
  readonly principal: string
}

/** Everything is as of the folded head; methods run in the log's turn. All but `state` may reject where storage fails. */
export interface SyncedLog {
  readonly state: SyncedLogState
  /** Rings after each change of `state`: own Commands, what other tabs wrote, applied slices. */
  readonly changed$: Observable<unknown>
  /** Where the role's epoch is kept, see `role.ts`. */
  readonly meta: Pick<MetaStore, 'get' | 'update'>
  /**
   * Makes the log a synced one, or gives it a new client id and numbers its pending Commands from 1 (after a fork, a power
   * loss, a cloned profile, a restored import).
   *
   * @throws `closed` where it had lived alone until then, and is opened anew: it has joined all the same
   */
  join(cursor: SyncCursor): Promise<void>
  /** Pending root Commands after this sequence, in order, as they are pushed. */
  pending(afterSequence: number, limit: number): Promise<readonly PushedCommand[]>
  /**
   * Stores the highest sequence that is about to be sent, before it is sent: it can no longer be withdrawn.
   *
   * @returns what is to be sent: a Command that was withdrawn meanwhile as that
   */
  sending(commands: readonly PushedCommand[]): Promise<readonly PushedCommand[]>
  /**
   * Applies whole records of the server's log, the first of which follows `before`: confirm or rebase, one transaction.
   *
   * @returns see {@link Applied}
   */
  apply(before: SyncCursor, records: readonly ProcessedRecord[]): Promise<Applied>
}

/**
 * - `moved`: another tab was there first, the log's cursor is not `before` any more: drop what is staged and look at `state` again.
 * - `forked`: the server has other Commands of this client than this log (power loss, cloned profile): join again, as a new client.
 * - `outdated`: this build cannot decide some pending Command, or does not understand what became of one: give up the role.
 *
 * Nothing was written unless it was `applied`.
 */
export type Applied = 'applied' | 'moved' | 'forked' | 'outdated'
