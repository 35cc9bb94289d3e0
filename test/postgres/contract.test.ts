/** The storage contract on PostgreSQL and on PGlite: one path of SQL, two drivers. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPg } from '../../src/storage/postgres/pg-database.ts'
import { openPglite } from '../../src/storage/postgres/pglite-database.ts'
import { createPostgresStorage, type PostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import type { SqlDatabase } from '../../src/storage/postgres/sql-database.ts'
import { storageContract } from '../../src/testing/storage-contract.ts'
import { expectSameAsInMemory } from '../storage/random-operations.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

/** @param open a storage for each tab that a case imitates */
const contractOf = (open: (tab: number) => Promise<PostgresStorage>) => {
  let tabs: PostgresStorage[]
  beforeAll(async () => {
    tabs = [await open(0), await open(1)]
  })
  afterAll(() => Promise.all(tabs.map((tab) => tab.close())))
  test.each(storageContract)('$name', ({ run }) => {
    let opened = 0
    return expect(run(() => tabs[opened++] as PostgresStorage)).resolves.toBeUndefined()
  })
  test('any operations give the same as in memory', async () => {
    await expectSameAsInMemory(() => tabs[0] as PostgresStorage, { gaps: false, numRuns: 60 })
  }, 300_000)
}

describe('PostgreSQL', () => {
  let server: PostgresServer
  let url: string
  beforeAll(async () => {
    server = await startPostgres()
    url = await server.database()
  })
  afterAll(() => server.stop())
  contractOf(() => createPostgresStorage(openPg({ connectionString: url })))
})

describe('PGlite', () => {
  let folder: string
  let database: SqlDatabase
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'outpost-pglite-'))
    database = await openPglite({ folder })
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  // Two storages on the one process that may have the folder.
  contractOf(() => createPostgresStorage(database))
})
