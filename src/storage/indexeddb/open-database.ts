/** Opens a database through Dexie, which declares the schema and knows the browsers' bugs at opening. */
import { Dexie } from 'dexie'
import { OutpostError } from '../../errors.ts'
import { resultOf } from './request.ts'
import { INCARNATION, SCHEMA_VERSION } from './schema.ts'

export interface IndexedDbEnvironment {
  readonly indexedDB: IDBFactory
  readonly IDBKeyRange: typeof IDBKeyRange
  /** How long opening or deleting may stay without an answer. */
  readonly openTimeoutMs: number
}

export interface Database {
  /** The native connection. */
  readonly native: IDBDatabase
  /** Random, made with the database: tells it from another of the same name, made after this one was deleted. */
  readonly incarnation: string
  close(): void
}

/**
 * @param stores in Dexie's notation
 * @param mode `existing` never makes a database: where it is gone, the call rejects with `closed` and leaves nothing behind
 * @throws `storage-newer` a newer build made it; `storage-failed` no answer in time
 */
export async function openDatabase(
  environment: IndexedDbEnvironment,
  name: string,
  stores: Record<string, string>,
  mode: 'create' | 'existing',
): Promise<Database> {
  const { indexedDB, IDBKeyRange, openTimeoutMs } = environment
  const dexie = new Dexie(name, { autoOpen: false, cache: 'disabled', addons: [], indexedDB, IDBKeyRange })
  dexie.version(SCHEMA_VERSION).stores(stores)

  let made: string | undefined
  let gone = false
  let blocked = false
  dexie.on('populate', ({ idbtrans }) => {
    if (mode === 'existing') {
      gone = true
      idbtrans.abort()
      return
    }
    made = crypto.getRandomValues(new Uint32Array(4)).join('-')
    idbtrans.objectStore('system').add(made, INCARNATION)
  })
  // False stops Dexie's own answers to these, which warn on the console and reopen by themselves.
  dexie.on('blocked', () => {
    blocked = true
    return false
  })
  dexie.on('versionchange', () => false)

  const opening = Promise.resolve(dexie.open())
  try {
    await withinMs(opening, openTimeoutMs, () => {
      // It may still open later: a forgotten connection would block every deletion and upgrade.
      opening.then(
        () => dexie.close(),
        () => {},
      )
      return blocked
        ? `Opening "${name}" waits for another tab that holds an older version open: close or reload the other tabs.`
        : `Opening "${name}" got no answer from IndexedDB in ${openTimeoutMs} ms: reload; if it stays, restart the browser.`
    })
  } catch (error) {
    if (gone) throw new OutpostError('closed', `The data of "${name}" was deleted: connect again.`, { database: name })
    throw error
  }

  const native = dexie.backendDB()
  try {
    // Dexie opens what is newer than its schema without a word.
    if (Math.floor(native.version / 10) > SCHEMA_VERSION) {
      throw new OutpostError('storage-newer', `"${name}" was made by a newer build. Nothing was changed: load the newer app.`, {
        database: name,
      })
    }
    const incarnation = made ?? (await resultOf(native.transaction('system').objectStore('system').get(INCARNATION)))
    return { native, incarnation, close: () => dexie.close() }
  } catch (error) {
    dexie.close()
    throw error
  }
}

/** @throws `storage-failed` other connections did not close in time; the deletion happens as soon as they do */
export async function deleteDatabase({ indexedDB, IDBKeyRange, openTimeoutMs }: IndexedDbEnvironment, name: string): Promise<void> {
  const dexie = new Dexie(name, { autoOpen: false, addons: [], indexedDB, IDBKeyRange })
  dexie.on('blocked', () => false)
  await withinMs(
    Promise.resolve(dexie.delete()),
    openTimeoutMs,
    () => `Deleting "${name}" waits for another tab that holds it open and does not answer: close the other tabs.`,
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
