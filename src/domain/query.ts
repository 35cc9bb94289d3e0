/**
 * Queries as data, and the typed builder that makes them. The same builder serves the page (there a query can be
 * watched) and named queries in the worker (there it is awaited once); neither zod nor storage is needed for it.
 */
import type { ReadModel } from './read-model.ts'

/** What IndexedDB can order; the same type as storage's keys. */
export type Comparable = string | number | Date

/**
 * A condition on one field: the value itself, or bounds (`from` ≤ value ≤ `to`, `above` < value < `below`), a string's
 * beginning, or one of several values.
 */
export type Condition<V> =
  | V
  | { readonly from?: V; readonly to?: V; readonly above?: V; readonly below?: V }
  | { readonly anyOf: readonly V[] }
  | (V extends string ? { readonly prefix: string } : never)

/** By field, what each call said of it; all of it holds. Each is a {@link Condition}, or undefined for none. */
export type GivenConditions = Readonly<Record<string, readonly unknown[]>>

/** A read of one Read Model, as plain data. */
export interface RowsQuery {
  readonly kind: 'rows'
  readonly model: string
  /** On declared indexes and the key: they narrow what is read. */
  readonly where: GivenConditions
  /** On any field: they pass over rows that were read. */
  readonly filter: GivenConditions
  /** Later ones break ties of earlier ones; the key breaks the last. */
  readonly orderBy: readonly { readonly field: string; readonly descending: boolean }[]
  readonly limit?: number
  readonly offset?: number
  readonly result: 'all' | 'first' | 'count'
}

/** One row by its key. */
export interface GetQuery {
  readonly kind: 'get'
  readonly model: string
  readonly key: string | number
}

/** A query that the domain names. */
export interface NamedQueryCall {
  readonly kind: 'named'
  readonly query: string
  readonly input: unknown
}

export type QueryDescription = RowsQuery | GetQuery | NamedQueryCall

/** A result together with how fresh it is. */
export interface Snapshot<T> {
  readonly data: T
  /** Position in the log that it is as of. */
  readonly position: number
  /** True where the Read Model is being rebuilt, is parked, or did not catch up in time. */
  readonly stale: boolean
  /**
   * Places of the rows in `data` that rest on Commands which the server has not processed yet; 0 for a single row. Absent
   * where there are none.
   */
  readonly pending?: readonly number[] | undefined
}

/** What a query becomes when it is finished: awaited once, or watched as well. `this['value']` is its result. */
export interface Mode {
  readonly value?: unknown
  readonly query: unknown
}
/** `Finished<Once, number>` → `PromiseLike<number>` */
export type Finished<M extends Mode, T> = (M & { readonly value: T })['query']

/** In the worker a query is awaited. */
export interface Once extends Mode {
  readonly query: PromiseLike<this['value']>
}

export interface RowMethods<Row, Indexed extends keyof Row, M extends Mode> {
  /** Conditions on the key and on indexed fields; several calls add up. */
  where(conditions: { readonly [K in Indexed]?: Condition<Row[K]> }): RowQuery<Row, Indexed, M>
  /** Conditions on any field; slower than `where`, since every candidate row is read. */
  filter(conditions: { readonly [K in keyof Row]?: Condition<Row[K]> }): RowQuery<Row, Indexed, M>
  /** Sorts by the field; several calls break ties. Without it rows come in order of their key. */
  orderBy(field: keyof Row & string, direction?: 'ascending' | 'descending'): RowQuery<Row, Indexed, M>
  /** At most so many rows. */
  limit(rows: number): RowQuery<Row, Indexed, M>
  /** Passes over the first so many rows. */
  offset(rows: number): RowQuery<Row, Indexed, M>
  /** The first row, or undefined. */
  first(): Finished<M, Row | undefined>
  /** How many rows there are; `limit` and `offset` do not count. */
  count(): Finished<M, number>
}
export type RowQuery<Row, Indexed extends keyof Row, M extends Mode> = RowMethods<Row, Indexed, M> & Finished<M, readonly Row[]>

/** One Read Model to read from. */
export type Table<Row, Key extends keyof Row, Indexed extends keyof Row, M extends Mode> = RowQuery<Row, Indexed, M> & {
  /** The row of this key, or undefined. */
  get(key: Row[Key]): Finished<M, Row | undefined>
}

/** `TableOf<typeof stockList, Once>` */
export type TableOf<D, M extends Mode> =
  D extends ReadModel<string, infer Row, infer Key, infer Index> ? Table<Row, Key & keyof Row, Index & keyof Row, M> : never

/** The conditions with those of another call. */
const adding = (known: RowsQuery['where'], conditions: object): RowsQuery['where'] => ({
  ...known,
  ...Object.fromEntries(
    Object.entries(conditions).map(([field, condition]) => [
      field,
      [...(Object.hasOwn(known, field) ? (known[field] ?? []) : []), condition],
    ]),
  ),
})

/**
 * The builder for one Read Model.
 *
 * @param finish makes of a description what the caller gets: something to await, or to watch
 */
export function table(model: string, finish: (query: QueryDescription) => object): object {
  const rows = (query: RowsQuery): object =>
    Object.assign(finish(query), {
      where: (conditions: object) => rows({ ...query, where: adding(query.where, conditions) }),
      filter: (conditions: object) => rows({ ...query, filter: adding(query.filter, conditions) }),
      orderBy: (field: string, direction?: string) =>
        rows({ ...query, orderBy: [...query.orderBy, { field, descending: direction === 'descending' }] }),
      limit: (limit: number) => rows({ ...query, limit }),
      offset: (offset: number) => rows({ ...query, offset }),
      first: () => finish({ ...query, result: 'first' }),
      count: () => finish({ ...query, result: 'count' }),
    })
  return Object.assign(rows({ kind: 'rows', model, where: {}, filter: {}, orderBy: [], result: 'all' }), {
    get: (key: string | number) => finish({ kind: 'get', model, key }),
  })
}
