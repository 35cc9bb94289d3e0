/** What processes hear of each other. Two storages with connections of their own are to PostgreSQL what two processes are. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, type Mock, test, vi } from 'vitest'
import { isOutpostError } from '../../src/errors.ts'
import { openPg } from '../../src/storage/postgres/pg-database.ts'
import { openPglite } from '../../src/storage/postgres/pglite-database.ts'
import { createPostgresStorage, type PostgresOptions, type PostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import type { SqlDatabase } from '../../src/storage/postgres/sql-database.ts'
import { record } from '../../src/testing/storage-contract/samples.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
let url: string
let folder: string
let embedded: SqlDatabase
beforeAll(async () => {
  server = await startPostgres()
  url = await server.database()
  folder = mkdtempSync(join(tmpdir(), 'outpost-pglite-'))
  embedded = await openPglite({ folder })
})
afterAll(async () => {
  await embedded.close()
  rmSync(folder, { recursive: true })
  await server.stop()
})

const opened: PostgresStorage[] = []
afterEach(() => Promise.all(opened.splice(0).map((storage) => storage.close())))
const openStorage = async (options: PostgresOptions & { readonly database?: SqlDatabase } = {}): Promise<PostgresStorage> => {
  const storage = await createPostgresStorage(options.database ?? openPg({ connectionString: url }), options)
  opened.push(storage)
  return storage
}
const calls = (callback: Mock<() => void>) => () => callback.mock.calls.length

describe.each(['PostgreSQL', 'PGlite'])('%s', (kind) => {
  /** PGlite lives in one process: what it is shared by must not close it. */
  const shared = (): PostgresOptions & { readonly database?: SqlDatabase } =>
    kind === 'PGlite' ? { database: { ...embedded, close: async () => {} } } : {}

  test('who listens for a log hears that it has grown, by whomever, and nothing of other logs', async () => {
    const [writer, reader] = [await openStorage(shared()), await openStorage(shared())]
    const log = await writer.openLog('heard, with spaces')
    const heard = vi.fn<() => void>()
    const others = vi.fn<() => void>()
    reader.onRecorded('heard, with spaces', heard)
    reader.onRecorded('heard,', others)
    for (let number = 1; number <= 3; number++) {
      heard.mockClear()
      await log.events.append([record(number)], 'relaxed')
      await expect.poll(calls(heard)).toBe(1)
    }
    expect(await log.events.append([record(1)], 'relaxed')).toBe('conflict')
    await log.meta.update('k', () => 1)
    await writer.destroy('heard, with spaces')
    await expect.poll(() => log.events.last().catch((error: unknown) => isOutpostError(error, 'closed'))).toBe(true)
    expect([heard.mock.calls.length, others.mock.calls.length]).toEqual([1, 0])
  })

  test('who has ended it hears no more', async () => {
    const [writer, reader] = [await openStorage(shared()), await openStorage(shared())]
    const log = await writer.openLog('ended')
    const [ended, kept] = [vi.fn<() => void>(), vi.fn<() => void>()]
    const end = reader.onRecorded('ended', ended)
    reader.onRecorded('ended', kept)
    end()
    end()
    await log.events.append([record(1)], 'relaxed')
    await expect.poll(calls(kept)).toBe(1)
    expect(ended).not.toHaveBeenCalled()
  })
})

test('a thousand appends to a hundred logs are all heard of', async () => {
  const [writer, reader] = [await openStorage(), await openStorage()]
  const names = Array.from({ length: 100 }, (_, i) => `many ${i}`)
  const last = new Map<string, number | undefined>()
  for (const name of names) {
    const own = await reader.openLog(name)
    reader.onRecorded(name, () => void own.events.last().then((found) => last.set(name, found?.number)))
  }
  await Promise.all(
    names.map(async (name) => {
      const log = await writer.openLog(name)
      for (let number = 1; number <= 10; number++) await log.events.append([record(number)], 'relaxed')
    }),
  )
  await expect.poll(() => names.filter((name) => last.get(name) !== 10)).toEqual([])
})

test('a listener whose connection was killed listens again, and rings once for what it may have missed', async () => {
  const [writer, reader] = [await openStorage(), await openStorage()]
  const log = await writer.openLog('missed')
  const heard = vi.fn<() => void>()
  reader.onRecorded('missed', heard)
  const listeners = `FROM pg_stat_activity WHERE query = 'LISTEN outpost' AND pid <> pg_backend_pid()`
  const before = await server.query(`SELECT pid, pg_terminate_backend(pid) ${listeners}`)
  expect(before).toHaveLength(2)
  await expect.poll(calls(heard)).toBe(1)
  await expect.poll(() => server.query(`SELECT pid ${listeners}`)).toHaveLength(2)
  await log.events.append([record(1)], 'relaxed')
  await expect.poll(calls(heard)).toBe(2)
})

test('a handle hears of a deletion that was told while nobody listened', async () => {
  const [other, reader] = [await openStorage(), await openStorage()]
  const log = await reader.openLog('deleted unheard')
  const told = new Promise((resolve) => (log.onClosed = resolve))
  await server.query(`SELECT outpost.destroy('deleted unheard')`, url)
  await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN outpost' AND pid <> pg_backend_pid()`)
  expect(await told).toBe('"deleted unheard" was deleted')
  expect(await other.list('deleted')).toEqual([])
})

test('an append whose process died before it could tell is found by looking', async () => {
  const reader = await openStorage({ lookMs: 50 })
  const log = await reader.openLog('untold')
  const heard = vi.fn<() => void>()
  reader.onRecorded('untold', heard)
  // What was recorded before it listened, it may have read or not.
  await expect.poll(calls(heard)).toBe(1)
  await server.query(
    `SELECT outpost.append('untold', incarnation, 1, ARRAY['{"number":1}'], '{}', '{}', '{}', false) FROM outpost.heads WHERE space = 'untold'`,
    url,
  )
  await expect.poll(calls(heard)).toBe(2)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(heard).toHaveBeenCalledTimes(2)
  expect(await log.events.last()).toEqual({ number: 1 })
})
