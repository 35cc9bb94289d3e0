import { SqlFault } from './sql-database.ts'

/** Before each new attempt. The first fault is mostly a connection that died while it was idle. */
const RETRY_DELAYS_MS = [0, 100, 1000]

/**
 * Does the work, again where that is safe and may help: what was certainly not done always, what may have been done only where it is
 * the same if done twice.
 */
export async function attempt<T>(work: () => Promise<T>, { repeatable }: { readonly repeatable: boolean }): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      const repeat = error instanceof SqlFault && error.passing && (repeatable || error.outcome !== 'unknown')
      const delayMs = repeat ? RETRY_DELAYS_MS[failures] : undefined
      if (delayMs === undefined) throw error
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
}
