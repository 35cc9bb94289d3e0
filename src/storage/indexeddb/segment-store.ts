import { type Checkpoint, sameCheckpoint } from '../record.ts'
import type { SegmentStore } from '../storage.ts'
import type { Connection } from './connection.ts'
import { allUnder } from './key-range.ts'
import { resultOf, resultsOf } from './request.ts'
import { CATALOGUE } from './schema.ts'

interface StoredCatalogue {
  readonly checkpoint: Checkpoint
  readonly value: unknown
}

export function createSegmentStore(connection: Connection, ranges: typeof IDBKeyRange): SegmentStore {
  const readCatalogue = (transaction: IDBTransaction): Promise<StoredCatalogue | undefined> =>
    resultOf(transaction.objectStore('system').get(CATALOGUE))

  return {
    catalogue: () =>
      connection.read(['system'], 'Reading the index catalogue of', async (transaction) => {
        const stored = await readCatalogue(transaction)
        return { checkpoint: stored?.checkpoint, value: stored?.value }
      }),

    blocks: (keys) =>
      connection.read(['segments'], 'Reading the index of', (transaction) => {
        const store = transaction.objectStore('segments')
        return resultsOf<Uint8Array | undefined>(keys.map(({ index, run, block }) => store.get([index, run, block])))
      }),

    save: ({ expected, checkpoint, catalogue, puts, removes }) =>
      connection.write('relaxed', 'Saving the index of', async (transaction) => {
        if (!sameCheckpoint((await readCatalogue(transaction))?.checkpoint, expected)) return 'stale'
        const store = transaction.objectStore('segments')
        for (const { index, run } of removes) store.delete(allUnder([index, run], ranges))
        for (const { index, run, block, bytes } of puts) store.put(alone(bytes), [index, run, block])
        transaction.objectStore('system').put({ checkpoint, value: catalogue } satisfies StoredCatalogue, CATALOGUE)
        return 'saved'
      }),
  }
}

/** A view is stored with the whole buffer under it, however small the view. */
const alone = (bytes: Uint8Array): Uint8Array => (bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice())
