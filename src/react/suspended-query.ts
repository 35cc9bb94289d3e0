/**
 * Queries that components are suspended on. React forgets all of a component that suspends before it was mounted, so what
 * it waits for is kept here, by the query's description, as long as somebody listens or may come back.
 */
import type { LiveQuery } from '../client/app.ts'
import { canonical } from '../internal/canonical.ts'
import { type QueryResult, queryStore } from './query-store.ts'
import type { Store } from './store.ts'

/** How long a result is kept for a component that was suspended and does not come back. */
const keptMs = 10_000

export interface SuspendedQuery {
  readonly store: Store<QueryResult<unknown>>
  /** Resolves with the first result or error. */
  readonly settled: Promise<unknown>
}

const suspended = new WeakMap<object, Map<string, SuspendedQuery>>()

export function suspendedQuery(app: object, query: LiveQuery<unknown>): SuspendedQuery {
  let ofApp = suspended.get(app)
  if (!ofApp) suspended.set(app, (ofApp = new Map()))
  const queries = ofApp
  const key = canonical(query.description)
  const known = queries.get(key)
  if (known) return known

  const store = queryStore(query, () => queries.delete(key))
  const entry: SuspendedQuery = { store, settled: firstResult(query, store) }
  queries.set(key, entry)
  return entry
}

async function firstResult(query: LiveQuery<unknown>, store: Store<QueryResult<unknown>>): Promise<void> {
  // A server has no worker that could ever answer: this rejects, and the nearest boundary shows its fallback there.
  if (typeof document === 'undefined') return void (await query.snapshot())
  await new Promise<void>((resolve) => {
    const release = store.subscribe(settle)
    settle()
    function settle(): void {
      if (store.get().loading) return
      resolve()
      setTimeout(release, keptMs)
    }
  })
}
