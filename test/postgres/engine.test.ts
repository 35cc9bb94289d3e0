/** Whole engines on PostgreSQL: several processes decide on one log, while connections are cut and backends killed under them. */
import { expect, test } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { openPg } from '../../src/storage/postgres/pg-database.ts'
import { createPostgresStorage, type PostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { createRoles, give, openEngine } from '../support/engine.ts'
import { proxiedPostgres } from '../support/proxied-postgres.ts'

const postgres = proxiedPostgres()

interface Process {
  readonly storage: PostgresStorage
  readonly engine: Engine
}

async function start(connectionString: string, roles = createRoles()): Promise<Process> {
  const storage = await createPostgresStorage(openPg({ connectionString }))
  return { storage, engine: await openEngine(storage, { roles, clock: createTestClock() }) }
}
async function stop({ engine, storage }: Process): Promise<void> {
  await engine.close()
  await storage.close()
}

test('two processes decide on one log: every Command counts once, whatever is cut or killed under them', async () => {
  const roles = createRoles()
  const processes = [await start(postgres.proxy.url, roles), await start(postgres.proxy.url, roles)]
  const [{ engine }] = processes as [Process]
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  await give(engine, 'stockItem.receive', 'a', { quantity: 1_000 })

  let isOver = false
  let cuts = 0
  const trouble = (async () => {
    while (!isOver) {
      // The one that waits for an append when all is over falls on the last Command.
      await postgres.proxy.cut('outpost-append', cuts % 2 ? 'before' : 'after')
      cuts++
      await postgres.server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test_1' AND random() < 0.3`)
    }
  })()
  // As a client does: the same Command, under the same id, until it has an outcome.
  const untilDone = async ({ engine }: Process, id: string): Promise<unknown> => {
    for (;;) {
      try {
        return await give(engine, 'stockItem.pick', 'a', { quantity: 1 }, { id })
      } catch (error) {
        expect(error).toMatchObject({ name: 'OutpostError', code: 'storage-failed' })
      }
    }
  }
  const outcomes = await Promise.all(
    processes.flatMap((process, p) =>
      [0, 1, 2].map(async (lane) => {
        const each: unknown[] = []
        for (let n = 0; n < 40; n++) each.push(await untilDone(process, `${p}/${lane}/${n}`))
        return each
      }),
    ),
  )
  isOver = true
  await untilDone(processes[0] as Process, 'last')
  await trouble
  expect(outcomes.flat().filter((outcome) => !(outcome as { ok: boolean }).ok)).toEqual([])
  expect(cuts).toBeGreaterThan(10)

  for (const process of processes) await stop(process)
  const next = await start(postgres.url)
  expect(await next.engine.history('stockItem', 'a')).toHaveLength(2 + 240 + 1)
  expect(await next.engine.load('stockItem', 'a')).toMatchObject({ state: { onHand: 1_000 - 240 - 1 }, version: 2 + 240 + 1 })
  await stop(next)
}, 120_000)

test('what an engine has saved of its log is taken up by the next one', async () => {
  const storage = await createPostgresStorage(openPg({ connectionString: await postgres.server.database() }))
  const clock = createTestClock()
  const first = await openEngine(storage, { clock })
  for (let n = 0; n < 30; n++) await give(first, 'stockItem.register', `item ${n}`, { name: `Item ${n}` })
  await clock.advance(60_000)
  await first.close()
  const second = await openEngine(storage)
  expect(await second.load('stockItem', 'item 29')).toMatchObject({ state: { name: 'Item 29' }, version: 1 })
  expect(await give(second, 'stockItem.receive', 'item 0', { quantity: 3 })).toMatchObject({ ok: true, position: 31 })
  await second.close()
  await storage.close()
})
