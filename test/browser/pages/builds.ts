/** The page of rebuild and two-builds: connects with the build that it is told, and reaches under it into IndexedDB. */
import type { Build } from './builds.worker.ts'
import { control, expose } from './control.ts'
import { askCount } from './counts.ts'

let workerName = ''
let recordsHeld = 0
const remote = control((build) => {
  workerName = `${build}/${recordsHeld || ''}/${crypto.randomUUID()}`
  return new Worker(new URL('./builds.worker.ts', import.meta.url), { type: 'module', name: workerName })
})

const api = {
  ...remote,
  /** @param records of a log of so many, those of the second half are never handed out, so what reads them all stands still */
  start(build: Build, records = 0): void {
    recordsHeld = records
    remote.connect({ space: 'main', actor: 'ann' }, build)
  },
  /** How many Events the handlers of the worker at hand were called with. */
  calls: () => askCount(workerName),

  /** Sets what the log says of its own format. */
  async setFormat(database: string, format: number): Promise<void> {
    const open = await settled(indexedDB.open(database))
    const store = open.transaction('meta', 'readwrite').objectStore('meta')
    const meta = (await settled(store.get('log'))) as object
    await settled(store.put({ ...meta, format }, 'log'))
    open.close()
  },
  /** Upgrades the database to what a later build might make of it. */
  async upgrade(database: string): Promise<void> {
    const { version } = (await indexedDB.databases()).find(({ name }) => name === database) ?? {}
    const request = indexedDB.open(database, (version ?? 0) + 10)
    request.onupgradeneeded = () => request.result.createObjectStore('later')
    const open = await settled(request)
    open.close()
  },
  /** How many entries the store of the database has. */
  async count(database: string, store: string): Promise<number> {
    const open = await settled(indexedDB.open(database))
    const entries = await settled(open.transaction(store).objectStore(store).count())
    open.close()
    return entries
  },
  /** Everything in it, as JSON. */
  async dump(database: string): Promise<string> {
    const open = await settled(indexedDB.open(database))
    const stores: Record<string, unknown> = {}
    for (const name of open.objectStoreNames) {
      const store = open.transaction(name).objectStore(name)
      const [keys, values] = await Promise.all([settled(store.getAllKeys()), settled(store.getAll())])
      stores[name] = { keys, values: values.map((value: unknown) => (value instanceof Uint8Array ? [...value] : value)) }
    }
    const { version } = open
    open.close()
    return JSON.stringify({ version, stores })
  },
}

export type BuildsPage = typeof api
expose(api)

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error as DOMException)
    if (request instanceof IDBOpenDBRequest) request.onblocked = () => reject(new Error('Another connection keeps the database open.'))
  })
}
