import type { LogRecord } from '../record.ts'
import type { EventStore } from '../storage.ts'
import type { Handle } from './handle.ts'
import { textBytes } from './key-bytes.ts'
import { limitOf } from './limit.ts'
import type { SqlRow } from './sql-database.ts'
import { valueOf, valueText } from './value-text.ts'

/*
 * How every read is made: the head row, and joined to it what is asked for. No row at all: the database is gone. One row without a value:
 * there is nothing. LEFT JOIN … ON true can only be run as a loop over what the subquery gives, and so keeps its order.
 */
const last = {
  name: 'outpost-last',
  text: `SELECT r.value FROM outpost.heads h LEFT JOIN outpost.records r ON r.space = $1 AND r.number = h.record
    WHERE h.space = $1 AND h.incarnation = $2`,
}
const read = {
  name: 'outpost-read',
  text: `SELECT r.value FROM outpost.heads h LEFT JOIN LATERAL (
      SELECT value FROM outpost.records WHERE space = $1 AND number > $3::bigint ORDER BY number LIMIT $4::bigint
    ) r ON true WHERE h.space = $1 AND h.incarnation = $2`,
}
const get = {
  name: 'outpost-get',
  text: `SELECT r.place, r.value FROM outpost.heads h LEFT JOIN LATERAL (
      SELECT asked.place::int4, records.value FROM unnest($3::bigint[]) WITH ORDINALITY AS asked (number, place)
      JOIN outpost.records ON records.space = $1 AND records.number = asked.number
    ) r ON true WHERE h.space = $1 AND h.incarnation = $2`,
}
const append = {
  name: 'outpost-append',
  text: 'SELECT outpost.append($1, $2, $3::bigint, $4::text[], $5::bytea[], $6::text[], $7::bytea[], $8::boolean) AS outcome',
}

/** @param grown called after each append, with the number of its last record */
export function createEventStore(handle: Handle, grown: (record: number) => void): EventStore {
  return {
    async last() {
      const [record] = recordsIn(await handle.read('Reading the last record of', last))
      return record
    },

    async append(records, durability, meta = new Map()) {
      const [first] = records
      if (!first) return 'appended'
      const puts = [...meta].filter(([, value]) => value !== undefined)
      const deleted = [...meta.keys()].filter((key) => meta.get(key) === undefined)
      const outcome = await handle.write('Appending to', append, [
        first.number,
        records.map(valueText),
        puts.map(([key]) => textBytes(key)),
        puts.map(([, value]) => valueText(value)),
        deleted.map(textBytes),
        durability === 'strict',
      ])
      if (outcome === 'conflict') return 'conflict'
      grown(first.number + records.length - 1)
      return 'appended'
    },

    read: async (after, limit) =>
      limit <= 0 ? [] : recordsIn(await handle.read('Reading records of', read, [Math.floor(after), limitOf(limit)])),

    async get(numbers) {
      const asked = numbers.map((number) => (Number.isSafeInteger(number) ? number : 0))
      const found = new Map((await handle.read('Reading records of', get, [asked])).map((row) => [row['place'], row]))
      return numbers.map((_, i) => recordsIn([found.get(i + 1) ?? {}])[0])
    },
  }
}

const recordsIn = (rows: readonly SqlRow[]): LogRecord[] =>
  rows.flatMap(({ value }) => (typeof value === 'string' ? [valueOf(value) as LogRecord] : []))
