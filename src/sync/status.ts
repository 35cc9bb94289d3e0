/** What `app.sync.status$` tells. Plain data: it crosses threads, and goes from tab to tab. */

/** A Command that keeps those behind it waiting. */
export interface HeldCommand {
  readonly sequence: number
  readonly type: string
}

/** Where sync stands, without figures. */
export type SyncState =
  /** `off`: the worker was started without `sync`. `upToDate`: nothing to send, nothing to come. `paused`: by `app.sync.pause()`. */
  | { readonly state: 'off' | 'connecting' | 'upToDate' | 'paused' }
  /** Steps of this round: Commands pushed and records pulled, of those known so far. */
  | { readonly state: 'syncing'; readonly done: number; readonly of: number }
  | {
      /**
       * - `offline`: no way to the server, or it fails at the moment. It is tried again for ever, and at once when the browser
       *   says that the network is back, when the page is shown, and when the device wakes up.
       * - `refusedByAuth`: the token is missing, refused, or another principal's. Goes on as soon as `token` gives another one.
       * - `forbidden`: the principal may not use this space.
       * - `serverTooOld`, `serverTooNew`: client and server share no version of the protocol.
       * - `serverRestored`: the server's log is another one than this device has followed. Nothing is dropped, nothing sent.
       * - `outdated`: this build does not know Commands that a newer one gave, or Events that a newer server made of its own. Load the
       *   newer app.
       */
      readonly state: 'offline' | 'refusedByAuth' | 'forbidden' | 'serverTooOld' | 'serverTooNew' | 'serverRestored' | 'outdated'
      /** Why, and what helps, in words for a person. */
      readonly problem: string
      /** When it is tried again by itself: ms since 1970. */
      readonly retryAt: number
    }
  /** The server cannot take this Command: it is older than the app, or the Command is too large. Pulling goes on. */
  | { readonly state: 'held'; readonly command: HeldCommand; readonly problem: string; readonly retryAt: number }

export type SyncStatus = SyncState & {
  /** Commands of this log that the server has not processed, as far as this device knows. */
  readonly pending: number
  /** When this device last had all that the server had, and the server all of its: ms since 1970. */
  readonly lastSyncedAt?: number
  /** True where this tab syncs for all tabs that have the log open. */
  readonly here: boolean
}

/** What a page can ask for of sync itself; it holds for all tabs of the log. */
export type SyncRequest = 'pause' | 'resume' | 'now'
