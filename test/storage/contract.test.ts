import { IDBFactory, IDBIndex, IDBKeyRange, IDBObjectStore } from 'fake-indexeddb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { type OpenStorage, storageContract } from '../../src/testing/storage-contract.ts'

// The imitation of IndexedDB takes long for each step of a cursor.
const contractOf = (open: () => OpenStorage) =>
  test.each(storageContract)('$name', ({ run }) => expect(run(open())).resolves.toBeUndefined(), 60_000)

describe('memory storage', () => {
  contractOf(() => {
    const browser = createMemoryStorage()
    return () => browser.tab()
  })
})

const overIndexedDb = () => {
  const indexedDB = new IDBFactory()
  return () => createIndexedDbStorage({ indexedDB, IDBKeyRange })
}

describe('IndexedDB storage', () => {
  contractOf(overIndexedDb)
})

describe('IndexedDB storage without getAllRecords, as in Safari', () => {
  const prototypes: { getAll: typeof IDBObjectStore.prototype.getAll; getAllRecords?: unknown }[] = [
    IDBObjectStore.prototype,
    IDBIndex.prototype,
  ]
  const originals = prototypes.map(({ getAll, getAllRecords }) => ({ getAll, getAllRecords }))
  beforeAll(() => {
    for (const prototype of prototypes) {
      const { getAll } = prototype
      Object.assign(prototype, {
        getAll(this: IDBObjectStore, query?: unknown, count?: number) {
          // There, options are taken for a key, which they are not.
          if (typeof query === 'object' && query !== null && 'direction' in query) throw new DOMException('Not a key', 'DataError')
          return getAll.call(this, query as IDBKeyRange, count)
        },
      })
      Reflect.deleteProperty(prototype, 'getAllRecords')
    }
  })
  afterAll(() => prototypes.forEach((prototype, i) => Object.assign(prototype, originals[i])))
  contractOf(overIndexedDb)
})
