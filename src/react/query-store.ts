import type { LiveQuery } from '../client/app.ts'
import { Store } from './store.ts'

export interface QueryResult<T> {
  /** The result; of the query before, as long as this one has none; undefined where there was none before. */
  readonly data: T | undefined
  /** True where `data` is not up to date: of the query before, or of a Read Model that is behind. */
  readonly stale: boolean
  /** True until this query has told its first result. */
  readonly loading: boolean
  readonly error: Error | undefined
}

const loading: QueryResult<never> = { data: undefined, stale: false, loading: true, error: undefined }
const nothing: QueryResult<never> = { data: undefined, stale: false, loading: false, error: undefined }

/**
 * Of no query there is nothing, at once.
 *
 * @param idle called when nobody listens any more
 */
export function queryStore<T>(query: LiveQuery<T> | undefined, idle?: () => void): Store<QueryResult<T>> {
  if (!query) return new Store<QueryResult<T>>(nothing, () => ({ unsubscribe: () => undefined }))
  const start = (set: (result: QueryResult<T>) => void): { unsubscribe(): void } => {
    let last: QueryResult<T> = loading
    return query.snapshots().subscribe({
      next({ data, stale }) {
        // A result that is otherwise the same, only as of a later position, is no reason to render.
        if (!last.loading && last.data === data && last.stale === stale) return
        set((last = { data, stale, loading: false, error: undefined }))
      },
      error: (error: Error) => set({ ...last, loading: false, stale: true, error }),
    })
  }
  return new Store<QueryResult<T>>(loading, start, idle)
}

/** What a server renders, and a page while it takes that over. */
export const serverResult = (): QueryResult<never> => loading
