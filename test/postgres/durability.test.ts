/** What is on disk when an append is answered, and what an administrator does after the disk was another one. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openPg } from '../../src/storage/postgres/pg-database.ts'
import { createPostgresStorage, type PostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import type { Durability } from '../../src/storage/storage.ts'
import { record } from '../../src/testing/storage-contract/samples.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  // Nothing leaves the server's memory but what a commit waits for.
  server = await startPostgres(['wal_writer_delay=10s'])
})
afterAll(() => server.stop())

let url: string
let storage: PostgresStorage
beforeEach(async () => {
  url = await server.database()
  await server.query(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`, url)
  storage = await createPostgresStorage(openPg({ connectionString: url }))
})
afterEach(() => storage.close())

test.each<[Durability, string]>([
  ['strict', 'is there'],
  // As its administrator wants it: without this half the other proves nothing.
  ['relaxed', 'is lost'],
])('where the database answers before it writes, what was recorded %s %s after it was killed', async (durability, what) => {
  const log = await storage.openLog('log')
  await log.events.append([record(1)], durability)
  await log.meta.update('key', () => 1, durability)
  await server.kill()
  await server.start()
  const later = await createPostgresStorage(openPg({ connectionString: url }))
  const found = await later.openLog('log')
  const isKept = what === 'is there'
  expect([await found.events.last(), await found.meta.get('key')]).toEqual(isKept ? [record(1), 1] : [undefined, undefined])
  await later.close()
})

test('after a restore every log has another epoch, and what was open before is closed', async () => {
  const names = ['app.one.log', 'app.two.log']
  const logs = await Promise.all(names.map((name) => storage.openLog(name)))
  for (const log of logs) {
    await log.meta.update('log', () => ({ epoch: 'before', format: 1, createdAt: 5 }))
    await log.events.append([record(1)], 'strict')
  }
  expect(await server.query('SELECT outpost.restored(space) FROM outpost.heads', url)).toHaveLength(2)
  for (const log of logs) await expect(log.events.last()).rejects.toMatchObject({ code: 'closed' })
  const epochs = await Promise.all(
    names.map(async (name) => {
      const log = await storage.openLog(name)
      expect(await log.events.last()).toEqual(record(1))
      expect(await log.meta.get('log')).toEqual({ epoch: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown, format: 1, createdAt: 5 })
      return ((await log.meta.get('log')) as { epoch: string }).epoch
    }),
  )
  expect(new Set(epochs).size).toBe(2)
})
