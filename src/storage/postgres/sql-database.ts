/**
 * The port between the adapter and what speaks to a database: PostgreSQL over the network (`pg-database.ts`) or embedded
 * (`pglite-database.ts`). Everything above it is one code path.
 */

/** What a statement takes. An array of one of them becomes a PostgreSQL array. */
export type SqlValue = string | number | boolean | null | Uint8Array | readonly (string | number | null)[] | readonly Uint8Array[]

export type SqlRow = Readonly<Record<string, unknown>>

/** A statement with `$1`, `$2`… */
export interface Statement {
  /** Stands for its text, always the same one, so that a connection parses it once; absent for what is run seldom. */
  readonly name?: string
  readonly text: string
}

export type RunStatement = (statement: Statement, values: readonly SqlValue[]) => Promise<readonly SqlRow[]>

/** How a driver tells of notifications. */
export interface Listener {
  /** A notification came. */
  heard(payload: string): void
  /** The connection was lost and is back: what was sent in between is lost. */
  missed(): void
}

export interface SqlDatabase {
  /** What it is and where, without secrets: for messages. */
  readonly place: string
  /** Runs one statement, in a transaction of its own. @throws SqlFault */
  readonly run: RunStatement
  /**
   * Runs `body` in one transaction and commits it. What `body` throws rolls it back and is passed on.
   * @throws SqlFault
   */
  transaction<T>(body: (run: RunStatement) => Promise<T>): Promise<T>
  /** Listens on a channel until closed; a lost connection is made again, as often as it takes. */
  listen(channel: string, listener: Listener): Promise<void>
  /** Waits for what runs. Works twice. */
  close(): Promise<void>
}

/**
 * What the database has done with the work that failed:
 * - `nothing`: no part of it is there, and nobody looked at it: the database could not be reached, or the connection died before COMMIT;
 * - `refused`: the database said no; no part of it is there;
 * - `unknown`: no answer came: it may have been committed.
 */
export type SqlOutcome = 'nothing' | 'refused' | 'unknown'

/** What a driver throws; `cause` is the error it met. */
export class SqlFault extends Error {
  override readonly name = 'SqlFault'
  readonly outcome: SqlOutcome
  /** SQLSTATE, or the system's code: https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly code: string | undefined
  /** True where the same work may succeed a moment later. */
  readonly passing: boolean

  constructor(outcome: SqlOutcome, { code, passing, cause }: { code: string | undefined; passing: boolean; cause: unknown }) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.outcome = outcome
    this.code = code
    this.passing = passing
  }
}

/** Another transaction was in the way, and this one was rolled back for it. */
const ROLLED_BACK = new Set(['40001', '40P01'])
/** The server is starting, stopping or full, or the network lost it. */
const UNREACHABLE = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EAI_AGAIN',
])

/** What drivers throw where the server answered; without `severity` it did not. */
export interface DriverError {
  readonly code?: string
  /** In the server's language (`lc_messages`). */
  readonly severity?: string
}

/**
 * @param reached how far the work was when it failed: `connecting`, under way in a transaction that was not told to commit, or
 * `committing`
 * @param outlived whether the session outlived the error; by default where it says so in English
 */
export function faultOf(
  cause: unknown,
  reached: 'connecting' | 'under way' | 'committing',
  outlived = (cause as DriverError | undefined)?.severity === 'ERROR',
): SqlFault {
  if (cause instanceof SqlFault) return cause
  const { code } = (cause ?? {}) as DriverError
  if (reached === 'connecting') return new SqlFault('nothing', { code, passing: code !== undefined && UNREACHABLE.has(code), cause })
  // FATAL is the end of a connection, which may come after the commit; an ERROR is the end of a transaction.
  if (outlived) return new SqlFault('refused', { code, passing: code !== undefined && ROLLED_BACK.has(code), cause })
  return new SqlFault(reached === 'committing' ? 'unknown' : 'nothing', { code, passing: true, cause })
}
