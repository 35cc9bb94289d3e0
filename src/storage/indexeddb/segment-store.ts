import { type Checkpoint, sameCheckpoint } from '../record.ts'
import type { SegmentStore } from '../storage.ts'
import type { Connection, Stores } from './connection.ts'
import { allUnder } from './key-range.ts'
import { resultOf, resultsOf } from './request.ts'
import { CATALOGUE } from './schema.ts'

interface StoredCatalogue {
  readonly checkpoint: Checkpoint
  readonly value: unknown
}

export function createSegmentStore(connection: Connection, ranges: typeof IDBKeyRange): SegmentStore {
  const readCatalogue = (store: Stores): Promise<StoredCatalogue | undefined> => resultOf(store('system').get(CATALOGUE))

  return {
    catalogue: () =>
      connection.read(['system'], async (store) => {
        const stored = await readCatalogue(store)
        return { checkpoint: stored?.checkpoint, value: stored?.value }
      }),

    blocks: (keys) =>
      connection.read(['segments'], (store) => {
        const segments = store('segments')
        return resultsOf<Uint8Array | undefined>(keys.map(({ index, run, block }) => segments.get([index, run, block])))
      }),

    save: ({ expected, checkpoint, catalogue, puts, removes }) =>
      connection.write(async (store) => {
        if (!sameCheckpoint((await readCatalogue(store))?.checkpoint, expected)) return 'stale'
        const segments = store('segments')
        for (const { index, run } of removes) segments.delete(allUnder([index, run], ranges))
        for (const { index, run, block, bytes } of puts) segments.put(alone(bytes), [index, run, block])
        store('system').put({ checkpoint, value: catalogue } satisfies StoredCatalogue, CATALOGUE)
        return 'saved'
      }),
  }
}

/** A view is stored with the whole buffer under it, however small the view. */
const alone = (bytes: Uint8Array): Uint8Array => (bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice())
