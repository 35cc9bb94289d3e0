/**
 * Tasks in IndexedDB, written by hand and with care: what is asked for while a transaction runs goes into the next one
 * together, `commit()` is not left to the browser, and durability is relaxed, as it is in Outpost. With `events` each change
 * is kept as an Event as well, in the same transaction.
 */
import { destroyed } from '../subject.ts'
import type { Task } from '../task.ts'
import { ended, openDatabase, removeDatabase, resultOf } from './idb.ts'

interface Row extends Task {
  /** How often it was written. */
  readonly version: number
}

interface Write {
  readonly id: string
  readonly type: 'added' | 'marked'
  readonly data: object
  readonly settle: () => void
  readonly fail: (error: unknown) => void
}

const portion = 1000

export interface TaskStoreOptions {
  /** Of the database. */
  readonly name: string
  readonly events: boolean
  /** Told the whole list, for each one watched. */
  readonly changed: (list: string, tasks: readonly Task[]) => void
}

export class TaskStore {
  readonly #name: string
  readonly #stores: readonly string[]
  readonly #withEvents: boolean
  readonly #changed: (list: string, tasks: readonly Task[]) => void
  readonly #watched = new Set<string>()
  #opening: Promise<IDBDatabase> | undefined
  #waiting: Write[] = []
  #isWriting = false
  #isDestroyed = false

  constructor({ name, events, changed }: TaskStoreOptions) {
    this.#name = name
    this.#withEvents = events
    this.#stores = events ? ['events', 'tasks'] : ['tasks']
    this.#changed = changed
  }

  open(): void {
    if (this.#isDestroyed) throw destroyed()
    this.#opening = openDatabase(this.#name, (database) => {
      database.createObjectStore('tasks', { keyPath: 'id' }).createIndex('list', ['list', 'createdAt'])
      if (this.#withEvents) database.createObjectStore('events', { keyPath: ['stream', 'version'] })
    })
  }

  add({ id, ...data }: Task): Promise<void> {
    return this.#write(id, 'added', data)
  }

  setDone(id: string, done: boolean): Promise<void> {
    return this.#write(id, 'marked', { done })
  }

  async addMany(tasks: readonly Task[]): Promise<void> {
    for (let from = 0; from < tasks.length; from += portion)
      await Promise.all(tasks.slice(from, from + portion).map((task) => this.add(task)))
  }

  async count(): Promise<number> {
    return resultOf((await this.#database()).transaction('tasks').objectStore('tasks').count())
  }

  async list(list: string, limit?: number): Promise<readonly Task[]> {
    const index = (await this.#database()).transaction('tasks').objectStore('tasks').index('list')
    return resultOf<Row[]>(index.getAll(IDBKeyRange.bound([list], [list, []]), limit))
  }

  watch(list: string): void {
    this.#watched.add(list)
    this.#tell([list])
  }

  async close(): Promise<void> {
    const opening = this.#database()
    this.#opening = undefined
    this.#watched.clear()
    ;(await opening).close()
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true
    if (this.#opening) await this.close()
    await removeDatabase(this.#name)
  }

  #database(): Promise<IDBDatabase> {
    if (!this.#opening) throw new Error('The store is not open.')
    return this.#opening
  }

  #write(id: string, type: Write['type'], data: object): Promise<void> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ id, type, data, settle, fail })
      if (this.#isWriting) return
      this.#isWriting = true
      void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    try {
      const database = await this.#database()
      while (this.#waiting.length > 0) {
        const writes = this.#waiting.splice(0)
        try {
          const touched = await this.#commit(database, writes)
          for (const { settle } of writes) settle()
          this.#tell([...touched].filter((list) => this.#watched.has(list)))
        } catch (error) {
          for (const { fail } of writes) fail(error)
        }
      }
    } catch (error) {
      // It could not be opened, or is closed.
      for (const { fail } of this.#waiting.splice(0)) fail(error)
    }
    this.#isWriting = false
  }

  /** @returns the lists that the writes touched */
  async #commit(database: IDBDatabase, writes: readonly Write[]): Promise<ReadonlySet<string>> {
    const transaction = database.transaction(this.#stores, 'readwrite', { durability: 'relaxed' })
    const end = ended(transaction)
    const tasks = transaction.objectStore('tasks')
    const rows = new Map<string, Row>()
    const apply = (): void => {
      for (const { id, type, data } of writes) {
        const version = (rows.get(id)?.version ?? 0) + 1
        rows.set(id, { ...(rows.get(id) as Row), ...data, id, version })
        if (this.#withEvents) transaction.objectStore('events').add({ stream: id, version, type, data, at: Date.now() })
      }
      for (const row of rows.values()) tasks.put(row)
      transaction.commit()
    }
    const needed = new Set(writes.filter(({ type }) => type === 'marked').map(({ id }) => id))
    let left = needed.size
    if (left === 0) apply()
    for (const id of needed) {
      const request: IDBRequest<Row> = tasks.get(id)
      request.onsuccess = () => {
        rows.set(id, request.result)
        if (--left === 0) apply()
      }
    }
    await end
    return new Set(Array.from(rows.values(), ({ list }) => list))
  }

  #tell(touched: readonly string[]): void {
    for (const list of touched) {
      this.list(list).then(
        (tasks) => this.#changed(list, tasks),
        (error: unknown) => {
          // Once it is closed, nobody is there to be told.
          if (this.#opening) throw error
        },
      )
    }
  }
}
