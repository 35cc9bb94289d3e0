/** Read Models: query-optimised rows, filled by pure Event Handlers, disposable and rebuildable. */
import type { z } from 'zod'
import { schemaFingerprint } from './aggregate.ts'
import type { AnyAggregate, AnyReadModel, EventName, EventOf } from './infer.ts'
import type { Once, TableOf } from './query.ts'
import type { RecordedEvent } from './recorded-event.ts'

/**
 * Deferred operations on one Read Model's rows, applied in order. A handler reads no other row: that keeps rebuilds,
 * watching from memory and rolling back fast and right.
 */
export interface Rows<Row, KeyValue> {
  /** Adds the row, or replaces the one of its key. */
  put(row: Row): void
  /** Changes a row that must be there; a missing one parks the Read Model with an error that names the key. */
  update(key: KeyValue, change: (row: Row) => Row): void
  /** Changes a row that may be missing. */
  upsert(key: KeyValue, change: (row: Row | undefined) => Row): void
  /** Removes the row, if it is there. */
  remove(key: KeyValue): void
}

export interface ReadModelDeclaration<
  From extends readonly AnyAggregate[],
  Row extends z.ZodObject,
  Key extends keyof z.output<Row> & string,
  Index extends keyof z.output<Row> & string,
  Ignored extends EventName<From[number]>,
> {
  /** Raise it when rows or handlers change: the new version is built beside the old one. Counts from 1. */
  readonly version: number
  /** The Aggregates whose Events fill it. */
  readonly from: From
  readonly row: Row
  /** The field that identifies a row: a string or a number. */
  readonly key: Key
  /** Fields to query and sort by: one name, or several for a compound index. Each costs time at every write. */
  readonly indexes?: readonly (Index | readonly Index[])[]
  /** Events of `from` that do not concern it. */
  readonly ignores?: readonly Ignored[]
  /** One handler for each Event of `from` that is not ignored; a missing one does not compile. */
  readonly on: {
    readonly [E in EventName<From[number]> as E extends NoInfer<Ignored> ? never : E]: (
      event: EventOf<From[number], E>,
      rows: Rows<z.output<Row>, z.output<Row>[Key]>,
    ) => void
  }
}

export interface ReadModel<Name extends string, Row, Key extends string, Index extends string> {
  readonly kind: 'readModel'
  readonly name: Name
  readonly version: number
  readonly row: z.ZodType
  /** Changes with the shape of the rows. */
  readonly rowFingerprint: string
  readonly key: Key
  readonly indexes: readonly (readonly string[])[]
  /** Names of the Aggregates whose Events it takes. */
  readonly from: readonly AnyAggregate[]
  readonly ignores: ReadonlySet<string>
  readonly on: Readonly<Record<string, (event: RecordedEvent, rows: Rows<Row, unknown>) => void>>
  /** Types only; never there at run time. */
  readonly types?: { row: Row; index: Index }
}

/**
 * Declares a Read Model.
 *
 * @param name stable and unique in the domain
 */
export function readModel<
  const Name extends string,
  const From extends readonly AnyAggregate[],
  Row extends z.ZodObject,
  const Key extends keyof z.output<Row> & string,
  const Index extends keyof z.output<Row> & string = never,
  const Ignored extends EventName<From[number]> = never,
>(name: Name, declared: ReadModelDeclaration<From, Row, Key, Index, Ignored>): ReadModel<Name, z.output<Row>, Key, Index | Key> {
  return {
    kind: 'readModel',
    name,
    version: declared.version,
    row: declared.row,
    rowFingerprint: schemaFingerprint(declared.row),
    key: declared.key,
    indexes: (declared.indexes ?? []).map((index) => (typeof index === 'string' ? [index] : [...(index as readonly string[])])),
    from: declared.from,
    ignores: new Set(declared.ignores ?? []),
    on: declared.on as unknown as ReadModel<Name, z.output<Row>, Key, Index>['on'],
  }
}

/** A read of several Read Models by a function of the app's own, see {@link query}. */
export interface NamedQuery<Name extends string, Input, Result> {
  readonly kind: 'query'
  readonly name: Name
  readonly reads: readonly AnyReadModel[]
  readonly input: z.ZodType
  readonly run: (read: unknown, input: unknown) => Promise<unknown>
  /** Types only; never there at run time. */
  readonly types?: { input: Input; result: Result }
}

/**
 * Declares a named query: any asynchronous function over the Read Models that it says it reads. Watched, it runs again
 * when one of them changes. It must await nothing but its reads.
 *
 * @example
 * const shortfall = query('shortfall', {
 *   reads: [stockList, purchaseOrders],
 *   input: z.object({ below: z.number() }),
 *   run: async (read, { below }) => (await read.stockList.where({ onHand: { below } })).length,
 * })
 */
export function query<const Name extends string, const Reads extends readonly AnyReadModel[], Input extends z.ZodType, Result>(
  name: Name,
  declared: {
    readonly reads: Reads
    readonly input: Input
    readonly run: (read: ReadersOf<Reads>, input: z.output<Input>) => Promise<Result>
  },
): NamedQuery<Name, z.input<Input>, Result> {
  return { kind: 'query', name, ...declared } as unknown as NamedQuery<Name, z.input<Input>, Result>
}

/** What a named query reads with: the same queries as on the page, each awaited once. */
export type ReadersOf<Reads extends readonly AnyReadModel[]> = { readonly [M in Reads[number] as M['name']]: TableOf<M, Once> }
