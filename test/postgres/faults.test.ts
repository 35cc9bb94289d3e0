/** What goes wrong between a server and its database, made to: connections cut, backends killed, locks held, disks full. */
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openPg, type PgOptions } from '../../src/storage/postgres/pg-database.ts'
import { createPostgresStorage, type PostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import type { SqlDatabase } from '../../src/storage/postgres/sql-database.ts'
import type { LogStorage } from '../../src/storage/storage.ts'
import { checkpoint, record } from '../../src/testing/storage-contract/samples.ts'
import { startProxy } from '../support/postgres-proxy.ts'
import { proxiedPostgres } from '../support/proxied-postgres.ts'

const postgres = proxiedPostgres()

const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})
const openStorage = async (options: Partial<PgOptions> = {}): Promise<PostgresStorage> => {
  const storage = await createPostgresStorage(openPg({ connectionString: postgres.url, ...options }))
  opened.push(storage)
  return storage
}

let logs = 0
let name: string
let log: LogStorage
/** Past the proxy: what is really there. */
let beside: LogStorage
beforeEach(async () => {
  name = `log ${++logs}`
  log = await (await openStorage({ connectionString: postgres.proxy.url })).openLog(name)
  beside = await (await openStorage()).openLog(name)
  await log.events.append([record(1)], 'strict')
})

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => error,
  )
const inDoubt = { code: 'storage-failed', details: { inDoubt: true, database: expect.any(String) as unknown } }
const isDefinite = (error: unknown): void => {
  expect(error).toMatchObject({ name: 'OutpostError', code: 'storage-failed' })
  expect(error).not.toHaveProperty('details.inDoubt')
}

/** Another process that holds the head row of the log until told. */
async function holdHead(): Promise<{ release(): Promise<void> }> {
  const holder = new Client(postgres.url)
  await holder.connect()
  await holder.query('BEGIN')
  await holder.query('SELECT FROM outpost.heads WHERE space = $1 FOR UPDATE', [name])
  const release = async (): Promise<void> => holder.end()
  opened.push({ close: release })
  return { release }
}
const waitingFor = (text: string) =>
  postgres.server.query(`SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${text}%'`, postgres.url)
const untilWaiting = async (text: string): Promise<void> => {
  await expect.poll(() => waitingFor(text), { timeout: 10_000 }).not.toEqual([])
}

describe('a connection that is cut', () => {
  test('after the commit of an append, before its answer: in doubt, and the record is there', async () => {
    const cut = postgres.proxy.cut('outpost-append', 'after')
    expect(await errorOf(log.events.append([record(2)], 'strict'))).toMatchObject(inDoubt)
    await cut
    await expect.poll(() => beside.events.last()).toEqual(record(2))
    expect(await log.events.last()).toEqual(record(2))
    expect(await log.events.append([record(3)], 'strict')).toBe('appended')
  })

  test('before an append reaches the server: in doubt, and nothing is there', async () => {
    const cut = postgres.proxy.cut('outpost-append', 'before')
    const error = await errorOf(log.events.append([record(2)], 'strict'))
    await cut
    expect(error).toMatchObject(inDoubt)
    expect((error as Error).message).toMatch(new RegExp(`Appending to "${name}" failed .* read before writing again`))
    expect(await beside.events.last()).toEqual(record(1))
    expect(await log.events.append([record(2)], 'strict')).toBe('appended')
  })

  test.each(['before', 'after'] as const)('%s a read was answered: it is read again', async (when) => {
    const cut = postgres.proxy.cut('outpost-last', when)
    expect(await log.events.last()).toEqual(record(1))
    await cut
  })

  test('inside a transaction: nothing of it is kept, and it is done again, once', async () => {
    const cut = postgres.proxy.cut('outpost-meta-put', 'after')
    expect(await log.meta.update<number>('count', (count = 0) => count + 1)).toBe(1)
    await cut
    expect(await beside.meta.get('count')).toBe(1)
  })

  test('after COMMIT was sent: in doubt, and what it changed is there', async () => {
    const cut = postgres.proxy.cut('COMMIT', 'after')
    expect(await errorOf(log.meta.update<number>('count', (count = 0) => count + 1))).toMatchObject(inDoubt)
    await cut
    await expect.poll(() => beside.meta.get('count')).toBe(1)
  })

  test('before COMMIT arrived: in doubt, and nothing is changed', async () => {
    const cut = postgres.proxy.cut('COMMIT', 'before')
    expect(await errorOf(log.meta.update<number>('count', (count = 0) => count + 1))).toMatchObject(inDoubt)
    await cut
    expect(await beside.meta.get('count')).toBeUndefined()
    expect(await log.meta.update<number>('count', (count = 0) => count + 1)).toBe(1)
  })
})

test('a connection that is cut while a log is opened, listed or destroyed: it is done again', async () => {
  const storage = await openStorage({ connectionString: postgres.proxy.url })
  for (const [statement, work] of [
    ['outpost-open', () => storage.openLog(`${name}, opened`)],
    ['outpost-list', () => storage.list(`${name},`)],
    ['outpost-destroy', () => storage.destroy(`${name}, opened`)],
  ] as const) {
    const cut = postgres.proxy.cut(statement, 'after')
    await work()
    await cut
  }
  expect(await storage.list(`${name},`)).toEqual([])
})

describe('a backend that is killed', () => {
  test('while its append waits for the head row: in doubt, nothing is there, and the next append works', async () => {
    const holder = await holdHead()
    const appending = errorOf(log.events.append([record(2)], 'strict'))
    await untilWaiting('outpost.append')
    await postgres.server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%outpost.append%' AND wait_event_type = 'Lock'`,
    )
    expect(await appending).toMatchObject({ ...inDoubt, details: { inDoubt: true, sqlState: '57P01' } })
    await holder.release()
    expect(await beside.events.last()).toEqual(record(1))
    expect(await log.events.append([record(2)], 'strict')).toBe('appended')
  })

  test('with all others while they are idle: nobody notices', async () => {
    await postgres.server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()`,
    )
    await expect.poll(() => log.events.append([record(2)], 'strict').catch(() => 'not yet')).toMatch(/appended|conflict/)
    expect(await beside.events.last()).toEqual(record(2))
  })
})

describe('a database', () => {
  test('whose head row is held for too long: the append is given up, and certainly not done', async () => {
    const slow = await (await openStorage({ statementTimeoutMs: 300 })).openLog(name)
    const holder = await holdHead()
    const error = await errorOf(slow.events.append([record(2)], 'strict'))
    isDefinite(error)
    expect(error).toMatchObject({ details: { sqlState: '57014' } })
    await holder.release()
    expect(await beside.events.last()).toEqual(record(1))
    expect(await slow.events.append([record(2)], 'strict')).toBe('appended')
  })

  test('whose connections are all in use: who waits too long is told, and certainly nothing was done', async () => {
    const narrow = await openStorage({ connections: 1, connectTimeoutMs: 300 })
    const first = await narrow.openLog(name)
    const holder = await holdHead()
    const appending = first.events.append([record(2)], 'strict')
    await untilWaiting('outpost.append')
    isDefinite(await errorOf(first.events.append([record(2, 'late')], 'strict')))
    isDefinite(await errorOf(first.events.last()))
    await holder.release()
    expect(await appending).toBe('appended')
    expect(await first.events.last()).toEqual(record(2))
  })

  test('that is down: every call says so, and works once it is up again', async () => {
    await postgres.server.kill()
    try {
      isDefinite(await errorOf(beside.events.append([record(2)], 'strict').catch(() => beside.events.append([record(2)], 'strict'))))
      isDefinite(await errorOf(beside.events.last()))
      expect(await errorOf(createPostgresStorage(openPg({ connectionString: postgres.url })))).toMatchObject({ code: 'storage-failed' })
    } finally {
      await postgres.server.start()
    }
    await expect.poll(() => beside.events.last().catch(() => 'not yet'), { timeout: 20_000 }).toEqual(record(1))
    expect(await beside.events.append([record(2)], 'strict')).toBe('appended')
  })

  test('that is closed answers what was asked before, and refuses the rest', async () => {
    const storage = await openStorage({ connections: 1 })
    const own = await storage.openLog(name)
    let told: string | undefined
    own.onClosed = (reason) => (told = reason)
    const asked = [own.events.append([record(2)], 'strict'), own.events.last(), own.meta.get('none')]
    await storage.close()
    await storage.close()
    expect(await Promise.all(asked)).toEqual(['appended', record(2), undefined])
    expect(told).toBe('the storage was closed')
    for (const call of [() => own.events.last(), () => storage.openLog(name), () => storage.list(''), () => storage.destroy(name)]) {
      expect(await errorOf(call())).toMatchObject({ code: 'closed' })
    }
  })

  test('whose disk is full: storage-full, nothing is written, and reading goes on', async () => {
    // As the server answers where a file cannot be extended.
    const full = `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device'; END $$;
      CREATE TRIGGER full_disk AFTER INSERT ON outpost.records EXECUTE FUNCTION full_disk()`
    await postgres.server.query(full, postgres.url)
    try {
      expect(await errorOf(log.events.append([record(2)], 'strict', new Map([['k', 1]])))).toMatchObject({ code: 'storage-full' })
      expect(await log.events.last()).toEqual(record(1))
      expect(await log.meta.get('k')).toBeUndefined()
    } finally {
      await postgres.server.query('DROP FUNCTION full_disk CASCADE', postgres.url)
    }
    expect(await log.events.append([record(2)], 'strict')).toBe('appended')
  })
})

/** By the wire, because neither a locale nor its translations are on every machine (`lc_messages`). */
describe('a server that does not speak English', () => {
  const inCzech = (answer: Buffer): Buffer =>
    Buffer.from(answer.toString('latin1').replaceAll('SERROR\0V', 'SCHYBA\0V').replaceAll('SFATAL\0V', 'SKONEC\0V'), 'latin1')
  const openCzech = async (options: Partial<PgOptions> = {}): Promise<SqlDatabase> => {
    const proxy = await startProxy(postgres.url, inCzech)
    opened.push(proxy)
    return openPg({ connectionString: proxy.url, connections: 1, ...options })
  }
  const backend = { text: 'SELECT pg_backend_pid() AS pid' }

  test('refuses a statement: nothing was done, and the connection is kept', async () => {
    const database = await openCzech()
    opened.push(database)
    const before = await database.run(backend, [])
    const refused = { outcome: 'refused', code: '22012', passing: false, cause: { severity: 'CHYBA' } }
    expect(await errorOf(database.run({ text: 'SELECT 1 / 0' }, []))).toMatchObject(refused)
    expect(await errorOf(database.transaction((run) => run({ text: 'SELECT 1 / 0' }, [])))).toMatchObject(refused)
    expect(await database.run(backend, [])).toEqual(before)
  })

  test('gives up an append that waits too long: it is certainly not done', async () => {
    const storage = await createPostgresStorage(await openCzech({ statementTimeoutMs: 300 }))
    opened.push(storage)
    const slow = await storage.openLog(name)
    const holder = await holdHead()
    const error = await errorOf(slow.events.append([record(2)], 'strict'))
    isDefinite(error)
    expect(error).toMatchObject({ details: { sqlState: '57014' } })
    await holder.release()
    expect(await slow.events.append([record(2)], 'strict')).toBe('appended')
  })

  test('ends a connection: what ran on it is in doubt', async () => {
    const database = await openCzech()
    opened.push(database)
    const ended = { code: '57P01', passing: true, cause: { severity: 'KONEC' } }
    const suicide = { text: 'SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)' }
    expect(await errorOf(database.run(suicide, []))).toMatchObject({ ...ended, outcome: 'unknown' })
    expect(await errorOf(database.transaction((run) => run(suicide, [])))).toMatchObject({ ...ended, outcome: 'nothing' })
    expect(await database.run(backend, [])).toHaveLength(1)
  })
})

test('a key that is longer than PostgreSQL can index fails its whole write, and says so', async () => {
  const key = Array.from({ length: 3_000 }, () => String.fromCharCode(33 + Math.floor(Math.random() * 90))).join('')
  const save = log.states.save([
    { fold: 'fold', expected: undefined, checkpoint: checkpoint(1), puts: [{ key, version: 1, position: 1, state: {} }], removes: [] },
  ])
  const error = await errorOf(save)
  isDefinite(error)
  expect((error as Error).message).toMatch(/cannot index keys/)
  expect(await log.states.checkpoints()).toEqual(new Map())
})

test('two that save a fold first at once: neither waits for ever, one is stale', async () => {
  for (let round = 0; round < 20; round++) {
    const write = { fold: `fold ${round}`, expected: undefined, puts: [], removes: [] }
    const outcomes = await Promise.all([
      log.states.save([{ ...write, checkpoint: checkpoint(1) }]),
      beside.states.save([{ ...write, checkpoint: checkpoint(1, 'other') }]),
    ])
    expect(outcomes.toSorted()).toEqual(['saved', 'stale'])
  }
})

test('a process that stands still in a transaction is put out of it by the server', async () => {
  const database = openPg({ connectionString: postgres.url })
  opened.push(database)
  const text = `SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('statement_timeout') AS statement`
  expect(await database.run({ text }, [])).toEqual([{ idle: '10s', statement: '30s' }])
})
