/** The {@link Storage} on PostgreSQL, for servers: many logs and read stores in one database, one place for each space. */
import { OutpostError } from '../../errors.ts'
import type { LogStorage, ReadStoreSchema, Storage } from '../storage.ts'
import { attempt } from './attempt.ts'
import { Bell } from './bell.ts'
import { createEventStore } from './event-store.ts'
import { Handle } from './handle.ts'
import { createMetaStore } from './meta-store.ts'
import { migrate } from './migrate.ts'
import { createPersistenceStore } from './persistence-store.ts'
import { createReadStore } from './read-store.ts'
import { createSegmentStore } from './segment-store.ts'
import type { SqlDatabase } from './sql-database.ts'
import { translateFault } from './translate-fault.ts'

export interface PostgresStorage extends Storage {
  /**
   * Calls back after a log has grown, by this process or another; also where it may have: soon after the beginning, and after the
   * connection that hears of it was lost and made again. Several appends may come as one call.
   * @returns ends it
   */
  onRecorded(name: string, callback: () => void): () => void
  /** Ends all handles and, when all that was asked before is answered, the connections. Works twice. */
  close(): Promise<void>
}

export interface PostgresOptions {
  /** How often all that is open or watched is looked at, in case that a notification was lost; 15,000 ms unless told. */
  readonly lookMs?: number
}

/** A space's name stands in every index: PostgreSQL takes at most about 2,700 bytes an entry, keys included. */
const MAX_NAME_BYTES = 500

const open = { name: 'outpost-open', text: 'SELECT kind, shape, incarnation::text FROM outpost.open($1, $2, $3, $4)' }
const list = { name: 'outpost-list', text: 'SELECT space FROM outpost.heads WHERE space ^@ $1' }
const destroy = { name: 'outpost-destroy', text: 'SELECT outpost.destroy($1)' }

/**
 * Makes or migrates the tables, and listens. Closing the storage closes the database; so does a failure to open it.
 *
 * @throws `storage-newer` a newer build made the tables; `unsupported` the server is too old or keeps no UTF-8; `storage-failed`
 */
export async function createPostgresStorage(database: SqlDatabase, { lookMs = 15_000 }: PostgresOptions = {}): Promise<PostgresStorage> {
  const bell = new Bell(database, lookMs)
  try {
    await attempt(() => migrate(database), { repeatable: true })
    await bell.start()
  } catch (error) {
    await database.close()
    throw translateFault(error, `Opening ${database.place}`)
  }
  let closing: Promise<void> | undefined

  /** For what is the same if done twice. */
  const ask = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    if (closing) throw new OutpostError('closed', `${database.place} is closed: open it again.`)
    try {
      return await attempt(work, { repeatable: true })
    } catch (error) {
      throw translateFault(error, doing)
    }
  }

  const handleOn = (name: string, kind: 'log' | 'rows', shape: string | null): Promise<Handle> =>
    ask(`Opening "${name}"`, async () => {
      checkName(name)
      const [found] = await database.run(open, [name, kind, shape, crypto.randomUUID()])
      if (found?.['kind'] !== kind) {
        const other = kind === 'log' ? 'a read store' : 'a log'
        throw new OutpostError('storage-failed', `"${name}" is ${other} already: give the new one a name of its own.`, { database: name })
      }
      if (found['shape'] !== shape) {
        const message = `"${name}" was made with another key or other indexes: give the new schema a new name.`
        throw new OutpostError('storage-failed', message, { database: name })
      }
      const handle = new Handle(database, name, found['incarnation'] as string, () => bell.remove(handle))
      bell.add(handle)
      return handle
    })

  return {
    async openLog(name) {
      const handle = await handleOn(name, 'log', null)
      const log: LogStorage = {
        events: createEventStore(handle, (record) => bell.send(name, record)),
        states: createPersistenceStore(handle),
        segments: createSegmentStore(handle),
        meta: createMetaStore(handle),
        onClosed: undefined,
        close: () => handle.close(),
      }
      handle.onEnded = (reason) => log.onClosed?.(reason)
      return log
    },

    openReadStore: async (name, schema) => createReadStore(await handleOn(name, 'rows', shapeOf(schema)), schema),

    list: (prefix) =>
      ask('Listing the logs and read stores', async () =>
        isText(prefix) ? (await database.run(list, [prefix])).map(({ space }) => space as string) : [],
      ),

    destroy: (name) =>
      ask(`Deleting "${name}"`, async () => {
        if (!isText(name)) return
        await database.run(destroy, [name])
        bell.send(name, 'gone')
      }),

    onRecorded: (name, callback) => bell.onRecorded(name, callback),

    close: () => (closing ??= bell.close().then(() => database.close())),
  }
}

const shapeOf = ({ key, indexes }: ReadStoreSchema): string => JSON.stringify({ key, indexes })

/** What PostgreSQL's text can hold. */
const isText = (text: string): boolean => !/[\0]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)

function checkName(name: string): void {
  const why = isText(name)
    ? new TextEncoder().encode(name).length > MAX_NAME_BYTES && `it has more than ${MAX_NAME_BYTES} bytes`
    : 'it is no well-formed text'
  if (why) throw new OutpostError('unsupported', `${JSON.stringify(name)} cannot name a log or read store: ${why}.`, { database: name })
}
