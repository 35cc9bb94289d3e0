import type { Port } from '../channel/port.ts'
import type { AnyDomain } from '../domain/infer.ts'
import type { Sync } from '../sync/sync.ts'
// Gzip finds more where these stand in this order than where they are sorted: 74 bytes of the worker (`npm run size`).
import { createEngine } from '../engine/create-engine.ts'
import { databasePrefix } from '../engine/open-log.ts'
import { OutpostError } from '../errors.ts'
import { hostEngine } from './host.ts'
import { createIndexedDbStorage } from '../storage/indexeddb/indexeddb-storage.ts'
import { workerEnvironment } from './environment.ts'
import { holdLock, joinTabs } from './tabs.ts'

export interface WorkerOptions {
  /** Keeps the log together with a server's: `sync({ url })` of `outpost/sync`. Default: the app has no server. */
  readonly sync?: Sync
}

/**
 * Makes this worker the app's: opens its log when the page says which, and answers from then on. Call it while the
 * worker's script is first run.
 *
 * @example
 * // app.worker.ts
 * import { startWorker } from 'outpost/worker'
 * import { stockroom } from './domain.ts'
 * startWorker(stockroom)
 */
export function startWorker(domain: AnyDomain, { sync }: WorkerOptions = {}): void {
  // The types of pages and workers clash in one project; this much of a worker's scope is needed.
  const scope = globalThis as unknown as Port
  const lock = holdLifeLock()
  lock.catch(() => undefined) // the greeting tells of it
  const host = hostEngine(scope, {
    lock,
    async open({ space, principal }, page) {
      const prefix = databasePrefix(domain.name, space, principal)
      const tabs = await joinTabs(`${prefix}.log`, await lock)
      const environment = workerEnvironment(tabs)
      const readModels = new Map([...domain.readModels, ...(sync?.readModels ?? []).map((model) => [model.name, model] as const)])
      const storage = createIndexedDbStorage()
      const engine = await createEngine({ domain: { ...domain, readModels }, storage, space, principal, environment })
      return { engine, tabs, sync: sync?.start({ inside: engine.inside, space, prefix, ...page }) }
    },
  })
  scope.addEventListener('error', (event) => host.uncaught((event as ErrorEvent).error ?? (event as ErrorEvent).message))
  scope.addEventListener('unhandledrejection', (event) => host.uncaught((event as PromiseRejectionEvent).reason))
}

/** Held until this worker ends, however it ends; whoever asks for it then gets it. */
async function holdLifeLock(): Promise<string> {
  const name = `outpost.worker.${crypto.randomUUID()}`
  try {
    await holdLock(name)
  } catch (cause) {
    throw new OutpostError(
      'unsupported',
      'The worker gets no Web Locks. Serve the page over HTTPS, from its own origin.',
      { missing: ['navigator.locks'] },
      cause,
    )
  }
  return name
}
