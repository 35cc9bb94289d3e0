/**
 * How `outpost/dexie` gets at the rows of the Read Models that a named query is given: by a method of theirs under a name that
 * nobody types. It is a registered symbol, so that two copies of the package in one bundle understand each other.
 */
import type { IndexedDbPlace } from '../storage/storage.ts'

export const storedRows: unique symbol = Symbol.for('outpost.storedRows')

/** The same object as long as the same rows are read from. */
export interface StoredRows extends IndexedDbPlace {
  /** Aborts when they no longer are: whoever has opened the database closes it, since it may be about to be deleted. */
  readonly closed: AbortSignal
}

/** One Read Model as a named query reads it. */
export interface StoredRowsOwner {
  /**
   * Stores the rows that the query builder would show now. What is read of them until the named query ends is checked at its end: where
   * another tab has stored more meanwhile, or other rows took their place, it runs again.
   *
   * @returns undefined where they are not in IndexedDB
   * @throws what storage rejected with
   */
  readonly [storedRows]: () => Promise<StoredRows | undefined>
}
