/** Every key and every query begins with the space: held over all statements that the storage contract makes, and over the schema. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPg } from '../../src/storage/postgres/pg-database.ts'
import { createPostgresStorage } from '../../src/storage/postgres/postgres-storage.ts'
import { TABLES } from '../../src/storage/postgres/schema.ts'
import type { RunStatement, SqlDatabase } from '../../src/storage/postgres/sql-database.ts'
import { storageContract } from '../../src/testing/storage-contract.ts'
import { record } from '../../src/testing/storage-contract/samples.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'

let server: PostgresServer
let url: string
beforeAll(async () => {
  server = await startPostgres()
  url = await server.database()
})
afterAll(() => server.stop())

interface Issued {
  readonly text: string
  readonly values: readonly unknown[]
}

function spied(database: SqlDatabase, issued: Issued[]): SqlDatabase {
  const spy =
    (run: RunStatement): RunStatement =>
    (statement, values) => {
      issued.push({ text: statement.text, values })
      return run(statement, values)
    }
  return { ...database, run: spy(database.run), transaction: (body) => database.transaction((run) => body(spy(run))) }
}

const tableOf = String.raw`outpost\.(?:${TABLES.join('|')})\b`

/** What is wrong with a statement: each table that it touches without asking for one space. @param space how the statement names it */
function touchesMore(text: string, space: string): string[] {
  const bound = (table: string, alias: string): boolean =>
    new RegExp(String.raw`(?:\b${alias}\.|\b${table}\.|[^.\w])space = ${space}(?![\w$])`).test(text)
  return [
    ...text.matchAll(
      new RegExp(String.raw`(INTO |)(${tableOf})(?: AS)?(?: (?!(?:WHERE|SET|JOIN|ON|LEFT|USING|ORDER|DEFAULT|FOR)\b)(\w+))?`, 'g'),
    ),
  ].flatMap(([, into, table = '', alias = '']) => {
    const name = table.slice('outpost.'.length)
    // What is inserted begins with the space: as a value, or as the head row's.
    const holds = into
      ? new RegExp(
          String.raw`INTO ${table}(?: AS \w+| \w+)? \(space, [^)]*\)\s+(?:VALUES \(|SELECT )(?:${space}\b|space, )`.replaceAll(
            '$1',
            String.raw`\$1`,
          ),
        ).test(text) || bound(name, alias || name)
      : bound(name, alias || name)
    return holds ? [] : [`${table} in: ${text}`]
  })
}

describe('the check', () => {
  test.each([
    'SELECT value FROM outpost.records WHERE number = $1',
    'SELECT value FROM outpost.records WHERE space > $1',
    'SELECT h.record FROM outpost.heads h JOIN outpost.meta m ON m.key = $2 WHERE h.space = $1',
    'DELETE FROM outpost.meta WHERE key = $1',
    'INSERT INTO outpost.meta (key, space) VALUES ($2, $1)',
    'UPDATE outpost.heads SET record = 1',
  ])('finds what asks for more than one space: %s', (text) => {
    expect(touchesMore(text, String.raw`\$1`)).toHaveLength(1)
  })
})

test('every statement of the contract is about one space, its first parameter', async () => {
  const issued: Issued[] = []
  const storage = await createPostgresStorage(spied(openPg({ connectionString: url }), issued))
  const made = issued.length
  try {
    for (const { run } of storageContract) await run(() => storage)
  } finally {
    await storage.close()
  }
  const statements = new Map(issued.slice(made).map(({ text, values }) => [text, values]))
  expect(statements.size).toBeGreaterThan(40)
  const wrong = [...statements].flatMap(([text, values]) => {
    // These look at all spaces, at the head rows alone: what is there by a beginning, and which of those watched have grown.
    if (/^SELECT space(, incarnation::text, record::float8)? FROM outpost\.heads WHERE space (\^@ \$1|= ANY \(\$1::text\[\]\))$/.test(text))
      return []
    if (
      /^(FETCH 1000 FROM scan|SELECT set_config\('synchronous_commit', 'off', true\), pg_notify\('outpost', news\) FROM unnest\(\$1::text\[\]\) AS news)$/.test(
        text,
      )
    )
      return []
    const isFunction = /^SELECT [\w, :.]*(FROM )?outpost\.\w+\(\$1\b/.test(text)
    const more = isFunction ? [] : touchesMore(text, String.raw`\$1`)
    const touches = isFunction || new RegExp(tableOf).test(text)
    const hasSpace = typeof values[0] === 'string' && values[0].startsWith('contract-')
    return [...more, ...(touches ? [] : [`no table in: ${text}`]), ...(hasSpace ? [] : [`no space in: ${text}`])]
  })
  expect(wrong).toEqual([])
})

test('every statement inside the functions is about one space, their first argument', async () => {
  const functions = await server.query(
    `SELECT proname AS name, prosrc AS body, proargnames[1] AS first FROM pg_proc WHERE pronamespace = 'outpost'::regnamespace`,
    url,
  )
  expect(functions.length).toBeGreaterThan(8)
  for (const { name, body, first } of functions as readonly { name: string; body: string; first: string }[]) {
    expect({ name, first }).toEqual({ name, first: '_space' })
    expect(body.split(';').flatMap((statement) => touchesMore(statement, '_space'))).toEqual([])
  }
})

test('every primary key and every other index begins with the space', async () => {
  const indexes = await server.query(
    `SELECT tablename AS table, indexname AS index, indexdef AS definition FROM pg_indexes WHERE schemaname = 'outpost'`,
    url,
  )
  const stray = indexes.filter(({ definition }) => !/ USING btree \(space(,|\))/.test(String(definition)))
  expect(stray.map(({ index }) => index)).toEqual(['migrations_pkey'])
  const tables = await server.query(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'outpost' ORDER BY 1`, url)
  expect(tables.map(({ name }) => name)).toEqual([...TABLES, 'migrations'].toSorted())
  for (const table of TABLES) expect(indexes.some(({ index }) => index === `${table}_pkey`)).toBe(true)
})

test('the guide shards every table of the schema but the one about the whole', async () => {
  const guide = readFileSync(new URL('../../src/storage/postgres/README.md', import.meta.url), 'utf8')
  const named = /unnest\(ARRAY\[([^\]]+)\]\)/.exec(guide)?.[1]?.match(/\w+/g) ?? []
  expect(['heads', ...named].toSorted()).toEqual([...TABLES].toSorted())
  for (const table of [...TABLES, 'migrations']) expect(guide).toContain(`\n| \`${table}\` | `)
})

test('an append is one round trip, with meta data too; so is every read, and every save', async () => {
  const issued: Issued[] = []
  const storage = await createPostgresStorage(spied(openPg({ connectionString: url }), issued))
  try {
    const log = await storage.openLog('round trips')
    const tripsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = issued.length
      await work()
      return issued.slice(before).filter(({ text }) => !text.includes('pg_notify')).length
    }
    const meta = new Map([['client.a', { sequence: 1 }]])
    expect(await tripsOf(() => log.events.append([record(1), record(2)], 'strict', meta))).toBe(1)
    expect(await tripsOf(() => log.events.read(0, 100))).toBe(1)
    expect(await tripsOf(() => log.states.load('fold', ['a', 'b']))).toBe(1)
    expect(
      await tripsOf(() =>
        log.states.save([{ fold: 'fold', expected: undefined, checkpoint: { record: 1, id: 'a' }, puts: [], removes: ['a'] }]),
      ),
    ).toBe(1)
  } finally {
    await storage.close()
  }
})
