/** What `status$` tells. Plain data: it crosses threads. */

export interface StorageStatus {
  /** True where the browser has promised to keep the data; undefined where it cannot tell. */
  readonly persisted?: boolean | undefined
  /** Bytes; undefined where the browser does not tell. Browsers report rough figures. */
  readonly usage?: number | undefined
  readonly quota?: number | undefined
  /**
   * True in a private window, where all data goes with its last tab; undefined where that is not known. Firefox and Safari can
   * be told by what they refuse there, Chromium hides it from pages.
   */
  readonly private?: boolean | undefined
  /** `ok`; `full` after the browser refused space; `outdated` where a newer build wrote the log. */
  readonly state: 'ok' | 'full' | 'outdated' | 'closed'
}

/** A handler that threw: where, with what, how often. */
export interface Parked {
  /** Position of the Event it stopped at. */
  readonly position: number
  readonly eventType: string
  /** Of a process manager: which instance. */
  readonly key?: string
  readonly error: string
  readonly attempts: number
  /** When it is tried again by itself (ms since 1970); absent where it waits for `retry`. */
  readonly retryAt?: number
}

export interface ReadModelStatus {
  readonly name: string
  readonly version: number
  readonly state: 'live' | 'rebuilding' | 'parked'
  /** Position that its rows are as of. */
  readonly position: number
  /** Events of the log that it has not taken yet. */
  readonly lag: number
  /** While it is rebuilt beside the old one. */
  readonly rebuild?: { readonly position: number; readonly target: number; readonly eventsRead: number }
  readonly parked?: Parked
}

export interface HandlerStatus {
  readonly name: string
  readonly kind: 'processManager' | 'reactor'
  readonly state: 'live' | 'building' | 'parked'
  readonly position: number
  readonly parked: readonly Parked[]
}

/**
 * While nothing is known of the log yet (`starting`, or `failed` at the start) all but `worker` and `problem` is empty, as of
 * an empty log. While a dead worker is being replaced (`lost`) it is what that one told last.
 */
export interface Status {
  /** The way to the worker: `ready` once it has told how the log stands. */
  readonly worker: 'starting' | 'ready' | 'lost' | 'failed' | 'closed'
  /** Why it failed, in words for a person. */
  readonly problem?: string
  /** Position of the log's last Event. */
  readonly position: number
  readonly storage: StorageStatus
  /** How many tabs have this log open; at least 1. */
  readonly tabs: number
  readonly readModels: readonly ReadModelStatus[]
  readonly handlers: readonly HandlerStatus[]
}
