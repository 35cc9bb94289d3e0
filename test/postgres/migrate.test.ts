/** How the tables come to be: by many processes at once, by rights that are small, and not where something newer has been. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPg } from '../../src/storage/postgres/pg-database.ts'
import { createPostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import { SCHEMA_VERSION } from '../../src/storage/postgres/schema.ts'
import { record } from '../../src/testing/storage-contract/samples.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

const openAt = (connectionString: string) => createPostgresStorage(openPg({ connectionString, connections: 2 }))

test('ten that start at once make the tables once, and all of them work', async () => {
  const url = await server.database()
  const storages = await Promise.all(Array.from({ length: 10 }, () => openAt(url)))
  const logs = await Promise.all(storages.map((storage) => storage.openLog('log')))
  const outcomes = await Promise.all(logs.map((log) => log.events.append([record(1)], 'strict')))
  expect(outcomes.toSorted()).toEqual(['appended', ...Array.from({ length: 9 }, () => 'conflict')])
  expect(await server.query('SELECT version FROM outpost.migrations', url)).toEqual([{ version: SCHEMA_VERSION }])
  await Promise.all(storages.map((storage) => storage.close()))
})

test('what is there is kept by the next start', async () => {
  const url = await server.database()
  const first = await openAt(url)
  await (await first.openLog('log')).events.append([record(1)], 'strict')
  await first.close()
  const second = await openAt(url)
  expect(await (await second.openLog('log')).events.last()).toEqual(record(1))
  await second.close()
})

test('tables that a newer build made are refused, and not touched', async () => {
  const url = await server.database()
  await (await openAt(url)).close()
  await server.query(`INSERT INTO outpost.migrations (version) VALUES (${SCHEMA_VERSION + 1})`, url)
  await expect(openAt(url)).rejects.toMatchObject({
    code: 'storage-newer',
    details: { version: SCHEMA_VERSION + 1, known: SCHEMA_VERSION },
    message: expect.stringMatching(/^The tables in PostgreSQL at 127\.0\.0\.1:\d+\/\w+ have version/) as unknown,
  })
  expect(await server.query('SELECT count(*)::int AS versions FROM outpost.migrations', url)).toEqual([{ versions: 2 }])
})

test('a start that fails half-way leaves nothing, and the next one does it whole', async () => {
  const url = await server.database()
  // A table in the way of the last of them, which the migration cannot make.
  await server.query('CREATE SCHEMA outpost; CREATE TABLE outpost.entries (a int)', url)
  await expect(openAt(url)).rejects.toMatchObject({ code: 'storage-failed', details: { sqlState: '42P07' } })
  const tables = `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'outpost'`
  expect(await server.query(tables, url)).toEqual([{ name: 'entries' }])
  await server.query('DROP TABLE outpost.entries', url)
  await (await openAt(url)).close()
})

test('a database that keeps no UTF-8 is refused', async () => {
  const url = await server.database(`ENCODING 'LATIN1' TEMPLATE template0`)
  await expect(openAt(url)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining("ENCODING 'UTF8'") as unknown })
})

test('a user who may not make schemas does with one that was made for them', async () => {
  const url = new URL(await server.database())
  await server.query('CREATE ROLE small LOGIN')
  await server.query('CREATE SCHEMA outpost AUTHORIZATION small', url.href)
  url.username = 'small'
  const storage = await openAt(url.href)
  expect(await (await storage.openLog('log')).events.append([record(1)], 'strict')).toBe('appended')
  await storage.close()
})

test('a database that is not there is named in the error, its password is not', async () => {
  const url = new URL(await server.database())
  url.pathname = '/nowhere'
  url.password = 'secret'
  const error = await openAt(url.href).then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  )
  expect(error).toMatchObject({ code: 'storage-failed', details: { sqlState: '3D000' } })
  expect(error?.message).toContain(`Opening PostgreSQL at ${url.host}/nowhere failed`)
  expect(error?.message).not.toContain('secret')
})

test('a name that PostgreSQL cannot keep is refused, and lists nothing', async () => {
  const storage = await openAt(await server.database())
  for (const name of ['a\0b', 'half \ud83d', '\ude00', 'é'.repeat(251)]) {
    await expect(storage.openLog(name)).rejects.toMatchObject({ code: 'unsupported' })
  }
  await (await storage.openLog('é'.repeat(250))).events.append([record(1)], 'strict')
  expect(await storage.list('\ud83d')).toEqual([])
  await storage.destroy('half \ud83d')
  await expect(storage.openReadStore('é'.repeat(250), { key: 'id', indexes: [] })).rejects.toThrow(/is a log already/)
  await storage.openReadStore('rows', { key: 'id', indexes: [] })
  await expect(storage.openReadStore('rows', { key: 'id', indexes: [['a']] })).rejects.toThrow(/another key or other indexes/)
  await expect(storage.openLog('rows')).rejects.toThrow(/is a read store already/)
  await storage.close()
})
