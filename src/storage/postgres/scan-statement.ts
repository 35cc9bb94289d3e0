/** The statements by which rows are read in the order of a key. */
import type { KeyRange, Scan } from '../storage.ts'
import { keyBytes } from './key-bytes.ts'
import type { SqlValue, Statement } from './sql-database.ts'

interface Parts {
  readonly name: string
  readonly from: string
  readonly where: string
  readonly order: string
  readonly values: readonly SqlValue[]
}

/** Rows in order, each with the checkpoint; `$1` is the space, `$2` the incarnation. @param limit null for none */
export function scanStatement(scan: Scan, limit: number | null): { readonly statement: Statement; readonly values: readonly SqlValue[] } {
  const { name, from, where, order, values } = partsOf(scan)
  const text = `SELECT h.checkpoint, r.value FROM outpost.heads h LEFT JOIN LATERAL (
    SELECT rows.value FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT $${values.length + 3}::bigint
  ) r ON true WHERE h.space = $1 AND h.incarnation = $2`
  return { statement: { name: `outpost-scan-${name}`, text }, values: [...values, limit] }
}

/** One row with checkpoint and `count`. */
export function countStatement(scan: Scan): { readonly statement: Statement; readonly values: readonly SqlValue[] } {
  const { name, from, where, values } = partsOf(scan)
  const text = `SELECT h.checkpoint, (SELECT count(*)::float8 FROM ${from} WHERE ${where}) AS count
    FROM outpost.heads h WHERE h.space = $1 AND h.incarnation = $2`
  return { statement: { name: `outpost-count-${name}`, text }, values }
}

function partsOf({ index, range = {}, reverse = false }: Scan): Parts {
  const direction = reverse ? 'DESC' : 'ASC'
  if (index === undefined) {
    const ends = endsOf(range, 'rows.key', 3)
    return {
      name: `key-${direction}-${ends.name}`,
      from: 'outpost.rows',
      where: ['rows.space = $1', ...ends.conditions].join(' AND '),
      order: `rows.key ${direction}`,
      values: ends.values,
    }
  }
  const ends = endsOf(range, 'entries.entry', 4)
  return {
    name: `index-${direction}-${ends.name}`,
    from: 'outpost.entries JOIN outpost.rows ON rows.space = $1 AND rows.key = entries.key',
    where: ['entries.space = $1', 'entries.index = $3::smallint', ...ends.conditions].join(' AND '),
    order: `entries.entry ${direction}, entries.key ${direction}`,
    values: [index, ...ends.values],
  }
}

function endsOf({ lower, upper, lowerOpen = false, upperOpen = false }: KeyRange, column: string, parameter: number) {
  const ends = [
    ...(lower === undefined ? [] : [{ sign: lowerOpen ? '>' : '>=', key: lower }]),
    ...(upper === undefined ? [] : [{ sign: upperOpen ? '<' : '<=', key: upper }]),
  ]
  return {
    name: ends.map(({ sign }) => sign).join('') || 'all',
    conditions: ends.map(({ sign }, i) => `${column} ${sign} $${parameter + i}`),
    values: ends.map(({ key }) => keyBytes(key)),
  }
}
