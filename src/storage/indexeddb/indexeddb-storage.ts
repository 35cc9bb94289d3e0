// In this order because gzip finds more in it (`npm run size`).
import { OutpostError } from '../../errors.ts'
import type { LogStorage, ReadStoreSchema, Storage } from '../storage.ts'
import { Connection } from './connection.ts'
import { deleteDatabase, type IndexedDbEnvironment, openDatabase } from './open-database.ts'
import { createEventStore } from './event-store.ts'
import { createSegmentStore } from './segment-store.ts'
import { createReadStore } from './read-store.ts'
import { type DatabaseSchema, indexName, logSchema, readSchema, SAVED, savedName, savedSchema } from './schema.ts'
import { createPersistenceStore } from './persistence-store.ts'
import { createMetaStore } from './meta-store.ts'
import { translateError } from './translate-error.ts'

export interface IndexedDbOptions {
  /** Instead of the browser's own. */
  readonly indexedDB?: IDBFactory
  readonly IDBKeyRange?: typeof IDBKeyRange
  /** How long opening or deleting a database may stay without an answer; 10,000 ms unless told. */
  readonly openTimeoutMs?: number
}

/**
 * The {@link Storage} on IndexedDB. Every log, what is saved of it, and every read store is a database of its own, because one
 * transaction at a time may write to a database: engines over SQLite see to that, and over LevelDB `Connection` must.
 *
 * @throws `unsupported` there is no IndexedDB
 */
export function createIndexedDbStorage(options: IndexedDbOptions = {}): Storage {
  const environment = environmentOf(options)
  const ranges = environment.IDBKeyRange

  const connect = async (name: string, schema: DatabaseSchema): Promise<Connection> => {
    const connection = new Connection(name, (mode) => openDatabase(environment, name, schema, mode))
    await connection.open()
    return connection
  }

  return {
    async openLog(name) {
      const opening = [connect(name, logSchema), connect(savedName(name), savedSchema)] as const
      let connections: readonly [Connection, Connection]
      try {
        connections = await Promise.all(opening)
      } catch (error) {
        for (const each of opening) each.then((opened) => opened.close()).catch(() => undefined)
        throw error
      }
      const [records, saved] = connections
      const close = () => connections.forEach((each) => each.close())
      const log: LogStorage = {
        events: createEventStore(records, ranges),
        meta: createMetaStore(records, ranges),
        states: createPersistenceStore(saved, ranges),
        segments: createSegmentStore(saved, ranges),
        onClosed: undefined,
        close,
      }
      for (const each of connections)
        each.onEnded = (reason) => {
          close()
          log.onClosed?.(reason)
        }
      return log
    },

    async openReadStore(name, schema) {
      const connection = await connect(name, readSchema(schema))
      const fits = await connection.read(['rows'], async (store) => hasSchema(store('rows'), schema))
      if (!fits) {
        connection.close()
        throw new OutpostError('storage-failed', `"${name}" has another key or other indexes: give the new schema a new name.`, {
          database: name,
        })
      }
      return createReadStore(connection, schema, { database: name, indexedDB: environment.indexedDB, IDBKeyRange: ranges })
    },

    async list(prefix) {
      try {
        const names = (await environment.indexedDB.databases()).map((database) => database.name ?? '')
        // What is left of a log that was deleted by halves still counts as that log, so that it can be deleted.
        const logs = names.map((name) => (name.endsWith(SAVED) ? name.slice(0, -SAVED.length) : name))
        return [...new Set(logs)].filter((name) => name.startsWith(prefix))
      } catch (error) {
        throw translateError(error, 'Listing the databases')
      }
    },

    async destroy(name) {
      try {
        // In this order, so that half a deletion leaves a log that is whole.
        await deleteDatabase(environment, savedName(name))
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
    throw new OutpostError('unsupported', 'There is no IndexedDB here: run in a browser.', {
      missing: 'indexedDB',
    })
  }
  return { indexedDB, IDBKeyRange, openTimeoutMs }
}

const hasSchema = (rows: IDBObjectStore, { key, indexes }: ReadStoreSchema): boolean =>
  rows.keyPath === key && indexes.every((fields) => rows.indexNames.contains(indexName(fields)))
