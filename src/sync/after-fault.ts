/** What follows from a fault: as what it is told, how long to wait, and what ends the wait sooner. */
import { backOffMs } from './back-off.ts'
import type { Ring } from './doorbell.ts'
import type { SyncFault } from './fault.ts'
import { OLDEST_PROTOCOL } from './protocol.ts'
import type { SyncState } from './status.ts'

export interface Wait {
  /** `retryAt` and all. */
  readonly told: SyncState
  readonly ms: number
  readonly endedBy: readonly Ring[]
}

/** Of what does not pass by itself; each of these also ends it at once. */
const slowMs = 180_000
export const sooner: readonly Ring[] = ['now', 'online', 'visible', 'woke']

/** Its name in the status, and what a person may do about it. */
function conditionOf(
  fault: SyncFault,
): readonly [Exclude<SyncState['state'], 'off' | 'connecting' | 'upToDate' | 'paused' | 'syncing' | 'held'>, string] {
  switch (fault.code) {
    case 'unauthenticated':
      return ['refusedByAuth', 'Sync goes on when token() gives another one.']
    case 'forbidden':
      return ['forbidden', 'Nothing is lost; it goes on when this principal is let in.']
    case 'restored':
      return ['serverRestored', 'What is on this device is kept, and nothing is sent.']
    case 'protocol':
      return (fault.details.newest ?? OLDEST_PROTOCOL) < OLDEST_PROTOCOL
        ? ['serverTooOld', 'It goes on by itself once the server is a newer one.']
        : ['serverTooNew', 'Load the newer app.']
    default:
      return ['offline', '']
  }
}

/**
 * @param failures in a row, this one included
 * @param random from 0 to below 1
 */
export function waitAfter(fault: SyncFault, failures: number, random: number, now: number): Wait {
  const [state, help] = conditionOf(fault)
  const { retryAfterMs } = fault
  const ms = state === 'offline' ? Math.max(backOffMs(failures, random), retryAfterMs ?? 0) : Math.round(slowMs * (0.75 + random / 2))
  const told: SyncState = { state, problem: `${fault.message} ${help}`.trim(), retryAt: now + ms }
  // Whoever is told to wait does not come sooner because a page is shown.
  return { told, ms, endedBy: retryAfterMs === undefined ? sooner : ['now'] }
}
