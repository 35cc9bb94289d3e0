/** Queries of the page: `read.stockList.where(…)`, `read.lowStock({ below: 5 })`. */
import { Observable } from 'rxjs'
import { type QueryDescription, type Snapshot, table } from '../domain/query.ts'
import type { LiveQuery } from './app.ts'
import { byName } from './by-name.ts'
import { canonical } from '../internal/canonical.ts'
import { markPending } from './pending.ts'
import { catchUpMs, shareQuery } from './shared-query.ts'
import type { Works } from './works.ts'

export function createQueries(works: Works): object {
  const shared = new Map<string, ReturnType<typeof shareQuery>>()

  const live = (description: QueryDescription): LiveQuery<unknown> => {
    const snapshot = (): Promise<Snapshot<unknown>> => works.call('run', [description, works.position, catchUpMs]).then(markPending)
    const snapshots = (): Observable<Snapshot<unknown>> =>
      new Observable((subscriber) => {
        const key = canonical(description)
        const known = shared.get(key)
        if (known) return known(subscriber)
        const made = shareQuery(works, description, () => {
          if (shared.get(key) === made) shared.delete(key)
        })
        shared.set(key, made)
        return made(subscriber)
      })
    return {
      description,
      snapshot,
      snapshots,
      watch: () =>
        new Observable((subscriber) => {
          let last: unknown = subscriber // which is no result
          return snapshots().subscribe({
            next({ data }) {
              if (Object.is(last, data)) return
              last = data
              subscriber.next(data)
            },
            error: (error) => subscriber.error(error),
            complete: () => subscriber.complete(),
          })
        }),
      then: (succeeded, failed) =>
        snapshot()
          .then(({ data }) => data)
          .then(succeeded, failed),
    }
  }

  // The page does not know whether a name is a Read Model's or a named query's: it is both until it is used.
  return byName((name) => Object.assign((input: unknown) => live({ kind: 'named', query: name, input }), table(name, live)))
}
