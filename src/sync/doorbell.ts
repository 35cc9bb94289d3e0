/** What wakes the loop where it waits. Nothing is kept of a ring while nobody waits: whoever is about to wait looks first. */
import type { SyncEnvironment } from './environment.ts'

export type Ring =
  /** Somebody asked for it. */
  | 'now'
  /** The browser thinks that the network has come, or gone. */
  | 'online'
  | 'offline'
  /** The page is shown. */
  | 'visible'
  /** The device slept, or the tab was frozen, and is back. */
  | 'woke'
  /** The log has changed: there may be Commands to push. */
  | 'log'
  /** The change notice told something, or ended. */
  | 'notice'

export class Doorbell {
  readonly #later: SyncEnvironment['later']
  #waiting: ((ring: Ring) => void) | undefined

  constructor(later: SyncEnvironment['later']) {
    this.#later = later
  }

  ring(ring: Ring): void {
    this.#waiting?.(ring)
  }

  /** Waits for one of these rings, for so long at most, or until the signal fires. */
  wait(ms: number, rings: readonly Ring[], signal: AbortSignal): Promise<Ring | 'time'> {
    return new Promise((resolve) => {
      const end = (how: Ring | 'time'): void => {
        this.#waiting = undefined
        cancel()
        signal.removeEventListener('abort', abort)
        resolve(how)
      }
      const abort = (): void => end('time')
      const cancel = ms === Infinity ? (): void => undefined : this.#later(ms, abort)
      this.#waiting = (ring) => rings.includes(ring) && end(ring)
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
    })
  }
}
