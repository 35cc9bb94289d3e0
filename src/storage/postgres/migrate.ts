/** Makes the schema, or brings it to this build's version. Any number of processes may do so at once. */
import { OutpostError } from '../../errors.ts'
import { migrations, SCHEMA_VERSION } from './schema.ts'
import type { RunStatement, SqlDatabase } from './sql-database.ts'

const OLDEST = 15

const server = {
  text: `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding`,
}
/** Held to the end of the transaction: the second process finds the work done. The number is 'outpost' in ASCII. */
const lock = { text: 'SELECT pg_advisory_xact_lock(31373366247617396)' }
const present = {
  text: `SELECT to_regnamespace('outpost') IS NOT NULL AS space, to_regclass('outpost.migrations') IS NOT NULL AS schema`,
}
const version = { text: 'SELECT coalesce(max(version), 0)::int4 AS version FROM outpost.migrations' }
const note = { text: 'INSERT INTO outpost.migrations (version) VALUES ($1)' }

/**
 * @throws `unsupported` where the server is too old or does not keep UTF-8
 * @throws `storage-newer` where a newer build has migrated it: nothing was changed
 */
export async function migrate(database: SqlDatabase): Promise<void> {
  await checkServer(database)
  await database.transaction(async (run) => {
    await run(lock, [])
    const stored = await storedVersion(run)
    if (stored > SCHEMA_VERSION) {
      throw new OutpostError(
        'storage-newer',
        `The tables in ${database.place} have version ${stored}, this build knows ${SCHEMA_VERSION}. Nothing was changed; start the newer build.`,
        { version: stored, known: SCHEMA_VERSION },
      )
    }
    for (let next = stored + 1; next <= SCHEMA_VERSION; next++) {
      for (const text of statementsOf(migrations[next - 1] as string)) await run({ text }, [])
      await run(note, [next])
    }
  })
}

async function checkServer(database: SqlDatabase): Promise<void> {
  const [row] = await database.run(server, [])
  const { major, encoding } = row as { readonly major: number; readonly encoding: string }
  if (major < OLDEST) {
    const message = `${database.place} is PostgreSQL ${major}: Outpost needs ${OLDEST} or newer.`
    throw new OutpostError('unsupported', message, { missing: `PostgreSQL ${OLDEST}` })
  }
  if (encoding !== 'UTF8') {
    const message = `${database.place} keeps text as ${encoding}: make the database with ENCODING 'UTF8'.`
    throw new OutpostError('unsupported', message, { missing: 'UTF8' })
  }
}

async function storedVersion(run: RunStatement): Promise<number> {
  const [found] = await run(present, [])
  // IF NOT EXISTS would ask for the right to create schemas also where an administrator has made this one.
  if (!found?.['space']) await run({ text: 'CREATE SCHEMA outpost' }, [])
  if (!found?.['schema']) {
    const text = 'CREATE TABLE outpost.migrations (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())'
    await run({ text }, [])
  }
  return (await run(version, []))[0]?.['version'] as number
}

/** The statements of a migration: one at a time is what every driver can run. Inside a function's body a semicolon ends no statement. */
export const statementsOf = (script: string): string[] =>
  (script.match(/(?:\$\$[\s\S]*?\$\$|[^;$])+/g) ?? []).map((text) => text.trim()).filter(Boolean)
