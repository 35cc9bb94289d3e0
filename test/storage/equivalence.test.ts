/** Any sequence of operations comes to the same on IndexedDB as on the reference. */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { test } from 'vitest'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { expectSameAsInMemory } from './random-operations.ts'

test('any operations give the same on IndexedDB as in memory', async () => {
  const indexedDB = new IDBFactory()
  const ranges = IDBKeyRange as unknown as typeof globalThis.IDBKeyRange
  await expectSameAsInMemory(() => createIndexedDbStorage({ indexedDB, IDBKeyRange: ranges }), { gaps: true, numRuns: 150 })
}, 120_000)
