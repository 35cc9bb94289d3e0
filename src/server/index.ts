/** @module For the server: what devices sync with, a Fetch-API handler over any storage. Runs in Node and wherever Hono does. */
export { createSyncServer } from './create-sync-server.ts'
export { createPgliteStorage, createPostgresStorage } from './server-storage.ts'
export type { ServerStorage } from './server-storage.ts'
export type { Access, SyncServer, SyncServerOptions } from './create-sync-server.ts'
export type { ActAs, Authorize, AuthorizedCommand } from './authority.ts'
export type { CorsOptions } from './http.ts'
export type { Limits } from './limits.ts'
export type { FaultEntry, LogEntry, NoticeEntry, RequestEntry } from './log-entry.ts'
