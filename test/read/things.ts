/** A domain of nothing but rows, and what its rows and queries must be, said in the plainest way: the oracle. */
import { aggregate, domain, query, readModel } from 'outpost'
import { z } from 'zod'
import type { RowsQuery } from '../../src/domain/query.ts'
import type { GivenEvent } from './world.ts'

const Values = z.object({ a: z.number(), b: z.string(), c: z.union([z.number(), z.string(), z.boolean(), z.null()]).optional() })
export type Values = z.infer<typeof Values>
export type ThingRow = Values & { readonly id: string }

export const thing = aggregate('thing', {
  state: z.object({}),
  events: { put: Values, changed: z.object({ by: z.number() }), merged: Values, removed: z.object({}), noted: z.object({}) },
  commands: {},
  create: { put: () => ({}), changed: () => ({}), merged: () => ({}), removed: () => ({}), noted: () => ({}) },
  evolve: {},
  decide: {},
})

/** @param version rows do not depend on it */
export const thingsOf = (version: number) =>
  readModel('things', {
    version,
    from: [thing],
    row: z.object({ id: z.string(), ...Values.shape }),
    key: 'id',
    indexes: ['a', 'b', ['a', 'b'], ['b', 'a', 'id']],
    ignores: ['thing.noted'],
    on: {
      'thing.put': ({ aggregateId, data }, rows) => rows.put({ id: aggregateId, ...data }),
      'thing.changed': ({ aggregateId, data }, rows) =>
        rows.upsert(aggregateId, (row) => ({ ...(row ?? { id: aggregateId, a: 0, b: '' }), a: ((row?.a ?? 0) + data.by) % 5 })),
      'thing.merged': ({ aggregateId, data }, rows) => rows.upsert(aggregateId, (row) => ({ ...row, id: aggregateId, ...data })),
      'thing.removed': ({ aggregateId }, rows) => rows.remove(aggregateId),
    },
  })

export const things = thingsOf(1)

/** The sum of a field over two reads of the same rows: it differs from itself where the reads were not as of one record. */
export const twice = query('twice', {
  reads: [things],
  input: z.object({ b: z.string() }),
  run: async (read, { b }) => {
    const first = await read.things.where({ b })
    const second = await read.things.where({ b }).count()
    return { ids: first.map((row) => row.id), count: second, rows: first }
  },
})

/** Rows as they are, in an order of its own. */
export const backwards = query('backwards', {
  reads: [things],
  input: z.object({}),
  run: async (read) => [...(await read.things)].reverse(),
})

export const thingsDomain = domain('things', { aggregates: [thing], readModels: [things], queries: [twice, backwards] })

/** What the rows are after these Events. */
export function foldThings(events: readonly GivenEvent[]): ReadonlyMap<string, ThingRow> {
  const rows = new Map<string, ThingRow>()
  for (const { type, aggregateId: id, data } of events) {
    const before = rows.get(id)
    if (type === 'thing.put') rows.set(id, { id, ...(data as Values) })
    if (type === 'thing.merged') rows.set(id, { ...before, id, ...(data as Values) })
    if (type === 'thing.removed') rows.delete(id)
    if (type === 'thing.changed') rows.set(id, { ...(before ?? { id, b: '' }), a: ((before?.a ?? 0) + (data as { by: number }).by) % 5 })
  }
  return rows
}

const rank = (value: unknown): number =>
  typeof value === 'number' ? 3 : typeof value === 'string' ? 4 : value === true ? 2 : value === false ? 1 : 0

function compare(a: unknown, b: unknown): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  return rank(a) < 3 ? 0 : (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

function holds(value: unknown, condition: unknown): boolean {
  if (typeof condition !== 'object' || condition === null) return value === condition
  const { anyOf, prefix, from, to, above, below } = condition as Readonly<Record<string, unknown>>
  if (anyOf) return (anyOf as readonly unknown[]).includes(value)
  if (prefix !== undefined) return typeof value === 'string' && value.startsWith(prefix as string)
  return (
    rank(value) >= 3 &&
    (from === undefined || compare(value, from) >= 0) &&
    (to === undefined || compare(value, to) <= 0) &&
    (above === undefined || compare(value, above) > 0) &&
    (below === undefined || compare(value, below) < 0)
  )
}

/** What the query gives on these rows. */
export function answerThings(rows: ReadonlyMap<string, ThingRow>, asked: RowsQuery): unknown {
  const conditions = [...Object.entries(asked.where), ...Object.entries(asked.filter)]
  const matching = [...rows.values()].filter((row) =>
    conditions.every(([field, all]) => all.every((condition) => holds((row as Readonly<Record<string, unknown>>)[field], condition))),
  )
  if (asked.result === 'count') return matching.length
  const last = asked.orderBy.at(-1)?.descending ?? false
  matching.sort((x, y) => {
    for (const { field, descending } of [...asked.orderBy, { field: 'id', descending: last }]) {
      const order = compare((x as Readonly<Record<string, unknown>>)[field], (y as Readonly<Record<string, unknown>>)[field])
      if (order !== 0) return descending ? -order : order
    }
    return 0
  })
  const { offset = 0, limit = Infinity } = asked
  const page = matching.slice(offset, limit === Infinity ? undefined : offset + limit)
  return asked.result === 'first' ? page[0] : page
}
