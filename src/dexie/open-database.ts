/** Opens a read store with Dexie, for reading alone. */
import { Dexie, type Middleware, type DBCore } from 'dexie'
import { messageOf, OutpostError } from '../errors.ts'
import type { StoredRows } from '../read/stored-rows.ts'

/** @throws `storage-failed` */
export async function openDatabase({ database: name, closed, ...environment }: StoredRows): Promise<Dexie> {
  // Without a declared schema Dexie takes the one that it finds, and never makes a database.
  const database = new Dexie(name, { ...environment, cache: 'disabled' })
  const close = (): void => database.close()
  database.use(readOnly)
  database.delete = () => Dexie.Promise.reject(refusal())
  database.on('versionchange', () => {
    close()
    // Else Dexie writes a warning of its own to the console.
    return false
  })
  try {
    await database.open()
  } catch (error) {
    throw new OutpostError(
      'storage-failed',
      `Opening "${name}" with Dexie failed (${messageOf(error)}). Ask again.`,
      { database: name },
      error,
    )
  }
  if (closed.aborted) close()
  else closed.addEventListener('abort', close, { once: true })
  return database
}

/** Whatever Dexie writes, it writes in a transaction that says so. */
const readOnly: Middleware<DBCore> = {
  stack: 'dbcore',
  name: 'read-only',
  create: (core) => ({
    ...core,
    transaction(stores, mode, options) {
      if (mode === 'readwrite') throw refusal()
      return core.transaction(stores, mode, options)
    },
  }),
}

const refusal = (): OutpostError =>
  new OutpostError('unsupported', 'Rows of a Read Model are made by Events only: give a Command, or change the Read Model’s handlers.')
