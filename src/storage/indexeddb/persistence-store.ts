import { type Checkpoint, sameCheckpoint } from '../record.ts'
import type { PersistenceStore, SavedState } from '../storage.ts'
import type { Connection } from './connection.ts'
import { allUnder, countOf } from './key-range.ts'
import { resultOf, resultsOf } from './request.ts'
import { STATES_BY_DUE } from './schema.ts'

interface StoredState {
  readonly fold: string
  readonly saved: SavedState
}

export function createPersistenceStore(connection: Connection, ranges: typeof IDBKeyRange): PersistenceStore {
  return {
    checkpoints: () =>
      connection.read(['checkpoints'], 'Reading the checkpoints of', async (store) => {
        const stored = store('checkpoints')
        const folds = stored.getAllKeys()
        const checkpoints: Checkpoint[] = await resultOf(stored.getAll())
        return new Map(folds.result.map((fold, i) => [fold as string, checkpoints[i] as Checkpoint]))
      }),

    load: (fold, keys) =>
      connection.read(['states', 'checkpoints'], 'Loading states of', async (store) => {
        const states = store('states')
        const checkpoint: IDBRequest<Checkpoint | undefined> = store('checkpoints').get(fold)
        const stored = await resultsOf<StoredState | undefined>(keys.map((key) => states.get([fold, key])))
        return { checkpoint: await resultOf(checkpoint), states: stored.map((state) => state?.saved) }
      }),

    save: (writes) =>
      connection.write('relaxed', 'Saving states of', async (store) => {
        const states = store('states')
        const checkpoints = store('checkpoints')
        const stored = await resultsOf<Checkpoint | undefined>(writes.map(({ fold }) => checkpoints.get(fold)))
        if (!writes.every(({ expected }, i) => sameCheckpoint(stored[i], expected))) return 'stale'
        for (const { fold, checkpoint, puts, removes } of writes) {
          for (const key of removes) states.delete([fold, key])
          for (const saved of puts) states.put({ fold, saved } satisfies StoredState, [fold, saved.key])
          checkpoints.put(checkpoint, fold)
        }
        return 'saved'
      }),

    due: (fold, limit) =>
      connection.read(['states', 'checkpoints'], 'Reading timers of', async (store) => {
        const checkpoint: IDBRequest<Checkpoint | undefined> = store('checkpoints').get(fold)
        const byDue = store('states').index(STATES_BY_DUE)
        const stored: StoredState[] = limit <= 0 ? [] : await resultOf(byDue.getAll(allUnder([fold], ranges), countOf(limit)))
        return { checkpoint: await resultOf(checkpoint), states: stored.map(({ saved }) => saved) }
      }),

    drop: (fold) =>
      connection.write('relaxed', 'Dropping states of', (store) => {
        store('states').delete(allUnder([fold], ranges))
        store('checkpoints').delete(fold)
      }),
  }
}
