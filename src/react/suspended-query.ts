/**
 * Queries that components are suspended on. React forgets all of a component that suspends before it was mounted, so what
 * it waits for is kept here, by the query's description, as long as somebody listens or may come back.
 */
import type { LiveQuery } from '../client/app.ts'
import { OutpostError } from '../errors.ts'
import { canonical } from '../internal/canonical.ts'
import { type QueryResult, queryStore } from './query-store.ts'
import type { Store } from './store.ts'

/** How long a result is kept for a component that was suspended and does not come back. */
const keptMs = 10_000
/** How long an error stands that was thrown once and that nobody throws again. */
const secondThrowMs = 1000
/** Nobody who sees an error asks again sooner. */
const longestMs = 500

export interface SuspendedQuery extends Pick<Store<QueryResult<unknown>>, 'get' | 'subscribe'> {
  /** Resolves with the first result or error. */
  readonly settled: Promise<void>
  /** Its error is on the way to a boundary. Whoever comes after that, as one does who tries again, asks anew. */
  thrown(): void
}

interface Entry extends SuspendedQuery {
  /** How long its error stands after it was thrown the second time. */
  readonly standsMs: number
  throws: number
  spent: boolean
}

const suspended = new WeakMap<object, Map<string, Entry>>()

/** @throws OutpostError `unsupported` on a server */
export function suspendedQuery(app: object, query: LiveQuery<unknown>): SuspendedQuery {
  // As React has it of what only a page can render. Waiting would be for nothing, and be kept as long as the app: no component is
  // ever mounted there that could leave.
  if (typeof document === 'undefined')
    throw new OutpostError(
      'unsupported',
      'A server has no worker to ask. Put a Suspense boundary around useSuspenseQuery: its fallback is sent, and the page asks.',
    )
  let ofApp = suspended.get(app)
  if (!ofApp) suspended.set(app, (ofApp = new Map()))
  const queries = ofApp
  const key = canonical(query.description)
  const known = queries.get(key)
  if (known && !known.spent) return known

  const store = queryStore(query, () => {
    // Another one may have taken the place while this one was away.
    if (queries.get(key) === entry) queries.delete(key)
  })
  const entry: Entry = {
    get: store.get,
    subscribe(changed) {
      // A hidden component that is shown again goes on with what it had, without a render that would ask for it.
      if (!queries.has(key)) queries.set(key, entry)
      return store.subscribe(changed)
    },
    settled: firstResult(store),
    // React renders what threw once more before a boundary gets it. Were it asked anew then, it would fail anew, and so on.
    thrown: () => void setTimeout(() => (entry.spent = true), entry.standsMs + (entry.throws++ === 0 ? secondThrowMs : 0)),
    // Two components throw twice in one render, which may pause before the other: what is asked anew all the same, each time in a
    // row, stands longer, until its error comes through.
    standsMs: known ? Math.min(2 * known.standsMs + 10, longestMs) : 0,
    throws: 0,
    spent: false,
  }
  queries.set(key, entry)
  return entry
}

const firstResult = (store: Store<QueryResult<unknown>>): Promise<void> =>
  new Promise((resolve) => {
    const release = store.subscribe(settle)
    settle()
    function settle(): void {
      if (store.get().loading) return
      resolve()
      setTimeout(release, keptMs)
    }
  })
