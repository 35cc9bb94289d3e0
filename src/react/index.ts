/** @module outpost/react: hooks for components of the page, over `outpost/client`. */
export { type CommandState, createHooks, type Hooks, type QuerySource } from './create-hooks.ts'
export type { QueryResult } from './query-store.ts'
export { isPending } from '../client/pending.ts'
