/** Saved states are packed in pages: as many as the states need that are there, whatever was there before. */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { expect, test } from 'vitest'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import type { SavedState } from '../../src/storage/storage.ts'

const requested = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

async function openStates() {
  const indexedDB = new IDBFactory()
  const log = await createIndexedDbStorage({ indexedDB, IDBKeyRange }).openLog('log')
  let record = 0
  const checkpoint = () => (record === 0 ? undefined : { record, id: `id-${record}` })
  return {
    states: log.states,
    async save(puts: readonly SavedState[], removes: readonly string[] = []): Promise<void> {
      const expected = checkpoint()
      record++
      expect(await log.states.save([{ fold: 'visit', expected, checkpoint: { record, id: `id-${record}` }, puts, removes }])).toBe('saved')
    },
    /** How many states each page holds. */
    async pages(): Promise<readonly number[]> {
      const database = await requested(indexedDB.open('log.saved'))
      const pages = await requested<SavedState[][]>(database.transaction('states').objectStore('states').getAll())
      database.close()
      return pages.map((page) => page.length)
    },
  }
}

const stateOf = (key: string, bytes: number): SavedState => ({ key, version: 1, position: 1, state: { text: 'x'.repeat(bytes) } })

test('states that have ended leave no pages behind, however many came and went', async () => {
  const { save, pages } = await openStates()
  for (let n = 0; n < 500; n++) {
    await save([stateOf(`visit-${n}`, 1000)])
    await save([], [`visit-${n}`])
  }
  expect(await pages()).toEqual([0])
})

test('small ones that went make no room for large ones that stay', async () => {
  const { states, save, pages } = await openStates()
  const small = Array.from({ length: 1000 }, (_, n) => stateOf(`small-${n}`, 10))
  for (let n = 0; n < 4; n++) {
    await save(small)
    await save(
      Array.from({ length: 20 }, (_, i) => stateOf(`large-${n}-${i}`, 8000)),
      small.map(({ key }) => key),
    )
  }
  await save(Array.from({ length: 1000 }, (_, i) => stateOf(`large-${i}`, 8000)))
  expect(Math.max(...(await pages()))).toBeLessThan(12)
  const keys = ['large-99', 'large-3-19', 'small-0']
  expect((await states.load('visit', keys)).states.map((saved) => saved?.key)).toEqual(['large-99', 'large-3-19', undefined])
})
