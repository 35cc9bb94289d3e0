/** What a server process gives the engine of its surroundings. */
import type { Environment } from '../engine/engine.ts'
import { later } from '../internal/later.ts'

export function serverEnvironment(): Environment {
  /** The last to ask for each role: one space is open only once in a process, but an old one may still be closing. */
  const roles = new Map<string, Promise<unknown>>()
  return {
    now: () => Date.now(),
    clock: () => performance.now(),
    clockOrigin: performance.timeOrigin,
    randomId: () => crypto.randomUUID(),
    async exclusive(name, work, signal) {
      const before = roles.get(name)
      const mine = (async () => {
        await before
        if (!signal.aborted) await work(signal)
      })()
      const ended = mine.catch(() => undefined) // whoever asked has the error; the next in line must still run
      roles.set(name, ended)
      try {
        await mine
      } finally {
        if (roles.get(name) === ended) roles.delete(name)
      }
    },
    // Another process may have the same storage.
    alone: () => Promise.resolve(false),
    later,
  }
}
