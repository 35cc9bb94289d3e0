/**
 * The physical schema. It is generic: an app's change of domain is never an IndexedDB upgrade. All keys but those of `rows` are
 * out of line, so that values are stored exactly as given.
 */
import type { ReadStoreSchema } from '../storage.ts'

/** Also what Dexie takes for its version 1, so that its tools can open these databases. */
export const SCHEMA_VERSION = 10

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

const BY_DUE = ['fold', 'saved.dueAt']

export const savedSchema: DatabaseSchema = {
  /** [fold, key] → { fold, saved }; the index holds those with a timer only, because a missing key leaves a row out of it. */
  states: { indexes: [BY_DUE] },
  /** fold → Checkpoint */
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

/** As Dexie names it. */
export const indexName = (fields: readonly string[]): string => (fields.length === 1 ? (fields[0] as string) : `[${fields.join('+')}]`)

export const STATES_BY_DUE = indexName(BY_DUE)
