import { sameCheckpoint } from '../record.ts'
import type { PersistenceStore } from '../storage.ts'
import type { Connection, Stores } from './connection.ts'
import { allUnder, countOf } from './key-range.ts'
import { resultOf, resultsOf } from './request.ts'
import { readStates, type Root, writeStates } from './saved-pages.ts'

export function createPersistenceStore(connection: Connection, ranges: typeof IDBKeyRange): PersistenceStore {
  const rootOf = (store: Stores, fold: string): Promise<Root | undefined> => resultOf(store('checkpoints').get(fold))
  return {
    checkpoints: () =>
      connection.read(['checkpoints'], async (store) => {
        const stored = store('checkpoints')
        const folds = stored.getAllKeys()
        const roots: Root[] = await resultOf(stored.getAll())
        return new Map(folds.result.map((fold, i) => [fold as string, (roots[i] as Root).checkpoint]))
      }),

    load: (fold, keys) =>
      connection.read(['states', 'checkpoints'], async (store) => {
        const root = await rootOf(store, fold)
        const states = await readStates(store, fold, keys, root)
        return { checkpoint: root?.checkpoint, states }
      }),

    save: (writes) =>
      connection.write(async (store) => {
        const checkpoints = store('checkpoints')
        const stored = await resultsOf<Root | undefined>(writes.map(({ fold }) => checkpoints.get(fold)))
        if (!writes.every(({ expected }, i) => sameCheckpoint(stored[i]?.checkpoint, expected))) return 'stale'
        for (const [i, each] of writes.entries()) await writeStates(store, each, stored[i])
        return 'saved'
      }),

    due: (fold, limit) =>
      connection.read(['states', 'due', 'checkpoints'], async (store) => {
        const root = await rootOf(store, fold)
        const keys: string[] = limit <= 0 ? [] : await resultOf(store('due').getAll(allUnder([fold], ranges), countOf(limit)))
        const states = await readStates(store, fold, keys, root)
        return { checkpoint: root?.checkpoint, states: states.filter((state) => state !== undefined) }
      }),

    drop: (fold) =>
      connection.write((store) => {
        for (const name of ['states', 'due']) store(name).delete(allUnder([fold], ranges))
        store('checkpoints').delete(fold)
      }),
  }
}
