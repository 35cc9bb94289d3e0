import { browserEnvironment } from './browser-environment.ts'
import type { EngineInside } from '../engine/inside.ts'
import { EngineLog } from './engine-log.ts'
import type { AnyReadModel } from '../domain/infer.ts'
import { inboxModel } from './inbox-model.ts'
import { commandRequests } from './inbox-requests.ts'
import { type RunningSync, startSync, type SyncPlace } from './running-sync.ts'

export interface SyncOptions {
  /** Where the sync server is: absolute, or relative to the worker's script. Spaces lie below it. */
  readonly url: string
  /**
   * Gives the token that requests carry as `Authorization: Bearer …`. Runs in the worker; asked once, and again when the server
   * refuses it. Default: the page is asked, see `token` of `connect`.
   */
  readonly token?: () => Promise<string>
}

/** What `startWorker` takes as `sync`. */
export interface Sync {
  /** Beside the app's own. */
  readonly readModels: readonly AnyReadModel[]
  start(place: Omit<SyncPlace, 'log'> & { readonly inside: EngineInside }): RunningSync
}

/**
 * Keeps the app's log together with a server's.
 *
 * @example
 * // app.worker.ts
 * import { sync } from 'outpost/sync'
 * import { startWorker } from 'outpost/worker'
 * startWorker(stockroom, { sync: sync({ url: 'https://stockroom.example/sync' }) })
 */
export const sync = ({ url, token }: SyncOptions): Sync => ({
  readModels: [inboxModel],
  start({ inside, ...place }) {
    const log = new EngineLog(inside, breathe)
    return startSync(url, token, browserEnvironment(), { ...place, log, commands: commandRequests(log, inside) })
  },
})

/** The thread's other tasks have their turn: what the page asks meanwhile is answered. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))
