/**
 * Finds the watched queries that a change can touch without asking each: those with an equality by the value that the row has,
 * or had, in that field, and by the rows that they hold; the others always.
 */
import { isKey, keyToken } from '../storage/key.ts'
import type { Row } from '../storage/storage.ts'
import type { Membership } from './live-rows.ts'
import type { QueryPlan } from './query-plan.ts'
import type { RowChange } from './row-changes.ts'
import type { Token } from './row-operations.ts'

export class TouchIndex<Query> {
  /** Queries that any row may touch. */
  readonly #open = new Set<Query>()
  /** Queries that need a value in a field: field → value → queries. */
  readonly #pinned = new Map<string, Map<Token, Set<Query>>>()
  /** Queries by the rows that they hold. */
  readonly #holders = new Map<Token, Set<Query>>()
  /** Those that need to know what a row was. */
  readonly #counts = new Set<Query>()

  get hasCounts(): boolean {
    return this.#counts.size > 0
  }

  /** A query that shows exactly this row. */
  addRow(query: Query, token: Token): () => void {
    addTo(this.#holders, token, query)
    return () => removeFrom(this.#holders, token, query)
  }

  /** A query that shows rows and says which, see {@link TouchIndex.membership}. */
  addRows(query: Query, plan: QueryPlan): () => void {
    return this.#pin(query, plan)
  }

  addCount(query: Query, plan: QueryPlan): () => void {
    this.#counts.add(query)
    const release = this.#pin(query, plan)
    return () => {
      this.#counts.delete(query)
      release()
    }
  }

  /** Where a query that shows rows says which; undefined where it is asked at each change anyway. */
  membership(plan: QueryPlan, query: () => Query): Membership | undefined {
    if (!pinsOf(plan)) return undefined
    return {
      add: (token) => addTo(this.#holders, token, query()),
      delete: (token) => removeFrom(this.#holders, token, query()),
    }
  }

  /** Each query with the changes that can touch it. */
  touched(changes: readonly RowChange[]): ReadonlyMap<Query, readonly RowChange[]> {
    const touched = new Map<Query, readonly RowChange[]>()
    for (const query of this.#open) touched.set(query, changes)
    if (this.#holders.size === 0 && this.#pinned.size === 0) return touched
    for (const change of changes) {
      const touch = (query: Query): void => {
        const list = touched.get(query) as RowChange[] | undefined
        if (!list) touched.set(query, [change])
        else if (list.at(-1) !== change) list.push(change)
      }
      this.#holders.get(change.token)?.forEach(touch)
      this.#touchPinned(change.row, touch)
      if (this.#counts.size === 0) continue
      if (change.before) this.#touchPinned(change.before.row, touch)
      else for (const query of this.#counts) if (!this.#open.has(query)) touch(query)
    }
    return touched
  }

  #touchPinned(row: Row | undefined, touch: (query: Query) => void): void {
    if (!row) return
    for (const [field, queries] of this.#pinned) {
      const token = valueToken(row[field])
      if (token !== undefined) queries.get(token)?.forEach(touch)
    }
  }

  #pin(query: Query, plan: QueryPlan): () => void {
    const pins = pinsOf(plan)
    if (!pins) {
      this.#open.add(query)
      return () => this.#open.delete(query)
    }
    const { field, tokens } = pins
    const queries = this.#pinned.get(field) ?? new Map<Token, Set<Query>>()
    this.#pinned.set(field, queries)
    for (const token of tokens) addTo(queries, token, query)
    // The field stays: others may have been pinned to it since, and there are no more fields than the row has.
    return () => {
      for (const token of tokens) removeFrom(queries, token, query)
    }
  }
}

function pinsOf({ pinned }: QueryPlan): { readonly field: string; readonly tokens: ReadonlySet<Token> } | undefined {
  if (!pinned) return undefined
  const tokens = pinned.values.map(valueToken)
  return tokens.includes(undefined) ? undefined : { field: pinned.field, tokens: new Set(tokens as Token[]) }
}

/** Equal values, equal tokens; undefined for what is compared by its content. */
function valueToken(value: unknown): Token | undefined {
  if (isKey(value)) return keyToken(value)
  return typeof value === 'object' && value !== null ? undefined : `=${String(value)}`
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key)
  if (set) set.add(value)
  else map.set(key, new Set([value]))
}

function removeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key)
  if (set?.delete(value) && set.size === 0) map.delete(key)
}
