/** fake-indexeddb with the faults of real browsers, made where WebKit, Chromium and Firefox were seen to have them. */
import { forceCloseDatabase, IDBFactory as FakeFactory, IDBKeyRange } from 'fake-indexeddb'

/** How the imitation ends a transaction by itself. */
type Abortable = IDBTransaction & { _abort(errorName: string): void; error: DOMException | null }

type Begin = (begin: () => IDBTransaction) => IDBTransaction

/** The connection is gone, and only using it tells. */
export const connectionClosing: Begin = () => {
  throw new DOMException('The database connection is closing.', 'InvalidStateError')
}

/** Requests are placed, then the transaction is aborted: nothing is written. */
export const dies =
  (errorName: string): Begin =>
  (begin) => {
    const transaction = begin() as Abortable
    queueMicrotask(() => transaction._abort(errorName))
    return transaction
  }

/** Pages are given, the transaction dies with the second one. */
export const diesAtSecondPage: Begin = (begin) => {
  const transaction = begin() as Abortable
  let pages = 0
  const rows = transaction.objectStore('rows')
  const getAll = rows.getAll.bind(rows)
  rows.getAll = (...range: Parameters<typeof getAll>) => {
    const request = getAll(...range)
    if (++pages === 2) queueMicrotask(() => transaction._abort('UnknownError'))
    return request
  }
  return transaction
}

/** All is written, but the answer is lost with the connection. */
export const commitsThenDies: Begin = (begin) => {
  const transaction = begin() as Abortable
  transaction.addEventListener('complete', (event) => {
    event.stopImmediatePropagation()
    transaction.error = new DOMException('Connection to Indexed Database server lost.', 'UnknownError')
    transaction.onabort?.(event)
  })
  return transaction
}

/** Each request succeeds, the commit does not. */
export const isFullAtCommit: Begin = (begin) => {
  const transaction = begin() as Abortable
  for (const name of transaction.objectStoreNames) {
    const store = transaction.objectStore(name)
    for (const method of ['add', 'put'] as const) {
      const original = store[method].bind(store)
      store[method] = (value: unknown, key?: IDBValidKey) => {
        const request = original(value, key)
        request.addEventListener('success', () => queueMicrotask(() => transaction._abort('QuotaExceededError')))
        return request
      }
    }
  }
  return transaction
}

export function createFaultyBrowser() {
  let factory = new FakeFactory()
  const connections = new Set<IDBDatabase>()
  const faults: { readonly store: string; readonly begin: Begin; left: number }[] = []
  let failOpening: { readonly error: DOMException; left: number } | undefined
  const opened: string[] = []
  const writes: { readonly database: string; readonly stores: readonly string[] }[] = []

  const interfere = (native: IDBDatabase) => {
    connections.add(native)
    const original = native.transaction.bind(native)
    native.transaction = (names, ...rest) => {
      const begin = () => original(names, ...rest)
      const scope = [names].flat() as string[]
      if (rest[0] === 'readwrite') writes.push({ database: native.name, stores: scope })
      const fault = faults.find(({ store }) => scope.includes(store))
      if (!fault) return begin()
      if (--fault.left === 0) faults.splice(faults.indexOf(fault), 1)
      return fault.begin(begin)
    }
  }

  const indexedDB = {
    cmp: (a: unknown, b: unknown) => factory.cmp(a, b),
    databases: () => factory.databases(),
    deleteDatabase: (name: string) => factory.deleteDatabase(name),
    open(name: string, version?: number) {
      opened.push(name)
      if (failOpening) {
        const { error } = failOpening
        if (--failOpening.left === 0) failOpening = undefined
        throw error
      }
      const request = factory.open(name, version)
      request.addEventListener('success', () => interfere(request.result))
      return request
    },
  } as unknown as IDBFactory

  return {
    indexedDB,
    IDBKeyRange: IDBKeyRange as unknown as typeof globalThis.IDBKeyRange,
    /** How often a database was asked for. */
    opened: (database: string) => opened.filter((name) => name === database).length,
    /** Every write transaction so far, with the stores of its database that it did not span. */
    writes,
    /** The next so many transactions over this store begin so. */
    onTransaction(store: string, begin: Begin, times = 1) {
      faults.push({ store, begin, left: times })
    },
    onOpening(error: DOMException, times: number) {
      failOpening = { error, left: times }
    },
    /** All connections are closed by the browser itself. */
    closeAll() {
      for (const connection of connections) forceCloseDatabase(connection as unknown as Parameters<typeof forceCloseDatabase>[0])
      connections.clear()
    },
    /** All data is gone, and nobody was asked. */
    evict() {
      factory = new FakeFactory()
    },
  }
}
