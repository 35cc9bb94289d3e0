/** @module outpost/worker: for the app's worker script. Hosts its domain there, over IndexedDB. */
export { startWorker } from './start-worker.ts'
export type { WorkerOptions } from './start-worker.ts'
