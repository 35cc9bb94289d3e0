import type { Durability, MetaStore } from '../storage.ts'
import type { Connection } from './connection.ts'
import { allStartingWith } from './key-range.ts'
import { resultOf } from './request.ts'

export function createMetaStore(connection: Connection, ranges: typeof IDBKeyRange): MetaStore {
  return {
    get: (key) => connection.read(['meta'], (store) => resultOf<unknown>(store('meta').get(key))),

    entries: (prefix) =>
      connection.read(['meta'], async (store) => {
        const meta = store('meta')
        const range = allStartingWith(prefix, ranges)
        const keys = meta.getAllKeys(range)
        const values: unknown[] = await resultOf(meta.getAll(range))
        return new Map(keys.result.map((key, i) => [key as string, values[i]]))
      }),

    update: <T>(key: string, change: (value: T | undefined) => T | undefined, durability?: Durability) =>
      connection.write(async (store) => {
        const meta = store('meta')
        const before: T | undefined = await resultOf(meta.get(key))
        const after = change(before)
        if (after !== before) {
          if (after === undefined) meta.delete(key)
          else meta.put(after, key)
        }
        return after
      }, durability),
  }
}
