/** The most that a timer takes (32 bits); longer waits would end at once. */
const maxDelayMs = 2 ** 31 - 1

/** Runs it after that time, or after 24 days where that is sooner. @returns what calls it off */
export function later(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(delayMs, maxDelayMs))
  return () => clearTimeout(timer)
}
