/**
 * The physical schema. It is generic: an app's change of domain is never an IndexedDB upgrade. All keys but those of `rows` are
 * out of line, so that values are stored exactly as given.
 */
import type { ReadStoreSchema } from '../storage.ts'

/** What comes of a log, and could be made again from it: in a database of its own, see README.md. */
export const savedName = (log: string): string => `${log}${SAVED}`
export const SAVED = '.saved'

/** Keys of the `system` store, which only the adapter itself reads and writes. */
export const INCARNATION = 'incarnation'
export const CHECKPOINT = 'checkpoint'
export const CATALOGUE = 'catalogue'

export interface StoreSchema {
  /** Absent: keys are out of line. */
  readonly keyPath?: string
  /** Each a list of key paths: one, or a compound of several. */
  readonly indexes?: readonly (readonly string[])[]
}
export type DatabaseSchema = Readonly<Record<string, StoreSchema>>

export const logSchema: DatabaseSchema = {
  /** number → LogRecord */
  records: {},
  /** string → value */
  meta: {},
  /** 'incarnation' → string */
  system: {},
}

export const savedSchema: DatabaseSchema = {
  /** [fold, page] → SavedState[], see `saved-pages.ts` */
  states: {},
  /** [fold, dueAt, key] → key, of the states with a timer */
  due: {},
  /** fold → Checkpoint, with what tells where its states lie */
  checkpoints: {},
  /** [index, run, block] → Uint8Array */
  segments: {},
  /** 'incarnation' → string, 'catalogue' → { checkpoint, value } */
  system: {},
}

export const readSchema = ({ key, indexes }: ReadStoreSchema): DatabaseSchema => ({
  /** Inline key → row */
  rows: { keyPath: key, indexes },
  /** 'incarnation' → string, 'checkpoint' → Checkpoint */
  system: {},
})

/**
 * Ten times what Dexie takes for its version, so that its tools can open these databases. Saved states once had a row each:
 * another layout of them is made anew, from the log.
 */
export const SAVED_VERSION = 20
export const SCHEMA_VERSION = 10

/** As Dexie names it. */
export const indexName = (fields: readonly string[]): string => (fields.length === 1 ? (fields[0] as string) : `[${fields.join('+')}]`)
