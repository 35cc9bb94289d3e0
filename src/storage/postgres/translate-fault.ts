/** Faults of the database become Outpost's errors here and nowhere else; they stay reachable as `cause`. */
import { OutpostError } from '../../errors.ts'
import { SqlFault } from './sql-database.ts'

const DISK_FULL = '53100'
const KEY_TOO_LONG = '54000'
const TIMED_OUT = '57014'

/** @param doing what failed, on which database: the beginning of the message */
export function translateFault(error: unknown, doing: string, details: Readonly<Record<string, unknown>> = {}): unknown {
  if (!(error instanceof SqlFault)) return error
  const { code, outcome } = error
  // A server that dies of it may have committed before.
  if (code === DISK_FULL && outcome !== 'unknown') {
    return new OutpostError(
      'storage-full',
      `${doing}: the database's disk is full. Nothing was written; free space, then try again.`,
      details,
      error.cause,
    )
  }
  const known = { ...details, ...(code !== undefined && { sqlState: code }), ...(outcome === 'unknown' && { inDoubt: true }) }
  return new OutpostError(
    'storage-failed',
    `${doing} failed (${code ?? 'no answer'}: ${error.message}). ${nextStep(error)}`,
    known,
    error.cause,
  )
}

function nextStep({ code, outcome }: SqlFault): string {
  if (outcome === 'unknown') return 'It may have been written: read before writing again.'
  if (code === KEY_TOO_LONG) return 'Nothing was written; PostgreSQL cannot index keys of more than about 2,600 bytes: use shorter ones.'
  if (code === TIMED_OUT)
    return 'Nothing was written; what it waited for is in pg_stat_activity, how long it may wait is `statementTimeoutMs`.'
  if (outcome === 'nothing') return 'Nothing was written; see whether the database runs and can be reached.'
  return "Nothing was written; see the database's log."
}
