import { Dexie } from 'dexie'
import { OutpostError } from '../../errors.ts'
import type { LogStorage, ReadStoreSchema, Storage } from '../storage.ts'
import { Connection } from './connection.ts'
import { createEventStore } from './event-store.ts'
import { createMetaStore } from './meta-store.ts'
import { deleteDatabase, type IndexedDbEnvironment, openDatabase } from './open-database.ts'
import { createPersistenceStore } from './persistence-store.ts'
import { createReadStore } from './read-store.ts'
import { indexName, logStores, readStores } from './schema.ts'
import { createSegmentStore } from './segment-store.ts'
import { translateError } from './translate-error.ts'

export interface IndexedDbOptions {
  /** Instead of the browser's own. */
  readonly indexedDB?: IDBFactory
  readonly IDBKeyRange?: typeof IDBKeyRange
  /** How long opening or deleting a database may stay without an answer; 10,000 ms unless told. */
  readonly openTimeoutMs?: number
}

/**
 * The {@link Storage} on IndexedDB. Every log and every read store is a database of its own, because engines over SQLite let
 * one transaction at a time write to a database, whatever its scope.
 *
 * @throws `unsupported` there is no IndexedDB
 */
export function createIndexedDbStorage(options: IndexedDbOptions = {}): Storage {
  const environment = environmentOf(options)
  const ranges = environment.IDBKeyRange

  const connect = (name: string, stores: Record<string, string>) =>
    new Connection(name, (mode) => openDatabase(environment, name, stores, mode))

  return {
    async openLog(name) {
      const connection = connect(name, logStores)
      await connection.open()
      const log: LogStorage = {
        events: createEventStore(connection, ranges),
        states: createPersistenceStore(connection, ranges),
        segments: createSegmentStore(connection, ranges),
        meta: createMetaStore(connection, ranges),
        onClosed: undefined,
        close: () => connection.close(),
      }
      connection.onEnded = (reason) => log.onClosed?.(reason)
      return log
    },

    async openReadStore(name, schema) {
      const connection = connect(name, readStores(schema))
      await connection.open()
      const fits = await connection.read(['rows'], 'Checking the schema of', async (transaction) =>
        hasSchema(transaction.objectStore('rows'), schema),
      )
      if (!fits) {
        connection.close()
        throw new OutpostError('storage-failed', `"${name}" was made with another key or other indexes: give the new schema a new name.`, {
          database: name,
        })
      }
      return createReadStore(connection, schema, ranges)
    },

    async list(prefix) {
      try {
        // Firefox before 126 has no `databases`; there Dexie keeps a list of its own.
        const names =
          'databases' in environment.indexedDB
            ? (await environment.indexedDB.databases()).map(({ name }) => name ?? '')
            : await Dexie.getDatabaseNames()
        return names.filter((name) => name.startsWith(prefix))
      } catch (error) {
        throw translateError(error, 'Listing the databases')
      }
    },

    async destroy(name) {
      try {
        await deleteDatabase(environment, name)
      } catch (error) {
        throw translateError(error, `Deleting "${name}"`, { database: name })
      }
    },
  }
}

function environmentOf(options: IndexedDbOptions): IndexedDbEnvironment {
  const { indexedDB = globalThis.indexedDB, IDBKeyRange = globalThis.IDBKeyRange, openTimeoutMs = 10_000 } = options
  if (!indexedDB) {
    throw new OutpostError('unsupported', 'There is no IndexedDB here: run in a browser, or use the memory storage.', {
      missing: 'indexedDB',
    })
  }
  return { indexedDB, IDBKeyRange, openTimeoutMs }
}

/** Dexie adds indexes that an existing database lacks, but takes any primary key for right. */
const hasSchema = (rows: IDBObjectStore, { key, indexes }: ReadStoreSchema): boolean =>
  rows.keyPath === key && indexes.every((fields) => rows.indexNames.contains(indexName(fields)))
