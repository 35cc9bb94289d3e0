/**
 * The physical schema, in Dexie's notation. It is generic: an app's change of domain is never an IndexedDB upgrade.
 * All keys but those of `rows` are out of line, so that values are stored exactly as given.
 */
import type { ReadStoreSchema } from '../storage.ts'

/** Dexie multiplies it by ten for IndexedDB; what lies between is Dexie's own (it adds missing indexes so). */
export const SCHEMA_VERSION = 1

/** Keys of the `system` store, which only the adapter itself reads and writes. */
export const INCARNATION = 'incarnation'
export const CHECKPOINT = 'checkpoint'
export const CATALOGUE = 'catalogue'

export const logStores = {
  /** number → LogRecord */
  records: '',
  /** [fold, key] → { fold, saved }; the index holds those with a timer only, because a missing key leaves a row out of it. */
  states: ', [fold+saved.dueAt]',
  /** fold → Checkpoint */
  checkpoints: '',
  /** [index, run, block] → Uint8Array */
  segments: '',
  /** string → value */
  meta: '',
  /** 'incarnation' → string, 'catalogue' → { checkpoint, value } */
  system: '',
}

export const STATES_BY_DUE = '[fold+saved.dueAt]'

export const readStores = ({ key, indexes }: ReadStoreSchema): Record<string, string> => ({
  /** Inline key → row */
  rows: [key, ...new Set(indexes.map(indexName))].join(', '),
  /** Primary key → the row as of the base: for sync. */
  preimages: '',
  /** 'incarnation' → string, 'checkpoint' → Checkpoint */
  system: '',
})

/** As Dexie names it. */
export const indexName = (fields: readonly string[]): string => (fields.length === 1 ? (fields[0] as string) : `[${fields.join('+')}]`)
