/**
 * One handle's connection to one database. Where the browser loses it, it is dropped and opened again, and what is safe to
 * repeat is repeated:
 *
 * - reads, always;
 * - writes, only where their transaction could not even be made. One that died without an answer is *in doubt* (it may have
 *   committed): it rejects with `storage-failed` and `details.inDoubt`.
 *
 * A handle never moves to another database of the same name: where its own was deleted, it ends.
 *
 *     open ── lost ──▶ opening again (0, 100, 1000 ms) ──▶ open
 *      │                     │ gone, replaced, newer, three times in vain
 *      └─ close(), deleted ──┴──▶ ended: every call rejects with `closed`
 */
import { OutpostError } from '../../errors.ts'
import type { Durability } from '../storage.ts'
import type { Database } from './open-database.ts'
import { isConnectionLoss, nameOf, translateError } from './translate-error.ts'

/** Before each new attempt after a loss. The first loss is mostly a stale handle, which opens at once. */
const RETRY_DELAYS_MS = [0, 100, 1000]

/** Aborts for these reasons are IndexedDB's word that nothing was written. */
const DEFINITE = new Set(['ConstraintError', 'QuotaExceededError', 'DataError', 'DataCloneError'])

/** Object stores of a transaction, by name. */
export type Stores = (name: string) => IDBObjectStore

export class Connection {
  readonly #name: string
  readonly #open: (mode: 'create' | 'existing') => Promise<Database>
  #database: Database | undefined
  #opening: Promise<Database> | undefined
  #incarnation: string | undefined
  #ended: string | undefined
  /** Called once if the connection ends without `close()`. */
  onEnded: ((reason: string) => void) | undefined

  constructor(name: string, open: (mode: 'create' | 'existing') => Promise<Database>) {
    this.#name = name
    this.#open = open
  }

  /** Opens for the first time, making the database where there is none. */
  async open(): Promise<void> {
    await this.#connected()
  }

  /** Gives what `body` came to. It may run again, on a new connection. */
  read<T>(stores: string[], body: (store: Stores) => Promise<T>): Promise<T> {
    return this.#run('Reading', (database) => database.transaction(stores), body)
  }

  /**
   * Gives what `body` came to, once the transaction is complete. What `body` throws aborts it and is passed on.
   *
   * It spans all stores, so that no two of a database are under way at once. Chromium over LevelDB notes their locks without
   * saying that both share the database's: found by the next start of a browser that was killed just then, two such notes count
   * as corruption, and it deletes every database of the origin (LevelDBScopes::Initialize, "Invalid locks on disk").
   *
   * @param only the one store it writes to, where any other write spans that one, too: begins sooner
   */
  write<T>(body: (store: Stores) => T | Promise<T>, durability: Durability = 'relaxed', only?: string): Promise<T> {
    return this.#run(
      'Writing',
      (database) => database.transaction(only ?? [...database.objectStoreNames], 'readwrite', { durability }),
      body,
    )
  }

  close(): void {
    this.onEnded = undefined
    this.#end('it was closed')
  }

  async #run<T>(doing: string, begin: (database: IDBDatabase) => IDBTransaction, body: (store: Stores) => T | Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      const database = this.#database ?? (await this.#connected())
      let transaction: IDBTransaction | undefined
      try {
        transaction = begin(database.native)
        return await perform(transaction, body)
      } catch (error) {
        if (!(error instanceof DOMException)) throw error
        const lost = isConnectionLoss(error)
        if (lost) this.#drop(database)
        // Of a write, only a failure to begin is certain to have done nothing.
        const repeatable = transaction?.mode !== 'readwrite'
        const inDoubt = !repeatable && !DEFINITE.has(nameOf(error))
        const delayMs = lost && repeatable ? RETRY_DELAYS_MS[failures] : undefined
        if (delayMs === undefined) {
          throw translateError(error, `${doing} "${this.#name}"`, { database: this.#name, ...(inDoubt && { inDoubt }) })
        }
        await delay(delayMs)
      }
    }
  }

  async #connected(): Promise<Database> {
    this.#refuseWhenEnded()
    this.#opening ??= this.#connect().finally(() => (this.#opening = undefined))
    const database = await this.#opening
    this.#refuseWhenEnded()
    return database
  }

  async #connect(): Promise<Database> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#adopt(await this.#open(this.#incarnation === undefined ? 'create' : 'existing'))
      } catch (error) {
        this.#refuseWhenEnded()
        const lost = isConnectionLoss(error)
        const delayMs = lost ? RETRY_DELAYS_MS[failures] : undefined
        if (delayMs === undefined) {
          const translated = translateError(error, `Opening "${this.#name}"`, { database: this.#name })
          // A full disk or a slow answer passes; the rest does not.
          if (lost || translated.code === 'closed' || translated.code === 'storage-newer') this.#end(translated.message)
          throw translated
        }
        await delay(delayMs)
      }
    }
  }

  async #adopt(database: Database): Promise<Database> {
    // Before anything is awaited: it may come while the incarnation is read.
    database.native.addEventListener('versionchange', ({ newVersion }) => {
      this.#end(newVersion === null ? `"${this.#name}" was deleted` : `a newer build upgrades "${this.#name}"`)
    })
    try {
      const incarnation = await database.incarnation()
      this.#refuseWhenEnded()
      this.#incarnation ??= incarnation
      if (incarnation !== this.#incarnation) {
        throw new OutpostError('closed', `The data of "${this.#name}" was made anew. Connect again.`, { database: this.#name })
      }
    } catch (error) {
      database.native.close()
      throw error
    }
    // The browser closed it by itself: site data cleared, or an I/O error. Opening again tells which.
    database.native.addEventListener('close', () => {
      this.#drop(database)
      this.#connected().catch(() => {
        // Told by onEnded, or by the next call.
      })
    })
    this.#database = database
    return database
  }

  #drop(database: Database): void {
    if (this.#database === database) this.#database = undefined
    database.native.close()
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    if (this.#database) this.#drop(this.#database)
    this.onEnded?.(reason)
  }

  #refuseWhenEnded(): void {
    if (this.#ended === undefined) return
    throw new OutpostError('closed', `"${this.#name}" is closed (${this.#ended}). Connect again.`, { database: this.#name })
  }
}

/**
 * Runs `body` and commits. A read is answered by its last result, without waiting for the end of the transaction; a write
 * only on `complete`, because a request's success is no commit: a full disk aborts after it.
 */
function perform<T>(transaction: IDBTransaction, body: (store: Stores) => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let value: T
    let thrown: unknown
    const settle = (outcome: T) => {
      value = outcome
      if (transaction.mode === 'readonly') resolve(outcome)
      transaction.commit()
    }
    const fail = (error: unknown) => {
      thrown = error
      try {
        transaction.abort()
      } catch {
        // Finished already, and so is what its end tells.
      }
    }
    transaction.oncomplete = () => resolve(value)
    transaction.onabort = () => reject(transaction.error ?? thrown ?? new DOMException('The transaction was aborted', 'AbortError'))
    try {
      const outcome = body((name) => transaction.objectStore(name))
      if (outcome instanceof Promise) outcome.then(settle).catch(fail)
      else settle(outcome)
    } catch (error) {
      fail(error)
    }
  })
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
