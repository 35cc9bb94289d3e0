import { expect, test } from 'vitest'
import { openDatabase } from '../../src/dexie/open-database.ts'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { createBrowser } from './browser.ts'

const name = 'app.read.list@1#1'

/** A read store that nobody holds open. */
async function kept() {
  const browser = createBrowser()
  const store = await createIndexedDbStorage(browser).openReadStore(name, { key: 'id', indexes: [['a', 'b']] })
  store.close()
  const closing = new AbortController()
  const { indexedDB, IDBKeyRange } = browser
  return { browser, closing, place: { database: name, indexedDB, IDBKeyRange, closed: closing.signal } }
}

test('finds key and indexes as they are, in the version that is there', async () => {
  const { place } = await kept()
  const database = await openDatabase(place)
  const { primKey, indexes } = database.table('rows').schema
  expect([primKey.src, indexes.map(({ src }) => src), database.verno]).toEqual(['id', ['[a+b]'], 1])
  database.close()
})

test('makes way for a deletion by itself, also where nobody says that the rows are no longer read', async () => {
  const { browser, place } = await kept()
  const database = await openDatabase(place)
  await browser.remove(name)
  await expect(database.table('rows').count()).rejects.toThrow('closed')
  expect(await browser.indexedDB.databases()).toEqual([])
})

test('closes when the rows are no longer read, also where that was said while it opened', async () => {
  const { browser, closing, place } = await kept()
  const [, late] = [await openDatabase(place), openDatabase(place)]
  expect(browser.held()).toHaveLength(1)
  closing.abort()
  await late
  expect(browser.held()).toEqual([])
})

test('a database that is gone is not made', async () => {
  const { browser, place } = await kept()
  await browser.remove(name)
  await expect(openDatabase(place)).rejects.toMatchObject({ code: 'storage-failed', details: { database: name } })
  expect(await browser.indexedDB.databases()).toEqual([])
})
