/** How long to wait after so many failures in a row: doubled each time, and spread, so that devices do not come back all at once. */

const leastMs = 500
/** Longer would help nobody: what ends an outage is told by the browser, or tried soon enough. */
const mostMs = 60_000

/**
 * @param failures 1 for the first
 * @param random from 0 to below 1
 */
export function backOffMs(failures: number, random: number): number {
  const whole = Math.min(mostMs, leastMs * 2 ** Math.min(failures - 1, 20))
  return Math.round(whole * (0.5 + random / 2))
}
