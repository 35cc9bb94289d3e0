/**
 * The engine's surface: write side and read side joined over one storage, knowing no thread. The worker's host puts it on
 * a channel; tests and Node use it as it is.
 */
import type { Observable } from 'rxjs'
import type { Outcome } from '../domain/infer.ts'
import type { QueryDescription, Snapshot } from '../domain/query.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { Durability } from '../storage/storage.ts'
import type { Status } from './status.ts'
import type { CommandTrace } from './trace.ts'

/** A Command as it crosses to the engine: plain data, frozen from here on. */
export interface CommandMessage {
  /** `aggregate.command` or `service.useCase` */
  readonly type: string
  readonly aggregateId?: string
  readonly payload: unknown
  readonly id: string
  /** True where the id was made for this very call and never sent before: it need not be looked up. */
  readonly fresh: boolean
  /** When it was given: ms since 1970. */
  readonly at: number
  readonly actor?: string
  readonly correlationId: string
  readonly causationId?: string
  readonly expectedVersion?: number | 'new'
  readonly expiresAt?: number
  readonly durability?: Durability
  /** By which {@link Engine.cancel} knows it: several calls may have the same id, and each is answered for itself. */
  readonly call?: number
  /** While traces are watched: when the call was made and when it reached the worker (ms since 1970, with fractions). */
  readonly requestedAt?: number
  readonly receivedAt?: number
}

/** One distinct query, kept up to date. */
export interface WatchedQuery {
  /** The result now: the same reference until it changes, rows likewise. */
  readonly snapshot: Snapshot<unknown>
  /** Resolves when the result holds all up to this position, or the deadline passed, or waiting does not help. */
  reach(position: number, deadlineMs: number): Promise<void>
  close(): void
}

/** What the engine needs of its surroundings; the worker gives the browser's, tests give their own. */
export interface Environment {
  /** ms since 1970 */
  now(): number
  /** Milliseconds with fractions that only ever grow, for durations. */
  clock(): number
  /** When `clock` was 0: ms since 1970. */
  readonly clockOrigin: number
  /** A random id of at least 122 bits. */
  randomId(): string
  /** From 0 to below 1. Absent: `Math.random`. */
  random?(): number
  /**
   * Runs work that only one engine on this log does at a time. The signal aborts when the engine closes. Where nobody
   * else can be there, it just runs.
   */
  exclusive(name: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>
  /**
   * Ends this engine, unanswered Commands with it, and opens the log in another one, which is given these again: what this one
   * stands on counts no longer. Absent: it closes, and whoever waits is told `closed`.
   */
  reopen?(): void
  /** True where no other engine has this log open: an import needs that. */
  alone(): Promise<boolean>
  /** Runs after some time; the returned function cancels. */
  later(delayMs: number, run: () => void): () => void
}

export type EngineStatus = Omit<Status, 'worker' | 'problem' | 'tabs' | 'storage'> & {
  readonly storage: Status['storage']['state']
}

/** How far an export has come. */
export interface ExportPlace {
  /** The record after which it goes on, and how many Events were exported until there. */
  readonly after: number
  readonly events: number
  /** What it is of: the record with which it ends, and how much had been made void when it began. */
  readonly until: number
  readonly voids: number
}

export interface ExportPage {
  readonly text: string
  /** undefined after the last. */
  readonly next: ExportPlace | undefined
}

export interface Engine {
  /** Random id made with the log: another one means another log under the same name. */
  readonly logEpoch: string
  /** Position of the last Event folded here. */
  readonly position: number
  /** Number of the last record folded here. */
  readonly record: number
  /** Up to this position all is confirmed or void, for good. Without sync: `position`. */
  readonly confirmed: number
  /** Another number: the pending tail was made void and begun anew. It changes before `recorded$` rings. */
  readonly tailEpoch: number
  /**
   * Takes Commands into the queue. Each promise settles on its own: with the outcome once it is durable, or rejecting
   * with an `OutpostError` (`invalid-command`, `unknown-command`, `decide-failed`, `storage-full`, `aborted` …).
   */
  dispatch(commands: readonly CommandMessage[]): readonly Promise<Outcome>[]
  /** Takes a call of a Command back that is in no commit yet; it rejects with `aborted`. False where it was too late. */
  cancel(call: number): boolean
  /** @param after the answer includes everything up to this position, or is marked stale after the deadline */
  run(query: QueryDescription, after: number, deadlineMs: number): Promise<Snapshot<unknown>>
  /** @param changed called after each change of `snapshot`, not for the first one */
  watch(query: QueryDescription, changed: () => void): Promise<WatchedQuery>
  /**
   * Confirmed Events after a position, in order, at most `limit` (or a few more, to end with a whole record).
   *
   * @param tentative those of the pending tail, too
   */
  readEvents(after: number, limit: number, tentative?: boolean): Promise<readonly RecordedEvent[]>
  /** Rings after each record folded here, whoever wrote it. */
  readonly recorded$: Observable<{ readonly position: number; readonly own: boolean }>
  load(aggregate: string, id: string): Promise<{ readonly state: unknown; readonly version: number }>
  loadAt(
    aggregate: string,
    id: string,
    moment: { readonly version: number } | { readonly at: number },
  ): Promise<{
    readonly state: unknown
    readonly version: number
  }>
  history(aggregate: string, id: string): Promise<readonly RecordedEvent[]>
  /** Folds what other tabs have written. Called on their hints, and whenever one may have been missed. */
  catchUp(): Promise<void>
  readonly status$: Observable<EngineStatus>
  /** Measured only while somebody subscribes. */
  readonly trace$: Observable<CommandTrace>
  retry(handler: string): Promise<void>
  rebuild(readModel: string): Promise<void>
  /** One page of the log as it stands at the first one. Begin without a place. */
  exportPage(from?: ExportPlace): Promise<ExportPage>
  /**
   * Takes an export's lines into this empty log, the header alone first, then in pages; nothing counts before the last one. While
   * it runs, Commands are refused with `importing`. Where it fails after the header, the engine closes and leaves an empty log.
   *
   * @throws `log-not-empty`, `invalid-import`, and what the pages throw
   */
  import(pages: AsyncIterable<readonly string[]>): Promise<{ readonly records: number; readonly events: number }>
  /** Deletes all databases of this log; the engine is closed afterwards. */
  destroy(): Promise<void>
  /** Finishes the commit in flight, flushes, closes. Works twice. */
  close(): Promise<void>
}
