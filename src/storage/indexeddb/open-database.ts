/** Opens and deletes databases, within a time. */
import { newerBuild, OutpostError } from '../../errors.ts'
import { resultOf } from './request.ts'
import { type DatabaseSchema, INCARNATION, indexName, SAVED_VERSION, savedSchema, SCHEMA_VERSION } from './schema.ts'
import { nameOf } from './translate-error.ts'

export interface IndexedDbEnvironment {
  readonly indexedDB: IDBFactory
  readonly IDBKeyRange: typeof IDBKeyRange
  /** How long opening or deleting may stay without an answer. */
  readonly openTimeoutMs: number
}

export interface Database {
  readonly native: IDBDatabase
  /**
   * Random, made with the database: tells it from another of the same name, made after this one was deleted. Not read yet, so
   * that `native` is listened to in the turn that opened it: a `versionchange` that nobody hears blocks its sender for ever.
   */
  readonly incarnation: () => string | Promise<string>
}

/**
 * @param mode `existing` never makes a database: where it is gone, the call rejects with `closed` and leaves nothing behind
 * @throws `storage-newer` a newer build made it; `storage-failed` no answer in time
 */
export async function openDatabase(
  { indexedDB, openTimeoutMs }: IndexedDbEnvironment,
  name: string,
  schema: DatabaseSchema,
  mode: 'create' | 'existing',
): Promise<Database> {
  const isSaved = schema === savedSchema
  const request = indexedDB.open(name, isSaved ? SAVED_VERSION : SCHEMA_VERSION)
  let made: string | undefined
  let gone = false
  let blocked = false
  request.onblocked = () => (blocked = true)
  request.onupgradeneeded = () => {
    const transaction = request.transaction as IDBTransaction
    if (mode === 'existing') {
      gone = true
      transaction.abort()
      return
    }
    // Of an older layout, which only what comes of a log ever had. Nothing else is ever deleted to be made anew.
    if (isSaved) for (const old of [...request.result.objectStoreNames]) request.result.deleteObjectStore(old)
    makeStores(request.result, schema)
    made = crypto.randomUUID()
    transaction.objectStore('system').add(made, INCARNATION)
  }
  const opening = resultOf(request)
  let native: IDBDatabase
  try {
    native = await withinMs(opening, openTimeoutMs, () => {
      // It may still open later: a forgotten connection would block every deletion and upgrade.
      opening.then((late) => late.close()).catch(() => undefined)
      return blocked
        ? `Opening "${name}" waits for another tab. Close the other tabs.`
        : `Opening "${name}" got no answer in ${openTimeoutMs} ms. Reload the page.`
    })
  } catch (error) {
    if (gone) throw new OutpostError('closed', `The data of "${name}" was deleted. Connect again.`, { database: name })
    if (nameOf(error) !== 'VersionError') throw error
    throw newerBuild(`"${name}"`, { database: name })
  }
  return { native, incarnation: () => made ?? resultOf(native.transaction('system').objectStore('system').get(INCARNATION)) }
}

function makeStores(database: IDBDatabase, schema: DatabaseSchema): void {
  for (const [name, { keyPath = null, indexes = [] }] of Object.entries(schema)) {
    const store = database.createObjectStore(name, { keyPath })
    for (const fields of new Map(indexes.map((each) => [indexName(each), each])).values())
      store.createIndex(indexName(fields), fields.length === 1 ? (fields[0] as string) : [...fields])
  }
}

/** @throws `storage-failed` other connections did not close in time; the deletion happens as soon as they do */
export async function deleteDatabase({ indexedDB, openTimeoutMs }: IndexedDbEnvironment, name: string): Promise<void> {
  await withinMs(
    resultOf(indexedDB.deleteDatabase(name)),
    openTimeoutMs,
    () => `Deleting "${name}" waits for another tab. Close the other tabs.`,
  )
}

async function withinMs<T>(work: Promise<T>, limitMs: number, explain: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutpostError('storage-failed', explain())), limitMs)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
