/** Which build this page is of: whether it starts without network, and whether a newer one is there. */
import { pageLock, startNow } from './builds.ts'

export interface BuildStatus {
  /**
   * Whether the page starts without network. `keeping`: its files are on their way to the device. `off`: this page is served
   * by a development server.
   */
  readonly offline: 'keeping' | 'ready' | 'failed' | 'off'
  /** Why not, for a person. */
  readonly problem?: string
  /**
   * `waiting`: it starts when this page asks for it. `starting`: it was asked for. `started`: another tab did, and this one goes
   * on as it is.
   */
  readonly newer: 'none' | 'waiting' | 'starting' | 'started'
}

export interface PageBuild {
  /** For `useSyncExternalStore`. */
  readonly subscribe: (changed: () => void) => () => void
  readonly current: () => BuildStatus
  /** Loads the page again, in the newer build. */
  startNewer(): void
}

const lookForNewerEveryMs = 3_600_000
const askAgainEveryMs = 3000

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Registers the service worker. It never loads the page again by itself: somebody may be in the middle of something. */
export function createPageBuild(): PageBuild {
  const listeners = new Set<() => void>()
  let status: BuildStatus = { offline: import.meta.env.DEV ? 'off' : 'keeping', newer: 'none' }
  let registration: ServiceWorkerRegistration | undefined

  const show = (change: Partial<BuildStatus>): void => {
    status = { ...status, ...change }
    for (const changed of listeners) changed()
  }

  const watch = (container: ServiceWorkerContainer, registered: ServiceWorkerRegistration): void => {
    registration = registered
    const look = (): void => {
      if (registered.active) show({ offline: 'ready' })
      // The first one waits too, for a moment, without anything to wait for.
      if (registered.active && registered.waiting && status.newer === 'none') show({ newer: 'waiting' })
    }
    const follow = (installing: ServiceWorker | null): void =>
      installing?.addEventListener('statechange', () => {
        if (installing.state === 'redundant' && !registered.active)
          show({ offline: 'failed', problem: 'Not all of its files could be kept. It is tried again when the page is loaded again.' })
        look()
      })
    follow(registered.installing)
    registered.addEventListener('updatefound', () => follow(registered.installing))
    look()

    let served = container.controller !== null
    container.addEventListener('controllerchange', () => {
      if (status.newer === 'starting') return location.reload()
      if (served) show({ newer: 'started' })
      served = true
      look()
    })
    const lookForNewer = (): void => {
      // Without network there is nothing newer to be had; it is looked for again.
      registered.update().catch(() => undefined)
    }
    setInterval(lookForNewer, lookForNewerEveryMs)
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') lookForNewer()
    })
  }

  const start = async (): Promise<void> => {
    const container = navigator.serviceWorker as ServiceWorkerContainer | undefined
    if (container === undefined) throw new Error('This browser has no service workers, or the page is not served over HTTPS.')
    // Until the page is gone. A service worker that tidies up sees by it which builds are open.
    navigator.locks.request(pageLock(import.meta.url), { mode: 'shared' }, () => new Promise(() => undefined)).catch(reportError)
    const base = import.meta.env.BASE_URL
    watch(container, await container.register(`${base}service-worker.js`, { scope: base, updateViaCache: 'none' }))
  }
  if (!import.meta.env.DEV) start().catch((error: unknown) => show({ offline: 'failed', problem: textOf(error) }))

  return {
    subscribe: (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    current: () => status,
    startNewer() {
      if (!registration?.waiting) return location.reload()
      show({ newer: 'starting' })
      const ask = (): void => registration?.waiting?.postMessage(startNow)
      ask()
      // A service worker that the browser could not start in time never gets what was posted to it.
      setInterval(ask, askAgainEveryMs)
    },
  }
}
