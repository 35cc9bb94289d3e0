/** Queries of the page: `read.stockList.where(…)`, `read.lowStock({ below: 5 })`. */
import { Observable } from 'rxjs'
import { type QueryDescription, type Snapshot, table } from '../domain/query.ts'
import type { LiveQuery } from './app.ts'
import { byName } from './by-name.ts'
import { canonical } from './canonical.ts'
import type { Connection } from './connection.ts'
import { SharedQuery } from './shared-query.ts'

/** How long a query may wait for its Read Model to reach this client's last Command; then its result is marked stale. */
const maxCatchUpMs = 5000

/** @param silent true where there is no worker and never will be, on a server: then watching is no error, but tells nothing */
export function createQueries(connection: Connection, deadlineMs: number, silent: boolean): object {
  const catchUpMs = Math.min(maxCatchUpMs, deadlineMs / 2)
  const shared = new Map<string, SharedQuery>()

  const live = (description: QueryDescription): LiveQuery<unknown> => {
    const snapshot = (): Promise<Snapshot<unknown>> => connection.call('run', [description, connection.position, catchUpMs])
    const snapshots = (): Observable<Snapshot<unknown>> =>
      new Observable((subscriber) => {
        if (silent) return undefined
        const key = canonical(description)
        const known = shared.get(key)
        if (known) return known.observe(subscriber)
        const query = new SharedQuery(description, connection, catchUpMs, () => {
          if (shared.get(key) === query) shared.delete(key)
        })
        shared.set(key, query)
        const release = query.observe(subscriber)
        connection.give(query)
        return release
      })
    const watch = (): Observable<unknown> =>
      new Observable((subscriber) => {
        let last: { readonly data: unknown } | undefined
        return snapshots().subscribe({
          next(now) {
            const changed = !last || !Object.is(last.data, now.data)
            last = now
            if (changed) subscriber.next(now.data)
          },
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        })
      })
    return {
      description,
      snapshot,
      snapshots,
      watch,
      // oxlint-disable-next-line unicorn/no-thenable -- a query is awaited for its result
      then: (succeeded, failed) =>
        snapshot()
          .then(({ data }) => data)
          .then(succeeded, failed),
    }
  }

  // The page does not know whether a name is a Read Model's or a named query's: it is both until it is used.
  return byName((name) => Object.assign((input: unknown) => live({ kind: 'named', query: name, input }), table(name, live)))
}
