/** PostgreSQL over the network, by `pg`: https://node-postgres.com */
import { Pool, type PoolClient, type PoolConfig } from 'pg'
import { PgListener } from './pg-listener.ts'
import { type DriverError, faultOf, type RunStatement, type SqlDatabase, type SqlFault, type SqlRow } from './sql-database.ts'

export interface PgOptions {
  /** `postgres://user:password@host:port/database`, with `?sslmode=…` and the like. */
  readonly connectionString: string
  /** At most so many connections besides the one that listens; 10 unless told. */
  readonly connections?: number
  /** How long a call may wait for a connection; 10,000 ms unless told. */
  readonly connectTimeoutMs?: number
  /** How long a statement may take, waiting for locks included; 30,000 ms unless told. */
  readonly statementTimeoutMs?: number
}

/**
 * A transaction that waits so long for its own process (stopped, suspended, cut off) is ended by the server: it may hold a space's head
 * row, for which every other process waits.
 */
const IDLE_IN_TRANSACTION_MS = 10_000
/** How much later than the server's own timeout its silence counts as a lost connection. */
const SILENCE_MS = 5_000

const ENDS_SESSION = new Set(['FATAL', 'PANIC'])

const begin = { text: 'BEGIN' }
const commit = { text: 'COMMIT' }
const rollback = { text: 'ROLLBACK' }

/** Connects at the first statement. */
export function openPg({
  connectionString,
  connections = 10,
  connectTimeoutMs = 10_000,
  statementTimeoutMs = 30_000,
}: PgOptions): SqlDatabase {
  const config: PoolConfig = {
    connectionString,
    max: connections,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    fallback_application_name: 'outpost',
    keepAlive: true,
  }
  const pool = new Pool(config)
  // A connection that dies is told to the statement that is under way on it. One that is idle leaves the pool, which needs no more.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const listeners: PgListener[] = []
  const running = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const withClient = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    let client: PoolClient
    try {
      client = await pool.connect()
    } catch (error) {
      throw faultOf(error, 'connecting')
    }
    let broken = false
    try {
      return await work(client)
    } catch (error) {
      broken = isFault(error) && error.outcome !== 'refused'
      throw error
    } finally {
      client.release(broken)
    }
  }

  const connected = <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const outcome = withClient(work)
    running.add(outcome)
    const settled = (): void => void running.delete(outcome)
    outcome.then(settled, settled)
    return outcome
  }

  const runOn =
    (client: PoolClient, reached: 'under way' | 'committing'): RunStatement =>
    async (statement, values) => {
      try {
        return (await client.query<SqlRow>({ ...statement, values: [...values] })).rows
      } catch (error) {
        throw faultOf(error, reached, await outlives(client, error as DriverError))
      }
    }

  return {
    place: placeOf(connectionString),

    run: (statement, values) => connected((client) => runOn(client, 'committing')(statement, values)),

    transaction: (body) =>
      connected(async (client) => {
        const run = runOn(client, 'under way')
        await run(begin, [])
        try {
          const result = await body(run)
          await runOn(client, 'committing')(commit, [])
          return result
        } catch (error) {
          // On a dead connection there is nothing to roll back.
          if (!isFault(error) || error.outcome === 'refused') await run(rollback, [])
          throw error
        }
      }),

    async listen(channel, listener) {
      const made = new PgListener(config, channel, listener)
      listeners.push(made)
      await made.start()
    },

    close: () =>
      (closing ??= (async () => {
        await Promise.all(listeners.map((listener) => listener.close()))
        // A pool that ends leaves those who still wait for a connection without an answer.
        while (running.size > 0) await Promise.allSettled(running)
        await pool.end()
      })()),
  }
}

const isFault = (error: unknown): error is SqlFault => error instanceof Error && error.name === 'SqlFault'

/**
 * Whether the session outlives the error: an ERROR ends a transaction, FATAL and PANIC end the session, perhaps after the commit. No
 * SQLSTATE tells them apart (a full disk is either), and severity comes in the server's language: where it is not English, asking does.
 */
async function outlives(client: PoolClient, { severity }: DriverError): Promise<boolean> {
  if (severity === undefined || ENDS_SESSION.has(severity)) return false
  if (severity === 'ERROR') return true
  try {
    // Nothing, which is answered also in a transaction that failed.
    await client.query('')
    return true
  } catch {
    return false
  }
}

/** Host and database, without user and password. */
function placeOf(connectionString: string): string {
  if (!URL.canParse(connectionString)) return 'PostgreSQL'
  const { host, pathname } = new URL(connectionString)
  return `PostgreSQL at ${host}${pathname}`
}
