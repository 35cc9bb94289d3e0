/** fake-indexeddb that knows which connections are open. */
import { IDBFactory as FakeFactory, IDBKeyRange } from 'fake-indexeddb'

export function createBrowser() {
  const factory = new FakeFactory()
  const connections: IDBDatabase[] = []
  let opened = 0
  let refusal: DOMException | undefined
  const isOpen = (database: IDBDatabase): boolean => {
    try {
      database.transaction('rows').abort()
      return true
    } catch {
      return false
    }
  }
  const indexedDB = {
    cmp: (a: unknown, b: unknown) => factory.cmp(a, b),
    databases: () => factory.databases(),
    deleteDatabase: (name: string) => factory.deleteDatabase(name),
    open(name: string, version?: number) {
      opened++
      const request = factory.open(name, version)
      request.addEventListener('success', () => {
        const database = request.result
        connections.push(database)
        const transaction = database.transaction.bind(database)
        database.transaction = (stores, mode, options) => {
          if (mode === 'readwrite' && [stores].flat().includes('rows') && refusal) throw refusal
          return transaction(stores, mode, options)
        }
      })
      return request
    },
  } as unknown as IDBFactory
  return {
    indexedDB,
    IDBKeyRange: IDBKeyRange as unknown as typeof globalThis.IDBKeyRange,
    /** How often a database was opened so far. */
    opened: () => opened,
    /** Names of the read stores that somebody holds open, once for each connection. */
    held: () =>
      connections.filter((each) => each.name.includes('.read.') && isOpen(each)).map(({ name }) => name.slice(name.lastIndexOf('.') + 1)),
    /** Read stores take no rows as long as there is an error. */
    refuseRows(error: DOMException | undefined) {
      refusal = error
    },
    /** Resolves when it is gone; rejects where somebody does not let go of it. */
    remove: (name: string) =>
      new Promise<void>((resolve, reject) => {
        const request = factory.deleteDatabase(name)
        request.onsuccess = () => resolve()
        request.onblocked = () => reject(new Error(`${name} is held open.`))
        request.onerror = () => reject(request.error as DOMException)
      }),
  }
}
