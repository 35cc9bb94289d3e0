/** How the book stands with the server, in words. */
import type { SyncStatus } from 'outpost/client'
import { count, formatNumber } from './format.ts'

const words: Readonly<Record<SyncStatus['state'], string>> = {
  off: 'Not synced',
  connecting: 'Connecting…',
  syncing: 'Syncing',
  upToDate: 'Up to date',
  paused: 'Sync is paused',
  offline: 'Offline',
  refusedByAuth: 'Sign in again to sync',
  forbidden: 'No access to this book',
  serverTooOld: 'The server is too old',
  serverTooNew: 'This page is too old',
  serverRestored: 'The server was restored',
  outdated: 'This page is too old',
  held: 'A change is held up',
}

/** Without figures, which change too often to be read out. */
export const syncText = (status: SyncStatus | undefined): string => words[status?.state ?? 'connecting']

/** How far this round is; empty where none runs. */
export const roundText = (status: SyncStatus | undefined): string =>
  status?.state === 'syncing' ? `${formatNumber(status.done)} of ${formatNumber(status.of)}` : ''

/** What is still to be sent; empty where nothing is. */
export const pendingText = (pending: number | undefined): string => (pending ? `${count(pending, 'change')} to send` : '')

export type Tone = 'good' | 'busy' | 'bad'

export function syncTone(status: SyncStatus | undefined): Tone {
  switch (status?.state) {
    case 'upToDate':
    case 'off':
      return 'good'
    case undefined:
    case 'connecting':
    case 'syncing':
    case 'paused':
    case 'offline':
      return 'busy'
    default:
      return 'bad'
  }
}

/** What one can do about it now. */
export const syncAction = (status: SyncStatus): 'pause' | 'resume' | 'now' | undefined => {
  switch (status.state) {
    case 'off':
      return undefined
    case 'paused':
      return 'resume'
    case 'connecting':
    case 'syncing':
    case 'upToDate':
      return 'pause'
    default:
      return 'now'
  }
}
