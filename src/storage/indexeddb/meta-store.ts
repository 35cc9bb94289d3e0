import type { MetaStore } from '../storage.ts'
import type { Connection } from './connection.ts'
import { allStartingWith } from './key-range.ts'
import { resultOf } from './request.ts'

export function createMetaStore(connection: Connection, ranges: typeof IDBKeyRange): MetaStore {
  return {
    get: (key) =>
      connection.read(['meta'], 'Reading the meta data of', (transaction) => resultOf<unknown>(transaction.objectStore('meta').get(key))),

    entries: (prefix) =>
      connection.read(['meta'], 'Reading the meta data of', async (transaction) => {
        const store = transaction.objectStore('meta')
        const range = allStartingWith(prefix, ranges)
        const keys = store.getAllKeys(range)
        const values: unknown[] = await resultOf(store.getAll(range))
        return new Map(keys.result.map((key, i) => [key as string, values[i]]))
      }),

    update: <T>(key: string, change: (value: T | undefined) => T | undefined, durability = 'relaxed' as const) =>
      connection.write(durability, 'Updating the meta data of', async (transaction) => {
        const store = transaction.objectStore('meta')
        const before: T | undefined = await resultOf(store.get(key))
        const after = change(before)
        if (after !== before) {
          if (after === undefined) store.delete(key)
          else store.put(after, key)
        }
        return after
      }),
  }
}
