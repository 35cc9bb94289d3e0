/** What a build before kept in another layout is made anew from the log; no Command is decided before that. */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { expect, test } from 'vitest'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { allEvents, give, openEngine } from '../support/engine.ts'

const LOG = 'stock.hall-7.ann.log'

const opened = (request: IDBOpenDBRequest): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

/** As it was when each saved state had a row of its own: as of the head, with what stands in the states. */
async function writeOlderLayout(indexedDB: IDBFactory, checkpoint: unknown, fold: string): Promise<IDBDatabase> {
  await opened(indexedDB.deleteDatabase(`${LOG}.saved`) as never)
  const request = indexedDB.open(`${LOG}.saved`, 10)
  request.onupgradeneeded = () => {
    const database = request.result
    database.createObjectStore('states').createIndex('[fold+saved.dueAt]', ['fold', 'saved.dueAt'])
    for (const name of ['checkpoints', 'segments', 'system']) database.createObjectStore(name)
    const store = (name: string) => (request.transaction as IDBTransaction).objectStore(name)
    store('system').add('1-2-3-4', 'incarnation')
    store('checkpoints').add(checkpoint, fold)
    store('states').add({ fold, saved: { key: 'sku-1', version: 1, position: 1, state: { name: 'a', onHand: 0 } } }, [fold, 'sku-1'])
  }
  return opened(request)
}

test('a log whose saved states have an older layout opens, and knows its streams', async () => {
  const indexedDB = new IDBFactory()
  const storage = () => createIndexedDbStorage({ indexedDB, IDBKeyRange })
  const before = await openEngine(storage())
  await give(before, 'stockItem.register', 'sku-1', { name: 'Bolt' })
  await give(before, 'stockItem.receive', 'sku-1', { quantity: 5 })
  await before.close()
  const log = await storage().openLog(LOG)
  const [[fold, checkpoint] = []] = [...(await log.states.checkpoints())].filter(([name]) => name.startsWith('stockItem@'))
  log.close()
  const old = await writeOlderLayout(indexedDB, checkpoint, String(fold))
  // A tab with the build before is still open, and gives way as it always did.
  old.onversionchange = () => old.close()

  const engine = await openEngine(storage())
  // On an empty state it would be registered again.
  expect(await give(engine, 'stockItem.register', 'sku-1', { name: 'Bolt' })).toMatchObject({ ok: true, events: [] })
  expect(await give(engine, 'stockItem.pick', 'sku-1', { quantity: 3 })).toMatchObject({ ok: true })
  expect(await engine.load('stockItem', 'sku-1')).toMatchObject({ state: { onHand: 2 }, version: 3 })
  const own = (await allEvents(engine)).filter(({ aggregateId }) => aggregateId === 'sku-1')
  expect(own.map(({ version }) => version)).toEqual([1, 2, 3])
  await engine.close()

  const again = await openEngine(storage())
  expect(await again.load('stockItem', 'sku-1')).toMatchObject({ state: { onHand: 2 }, version: 3 })
  await again.close()
})
