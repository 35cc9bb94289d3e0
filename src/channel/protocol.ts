/**
 * The thread boundary as data: every call, every message. Page and worker come from one build and meet only here, so a
 * version number is all the negotiation there is; everything below is structured-cloneable.
 *
 * One port carries both ways of speaking: *calls*, requests with one answer each, over Comlink; and *messages*, what either
 * side says unasked, and Commands, in an {@link Envelope} beside it. One port keeps all of it in order.
 */
import type { Outcome } from '../domain/infer.ts'
import type { QueryDescription, Snapshot } from '../domain/query.ts'
import type { EventNews, RecordedEvent, TentativeEvent } from '../domain/recorded-event.ts'
import type { ExportPlace } from '../engine/engine.ts'
import type { Status } from '../engine/status.ts'
import type { CommandTrace } from '../engine/trace.ts'
import type { SyncStatus } from '../sync/status.ts'
import type { CommandOnWire } from './command-codec.ts'
import type { ErrorData } from './codec.ts'
import type { Segment } from './rows-patch.ts'

/** Raised with every change below that the other side would misread. */
export const protocolVersion = 3

/** A message that is no call. Comlink passes over it, and so does a page or worker that talks of other things on this port. */
export interface Envelope<Message> {
  readonly outpost: Message
}

/** Which of an app's logs to open. */
export interface LogName {
  readonly space: string
  readonly principal: string
}

/** Errors cross as values: Comlink would keep no more of them than name, message and stack. */
export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorData }

/** What became of one Command: its outcome, or the fault that kept it from one. */
export type Settled = { readonly call: number } & (
  | { readonly outcome: Outcome; readonly fault?: undefined }
  | { readonly outcome?: undefined; readonly fault: ErrorData }
)

export interface Loaded {
  readonly state: unknown
  readonly version: number
}

/** What the host answers. */
export interface Calls {
  /**
   * Where both speak the same protocol, the log is being opened from here on. May be sent twice: what came before the host
   * listened is lost. `lock` is a Web Lock that the worker holds as long as it lives.
   */
  hello(protocol: number, log: LogName): Promise<Reply<{ readonly protocol: number; readonly lock: string | undefined }>>
  /** Answers when the log is open; everything below waits for that. Once. */
  open(): Promise<Reply<void>>
  run(query: QueryDescription, after: number, deadlineMs: number): Promise<Reply<Snapshot<unknown>>>
  load(aggregate: string, id: string): Promise<Reply<Loaded>>
  loadAt(aggregate: string, id: string, moment: { readonly version: number } | { readonly at: number | Date }): Promise<Reply<Loaded>>
  history(aggregate: string, id: string): Promise<Reply<readonly RecordedEvent[]>>
  retry(handler: string): Promise<Reply<void>>
  rebuild(readModel: string): Promise<Reply<void>>
  /** Never empty but at the end, where there is no `next`. */
  exportPage(from?: ExportPlace): Promise<Reply<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly next: ExportPlace | undefined }>>
  /** Restores an export into this empty log. After a failure this worker is of no more use. */
  importLog(file: Blob): Promise<Reply<{ readonly records: number; readonly events: number }>>
  /** Of no effect where the worker was started without sync. */
  sync(what: string, ...args: readonly unknown[]): Promise<Reply<unknown>>
  destroy(): Promise<Reply<void>>
  close(): Promise<Reply<void>>
}

/** `ValueOf<'run'>` is what the call answers when all went well. */
export type ValueOf<Name extends keyof Calls> = Extract<Awaited<ReturnType<Calls[Name]>>, { readonly ok: true }>['value']

/** What one can subscribe to. */
export type Topic =
  /** The first frame is no older than `after`, or marked stale. */
  | { readonly kind: 'query'; readonly query: QueryDescription; readonly after: number; readonly deadlineMs: number }
  /**
   * Confirmed Events after a place in the log. The first frame tells where "from now on" begins. With `tentative`: those of the
   * pending tail too, and what became of those given here, by id, which were told and have not ended.
   */
  | { readonly kind: 'events'; readonly after: Place; readonly tentative?: ReadonlyMap<string, TentativeEvent> | undefined }
  | { readonly kind: 'status' }
  | { readonly kind: 'sync' }
  | { readonly kind: 'traces' }

/** A position (from now on, where there is none), and of which log where that is known: another one may have taken its name. */
export interface Place {
  readonly position: number | undefined
  readonly logEpoch?: string
}

/**
 * News of one subscription; the first comes as soon as it stands, empty where there is nothing to tell. After each the host is silent on it until the client has acknowledged; changes meanwhile
 * come conflated in the next frame (Events and traces: together).
 */
export type Frame = { readonly id: number } & News

export type News =
  /** `rows` changes the rows of the frame before (of none, in the first frame). */
  | ({ readonly kind: 'rows'; readonly rows: readonly Segment[] } & About)
  | ({ readonly kind: 'value'; readonly value: unknown } & About)
  /** The same result, otherwise fresh, or with other rows pending. */
  | ({ readonly kind: 'same' } & About)
  /**
   * `next` is the place after the confirmed ones: where to go on, should this worker die. `EventNews` where tentative ones were
   * asked for.
   */
  | { readonly kind: 'events'; readonly told: readonly (RecordedEvent | EventNews)[]; readonly next: Place }
  | { readonly kind: 'status'; readonly told: readonly Omit<Status, 'worker' | 'problem'>[] }
  | { readonly kind: 'sync'; readonly told: readonly SyncStatus[] }
  | { readonly kind: 'traces'; readonly told: readonly CommandTrace[] }
  /** The subscription failed; it is over. */
  | { readonly kind: 'error'; readonly error: ErrorData }

/** What a frame says of its result; `pending` of the whole of it, absent where no row is. */
type About = Omit<Snapshot<unknown>, 'data'>

/** Worker to page. */
export type FromWorker =
  /** The host listens from now on. */
  | { readonly kind: 'listening' }
  /** All frames that one commit causes. */
  | { readonly kind: 'frames'; readonly frames: readonly Frame[] }
  /** What became of Commands: all those of one commit together. */
  | { readonly kind: 'settled'; readonly settled: readonly Settled[] }
  | { readonly kind: 'pong' }
  /** Something was thrown in the worker that nobody there awaited. */
  | { readonly kind: 'uncaught'; readonly error: ErrorData }
  /** Sync needs a token; answered with `token`. */
  | { readonly kind: 'token' }
  /** The log is gone: another tab destroyed it. */
  | { readonly kind: 'destroyed' }

/** Page to worker. */
export type FromPage =
  /** Each is answered with `settled`. */
  | { readonly kind: 'commands'; readonly commands: readonly CommandOnWire[] }
  /** Whatever there is to say comes as frames. The id is given by the client, never twice. */
  | { readonly kind: 'subscribe'; readonly id: number; readonly to: Topic }
  | { readonly kind: 'unsubscribe'; readonly id: number }
  /** Takes a call of a Command back; if it is not too late, it is answered with the fault `aborted`. */
  | { readonly kind: 'cancel'; readonly call: number }
  | { readonly kind: 'ack'; readonly ids: readonly number[] }
  | { readonly kind: 'ping' }
  /** What the page's `token` gave, if it has one; or why it failed. */
  | { readonly kind: 'token'; readonly token?: string | undefined; readonly problem?: string }
  /** The page was shown or hidden: hints of other tabs may have been missed. */
  | { readonly kind: 'resumed'; readonly hidden: boolean | undefined }
