/**
 * The main thread's handle on an app, fully typed from `typeof domain`. Types only: neither zod nor Dexie reach the page.
 */
import type { Observable } from 'rxjs'
import type { Aggregate } from '../domain/aggregate.ts'
import type { ApplicationService, UseCase } from '../domain/application-service.ts'
import type { Flat, InputOf, NamedQueryInput, NamedQueryResult, Outcome, Part, StateOf } from '../domain/infer.ts'
import type { Mode, QueryDescription, Snapshot, Table, TableOf } from '../domain/query.ts'
import type { EventNews, RecordedEvent } from '../domain/recorded-event.ts'
import type { Status } from '../engine/status.ts'
import type { CommandTrace } from '../engine/trace.ts'
import type { InboxRow, Receipt } from '../sync/receipt.ts'
import type { SyncStatus } from '../sync/status.ts'

/** A query: await it for its result now, or watch it. */
export interface LiveQuery<T> extends PromiseLike<T> {
  /** The query as plain data: equal descriptions are one query, evaluated once. */
  readonly description: QueryDescription
  /** The result now and after each change to it. Rows that did not change keep their identity. */
  watch(): Observable<T>
  /** The result now, with how fresh it is. */
  snapshot(): Promise<Snapshot<T>>
  /** As `watch`, with how fresh each result is. */
  snapshots(): Observable<Snapshot<T>>
}

/** On the page a query can be watched. */
export interface Live extends Mode {
  readonly query: LiveQuery<this['value']>
}

export interface CommandOptions {
  /**
   * Identifies the Command for ever: the same id again gives the recorded outcome. Default: a fresh one. No UUID of version 8:
   * those are of Commands that follow from others.
   */
  readonly commandId?: string
  /** The version that the Aggregate must be at, or `new`; default `any`. Only for Commands of one Aggregate. */
  readonly expectedVersion?: number | 'new' | 'any'
  /** Refused as `expired` if first decided after this instant (ms since 1970, or a Date). */
  readonly expiresAt?: number | Date
  /** Takes the Command back as long as it is in no commit; it then rejects with `aborted`. */
  readonly signal?: AbortSignal
  /** Default: the Command's own id. */
  readonly correlationId?: string
  readonly causationId?: string
  /** `strict` also survives a power loss, at some cost; default as given to `connect`. */
  readonly durability?: 'relaxed' | 'strict'
}

/** A Command that was given: await its outcome. */
export type CommandOf<C, Refusals> = (aggregateId: string, payload: InputOf<C>, options?: CommandOptions) => Promise<Outcome<Refusals>>

/** Commands by Aggregate and use cases by Application Service: `commands.stockItem.pick(id, payload)`. */
export type Commands<D> = Flat<
  {
    readonly [A in keyof Part<D, 'aggregates'>]: Part<D, 'aggregates'>[A] extends Aggregate<string, infer _S, infer _E, infer C, infer R>
      ? { readonly [K in keyof C & string]: CommandOf<C[K], R> }
      : never
  } & {
    readonly [S in keyof Part<D, 'applicationServices'>]: Part<D, 'applicationServices'>[S] extends ApplicationService<string, infer U>
      ? {
          readonly [K in keyof U & string]: U[K] extends UseCase<infer P, infer R>
            ? (payload: InputOf<P>, options?: Omit<CommandOptions, 'expectedVersion'>) => Promise<Outcome<R>>
            : never
        }
      : never
  }
>

/** A Command as a value, for {@link App.batch}. The phantom carries the type of its outcome. */
export interface CommandValue<O = unknown> {
  readonly type: string
  readonly aggregateId?: string
  readonly payload: unknown
  readonly options?: CommandOptions
  readonly outcome?: O
}

/** `commands`, each giving a value instead of a promise: `commands.batch(({ stockItem }) => […])`. */
export type CommandValues<D> = {
  readonly [T in keyof Commands<D>]: {
    readonly [K in keyof Commands<D>[T]]: Commands<D>[T][K] extends (...args: infer A) => Promise<infer O>
      ? (...args: A) => CommandValue<O>
      : never
  }
}

export interface Batch<D> {
  /**
   * Gives many Commands in one crossing to the worker. They are decided in order, each seeing those before it, each with
   * its own outcome; a fault of one does not touch the others.
   *
   * @example
   * const outcomes = await app.commands.batch((commands) => codes.map((code) => commands.stockItem.register(code, { name: code })))
   */
  batch<const V extends readonly CommandValue[]>(
    make: (commands: CommandValues<D>) => V,
  ): Promise<{ readonly [I in keyof V]: V[I] extends CommandValue<infer O> ? SettledOutcome<O> : never }>
}

/** The outcome of one of a batch's Commands; a fault is a value here, so that it does not hide the others. */
export type SettledOutcome<O> = O | { readonly ok: false; readonly fault: Error }

export type Read<D> = {
  readonly [M in keyof Part<D, 'readModels'>]: TableOf<Part<D, 'readModels'>[M], Live>
} & {
  readonly [Q in keyof Part<D, 'queries'>]: (
    input: NamedQueryInput<Part<D, 'queries'>[Q]>,
  ) => LiveQuery<NamedQueryResult<Part<D, 'queries'>[Q]>>
}

/** A moment in an Aggregate's life: a version of its stream, or an instant (ms since 1970, or a Date). */
export type Moment = { readonly version: number } | { readonly at: number | Date }

/** An Aggregate's state as of some version. */
export interface LoadedState<State> {
  /** undefined where the stream was empty then. */
  readonly state: State | undefined
  readonly version: number
}

/** Reads of the write side, by Aggregate: `aggregates.stockItem.load(id)`. Read Models are faster; this is the truth. */
export type Aggregates<D> = {
  readonly [A in keyof Part<D, 'aggregates'>]: {
    /** The state now. */
    load(id: string): Promise<LoadedState<StateOf<Part<D, 'aggregates'>[A]>>>
    /** The state as it was. */
    loadAt(id: string, moment: Moment): Promise<LoadedState<StateOf<Part<D, 'aggregates'>[A]>>>
    /** All Events of its stream, oldest first. */
    history(id: string): Promise<readonly RecordedEvent[]>
  }
}

export interface EventsOptions {
  /** Events after this position; 0 for all, default: those confirmed from now on. */
  readonly after?: number
  readonly tentative?: false
}

export interface TentativeEventsOptions extends Omit<EventsOptions, 'tentative'> {
  /** Tells of Events that wait for the server, too, and what becomes of them. */
  readonly tentative: true
}

/** How the app stands with its server. Where the worker was started without `sync`, it is `off` and the rest does nothing. */
export interface AppSync {
  /** The latest as soon as the worker has told it, then each change; the same in all tabs of the log. */
  readonly status$: Observable<SyncStatus>
  /** Stops sync until `resume()`, in all tabs and also after a reload. Commands are given and wait as they do offline. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Tries at once what waits for its time: after a fault, for a token, for a held Command. */
  now(): Promise<void>
  /** How far a Command has come; undefined where this log does not know it. It goes on by itself: ask again when `status$` changes. */
  receipt(commandId: string): Promise<Receipt | undefined>
  /**
   * Takes back a Command that was never sent. What it had brought about is gone at once; what came after it is decided again.
   *
   * @returns false where it may have been sent, or waits no longer: then only another Command can make up for it
   */
  withdraw(commandId: string): Promise<boolean>
}

/** The Commands that the server did not take as they were told: a table like any Read Model's, and what can be done about them. */
export type Inbox = Table<InboxRow, 'commandId', 'commandId' | 'position' | 'type', Live> & {
  /**
   * Gives the same Command again, as a new one. Accepted, the old one leaves the inbox. However often it is asked for, it takes
   * effect once.
   *
   * @returns undefined where it is not in the inbox (any more)
   */
  retry(commandId: string): Promise<Outcome | undefined>
  /** As `retry`, with another payload. */
  resend(commandId: string, payload: unknown): Promise<Outcome | undefined>
  /** Takes it out. @returns false where it was not in there */
  discard(commandId: string): Promise<boolean>
}

/** An app on the page. Everything on it fails with `closed` after `close()` or `destroy()`. */
export interface App<D> {
  readonly commands: Commands<D> & Batch<D>
  readonly read: Read<D>
  readonly aggregates: Aggregates<D>
  /**
   * As below, each with its state; and with those of them that wait for the server, as they are given. The confirmed ones come in
   * the same order. All confirmed ones, and the tentative ones that have not ended, are the log as it is;
   * at its first join a log that had lived alone is told anew.
   *
   * @example
   * app.events$({ after: 0, tentative: true }).subscribe(({ state, event }) => {
   *   if (state === 'tentative') waiting.set(event.id, event)
   *   else waiting.delete(event.id)
   *   if (state === 'confirmed') confirmed.push(event)
   * })
   */
  events$(options: TentativeEventsOptions): Observable<EventNews>
  /**
   * Confirmed Events in the order of the log: replay first, then live, without a gap. Without sync, what is recorded counts as
   * confirmed.
   */
  events$(options?: EventsOptions): Observable<RecordedEvent>
  /** How each Command went its eleven steps; costs nothing while nobody subscribes. */
  readonly trace$: Observable<CommandTrace>
  /** Storage, tabs, handlers: the latest at once (`starting`, until the worker has told how the log stands), then each change. */
  readonly status$: Observable<Status>
  readonly sync: AppSync
  /** Of use where the worker was started with `sync`. */
  readonly inbox: Inbox
  /** Lets a parked Event Handler try again; of a process manager, all parked instances. */
  retry(handler: string): Promise<void>
  /** Builds a Read Model anew beside the old one. Resolves when the building has begun; `status$` tells the rest. */
  rebuild(readModel: string): Promise<void>
  /** Asks the browser to keep the data when space runs short. Call it after a user gesture. */
  persist(): Promise<boolean>
  /** The whole log as a file, newline-delimited. */
  export(): ReadableStream<Uint8Array<ArrayBuffer>>
  /**
   * Restores an export into this empty log. Killed half-way, it has changed nothing. Commands that are given meanwhile are refused
   * with `importing`. What it restores has had its side effects: reactors take nothing of it, but those that start at the log's
   * beginning.
   *
   * @returns how many records and Events were restored
   * @throws `log-not-empty`, `invalid-import`
   */
  import(file: Blob | ReadableStream<Uint8Array>): Promise<{ readonly records: number; readonly events: number }>
  /** Deletes all data of this space and principal, in all tabs. */
  destroy(): Promise<void>
  /** Ends this handle and its worker. What was acknowledged stays. */
  close(): Promise<void>
}
