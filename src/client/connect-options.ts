import type { WorkerEndpoint } from './worker-endpoint.ts'

interface CommonOptions {
  /** The unit of storage and permission: a tenant, a team, a document. Default `default`. */
  readonly space?: string
  /** Who gives the Commands; recorded with each. */
  readonly actor?: string
  /** Whose log it is. Default: the actor, or `anonymous` where there is none. */
  readonly principal?: string
  /**
   * Gives the token for sync, where the worker's `sync` was not given a way to one. Asked once, and again when the server
   * refuses it.
   */
  readonly token?: () => Promise<string>
  /** Of Commands that do not say: `relaxed` (default) survives the death of tab and browser, `strict` a power loss too. */
  readonly durability?: 'relaxed' | 'strict'
  /** How long a call may go unanswered by a living worker; of Commands, counted from the last one answered. Default 30 s. */
  readonly deadlineMs?: number
  /**
   * How long the worker's thread may go without a pause while something is awaited from it; then it is replaced, and what
   * hung it fails with `decide-timeout`. Default 5 s; `Infinity` lets a debugger stop there.
   */
  readonly decideTimeoutMs?: number
  /** Hears of errors in the worker that nobody awaited. Default: the page's own reporting of uncaught errors. */
  readonly onError?: (error: Error) => void
}

export type ConnectOptions = CommonOptions &
  (
    | {
        /** Makes the app's worker; called again when one has to be replaced. */
        readonly worker: () => Worker
        readonly endpoint?: never
      }
    | {
        /** Instead of `worker`: a way to a host that is no Worker of this page, for tests and other runtimes. */
        readonly endpoint: () => WorkerEndpoint
        readonly worker?: never
      }
  )
