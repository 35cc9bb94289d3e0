/**
 * The ports of storage: what the engine needs of a place to keep things, and the guarantees that place must give.
 * Adapters: `memory/` (the readable reference, also for tests), `indexeddb/` and `postgres/`. `testing` exports the contract
 * suite that all pass.
 *
 * The log is the write-ahead log of everything else: only {@link EventStore.append} has to be durable for an answer.
 * States, rows and segments are derived from it, written behind, each together with the checkpoint they are as of, and
 * each such write is a compare: it happens only if the stored checkpoint is the one that the writer started from.
 *
 * Every method may reject with an `OutpostError`: `storage-full` (nothing of the call was written), `storage-failed`,
 * `closed`.
 */
import type { Checkpoint, LogRecord } from './record.ts'

/** `relaxed` survives the death of tab, browser and process; `strict` also a power loss. */
export type Durability = 'relaxed' | 'strict'

/** What IndexedDB can index and order: number < Date < string (by UTF-16 code units) < array. */
export type Key = number | string | Date | readonly Key[]

/** A row or state: any structured-cloneable object. */
export type Row = Readonly<Record<string, unknown>>

export interface Storage {
  /** Opens one log, making it where there is none. Opening the same name twice gives two independent handles. */
  openLog(name: string): Promise<LogStorage>
  /** Opens one read store, making it where there is none. A name always comes with the same schema. */
  openReadStore(name: string, schema: ReadStoreSchema): Promise<ReadStore>
  /** Names of all databases that begin so, in no order. */
  list(prefix: string): Promise<readonly string[]>
  /** Deletes a database, also where other handles are open: those close with `closed`. Absent: nothing happens. */
  destroy(name: string): Promise<void>
}

export interface LogStorage {
  readonly events: EventStore
  readonly states: PersistenceStore
  readonly segments: SegmentStore
  readonly meta: MetaStore
  /** Called once if the handle dies without `close()`: deleted elsewhere, evicted, or broken. */
  onClosed: ((reason: string) => void) | undefined
  /** Works twice; afterwards every call rejects with `closed`. */
  close(): void
}

export interface EventStore {
  /** The last record of the log; undefined where it is empty. */
  last(): Promise<LogRecord | undefined>
  /**
   * Compare-and-append: all records or none, in one transaction. Their numbers are consecutive.
   * Resolves only when the transaction has completed.
   * @param meta entries of the {@link MetaStore} put in the same transaction; undefined deletes one
   * @returns `conflict` where another writer already used the first number: nothing was written
   */
  append(records: readonly LogRecord[], durability: Durability, meta?: ReadonlyMap<string, unknown>): Promise<'appended' | 'conflict'>
  /** Records with a number above `after`, in order, at most `limit`. */
  read(after: number, limit: number): Promise<readonly LogRecord[]>
  /** The records of these numbers, in the order asked; undefined where there is none. */
  get(numbers: readonly number[]): Promise<readonly (LogRecord | undefined)[]>
}

/** A saved state of one Aggregate or process manager instance. */
export interface SavedState {
  readonly key: string
  /** Version of its stream that the state is as of; 0 for process managers. */
  readonly version: number
  /** Position of the last Event folded into it. */
  readonly position: number
  readonly state: unknown
  /** When it next wants attention: its earliest timer (ms since 1970), 0 while parked; else absent. Indexed, see {@link PersistenceStore.due}. */
  readonly dueAt?: number
}

/** The write-behind of one fold (all Aggregates of one type and schema, or one process manager). */
export interface StateWrites {
  readonly fold: string
  /** The stored checkpoint that the states were folded from; undefined where the fold was never saved. */
  readonly expected: Checkpoint | undefined
  /** The record that they are as of now. */
  readonly checkpoint: Checkpoint
  readonly puts: readonly SavedState[]
  readonly removes: readonly string[]
}

/** The Persistence Store: the current state of every Aggregate and process manager instance, written behind the log. */
export interface PersistenceStore {
  /** The checkpoint of each fold that has one. */
  checkpoints(): Promise<ReadonlyMap<string, Checkpoint>>
  /** The states of these keys, in the order asked, together with the fold's checkpoint as of the same transaction. */
  load(fold: string, keys: readonly string[]): Promise<{ checkpoint: Checkpoint | undefined; states: readonly (SavedState | undefined)[] }>
  /**
   * One transaction over all folds: all are written, or none.
   * @returns `stale` where any fold's stored checkpoint is not the expected one: nothing was written
   */
  save(writes: readonly StateWrites[]): Promise<'saved' | 'stale'>
  /** States of this fold with a `dueAt`, earliest first, at most `limit`, with the checkpoint of the same transaction. */
  due(fold: string, limit: number): Promise<{ checkpoint: Checkpoint | undefined; states: readonly SavedState[] }>
  /** Deletes a fold's states and checkpoint. */
  drop(fold: string): Promise<void>
}

/** One block of a packed, sorted run of the log's index (see `segment-index.ts`): opaque to storage. */
export interface SegmentBlock {
  /** Which index: command ids or streams. */
  readonly index: string
  /** Which run of it. */
  readonly run: number
  /** Place in its run: 0, 1, 2… */
  readonly block: number
  readonly bytes: Uint8Array
}

/** Packed segments by which an old command id or one stream's records are found without an entry per Event. */
export interface SegmentStore {
  /** The catalogue (an opaque value, replaced whole) and the checkpoint it is as of. */
  catalogue(): Promise<{ checkpoint: Checkpoint | undefined; value: unknown }>
  blocks(keys: readonly { index: string; run: number; block: number }[]): Promise<readonly (Uint8Array | undefined)[]>
  /**
   * Writes blocks, removes whole runs, replaces catalogue and checkpoint, in one transaction.
   * @returns `stale` where the stored checkpoint is not the expected one: nothing was written
   */
  save(write: {
    readonly expected: Checkpoint | undefined
    readonly checkpoint: Checkpoint
    readonly catalogue: unknown
    readonly puts: readonly SegmentBlock[]
    readonly removes: readonly { index: string; run: number }[]
  }): Promise<'saved' | 'stale'>
}

/** Small named values of the log: its epoch, pointers to current read stores, reactors' checkpoints. */
export interface MetaStore {
  get(key: string): Promise<unknown>
  /** All entries whose key begins so. */
  entries(prefix: string): Promise<ReadonlyMap<string, unknown>>
  /**
   * Reads, changes and writes one value in one transaction. `change` is synchronous; undefined deletes; returning what
   * it was given (same reference) writes nothing.
   * @returns the value after it
   */
  update<T>(key: string, change: (value: T | undefined) => T | undefined, durability?: Durability): Promise<T | undefined>
}

export interface ReadStoreSchema {
  /** Name of the field that is the primary key. */
  readonly key: string
  /** Each a list of field names: one field, or a compound of several. */
  readonly indexes: readonly (readonly string[])[]
}

/** A range of keys on the primary key or on one index. */
export interface KeyRange {
  readonly lower?: Key
  readonly upper?: Key
  readonly lowerOpen?: boolean
  readonly upperOpen?: boolean
}

export interface Scan {
  /** Place in the schema's `indexes`; undefined for the primary key. */
  readonly index?: number
  readonly range?: KeyRange
  /** From the upper end downwards. Rows of equal index key come by primary key, in the same direction. */
  readonly reverse?: boolean
  /**
   * Rows for which it is false are passed over; it must not touch storage. Asked once for each row; where a lost connection has the
   * read begin again, anew for all of them.
   */
  readonly filter?: (row: Row) => boolean
  /** At most so many rows that pass the filter. */
  readonly limit?: number
}

export interface RowWrites {
  readonly expected: Checkpoint | undefined
  readonly checkpoint: Checkpoint
  readonly puts: readonly Row[]
  readonly removes: readonly Key[]
}

/** Where the rows of a read store lie: in the object store `rows` of this IndexedDB database, under the schema's key, with its indexes. */
export interface IndexedDbPlace {
  readonly database: string
  readonly indexedDB: IDBFactory
  readonly IDBKeyRange: typeof IDBKeyRange
}

/**
 * The rows of one Read Model, version and generation. Every read gives the checkpoint of its own transaction: where it
 * is not the one that the reader's overlay starts from, the reader must catch up.
 */
export interface ReadStore {
  checkpoint(): Promise<Checkpoint | undefined>
  load(keys: readonly Key[]): Promise<{ checkpoint: Checkpoint | undefined; rows: readonly (Row | undefined)[] }>
  /** A row whose indexed field is null, undefined, boolean or otherwise no key is not in that index. */
  scan(scan: Scan): Promise<{ checkpoint: Checkpoint | undefined; rows: readonly Row[] }>
  /** As `scan`, counting only; `limit` is ignored. With a filter, how many rows it let pass in the read that held. */
  count(scan: Scan): Promise<{ checkpoint: Checkpoint | undefined; count: number }>
  /**
   * Rows and checkpoint in one transaction.
   *
   * @param isBusy as long as it says so, others wait for this storage: it is to make way, if it can
   * @returns `stale` where the stored checkpoint is not the expected one: nothing was written
   */
  save(write: RowWrites, isBusy?: () => boolean): Promise<'saved' | 'stale'>
  /** For those who read the rows by other means; absent where the storage is not IndexedDB. */
  readonly place?: IndexedDbPlace
  /** Called once if the handle dies without `close()`. */
  onClosed: ((reason: string) => void) | undefined
  close(): void
}
