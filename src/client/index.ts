/**
 * @module outpost/client: for the page. Connects it to the app's worker: Commands, queries, Events, status. Neither zod nor
 * Dexie come with it.
 */
export type {
  Aggregates,
  App,
  AppSync,
  Batch,
  CommandOf,
  CommandOptions,
  Commands,
  CommandValue,
  CommandValues,
  EventsOptions,
  Live,
  LiveQuery,
  LoadedState,
  Moment,
  Read,
  SettledOutcome,
  TentativeEventsOptions,
} from './app.ts'
export { connect } from './connect.ts'
export type { ConnectOptions } from './connect-options.ts'
export { isPending } from './pending.ts'
export type { WorkerEndpoint } from './worker-endpoint.ts'
export type { Port } from '../channel/port.ts'
export type { Snapshot } from '../domain/query.ts'
export type { EventNews, RecordedEvent, TentativeEvent } from '../domain/recorded-event.ts'
export type { HandlerStatus, Parked, ReadModelStatus, Status, StorageStatus } from '../engine/status.ts'
export type { SyncState, SyncStatus } from '../sync/status.ts'
export type { CommandTrace, Span, Step } from '../engine/trace.ts'
export { type ErrorCode, isOutpostError, OutpostError } from '../errors.ts'
