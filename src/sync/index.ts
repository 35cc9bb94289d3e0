/** @module outpost/sync: for the app's worker script. Keeps its log together with a server's. */
export { sync } from './sync.ts'
export type { Sync, SyncOptions } from './sync.ts'
export type { HeldCommand, SyncRequest, SyncState, SyncStatus } from './status.ts'
