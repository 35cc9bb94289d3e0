/** What a worker gives the engine of its surroundings. */
import { later } from '../internal/later.ts'
import type { Environment } from '../engine/engine.ts'
import type { Tabs } from './tabs.ts'

export function workerEnvironment(tabs: Tabs): Environment {
  return {
    now: () => Date.now(),
    clock: () => performance.now(),
    clockOrigin: performance.timeOrigin,
    randomId: () => crypto.randomUUID(),
    async exclusive(name, work, signal) {
      try {
        await navigator.locks.request(name, { signal }, () => work(signal))
      } catch (thrown) {
        // Taken back while it waited: there is nothing to do any more.
        if (!signal.aborted) throw thrown
      }
    },
    // The page notices that its worker is gone, and starts another one.
    reopen: () => (self as unknown as { close(): void }).close(),
    alone: async () => (await tabs.count()) === 1,
    later,
  }
}
