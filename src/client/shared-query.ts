/** One distinct query as this page watches it: one subscription and one result, however many look on. */
import type { Subscriber } from 'rxjs'
import type { News } from '../channel/protocol.ts'
import { applyPatch } from '../channel/rows-patch.ts'
import type { QueryDescription, Snapshot } from '../domain/query.ts'
import { keepIdentity } from './keep-identity.ts'
import { markPending } from './pending.ts'
import type { Works } from './works.ts'

/** How long a query may wait for its Read Model to reach this client's last Command; then its result is marked stale. */
export const catchUpMs = 5000

type Observer = Subscriber<Snapshot<unknown>>

/**
 * @param ended called when it is over: nobody looks on any more, or it failed
 * @returns looks on; what that returns stops it
 */
export function shareQuery(works: Works, query: QueryDescription, ended: () => void): (observer: Observer) => () => void {
  const observers = new Set<Observer>()
  /** Those of them that wait for their first result. */
  const untold = new Set<Observer>()
  let known: Snapshot<unknown> | undefined
  /** As of which of this client's Commands it was asked for, and answered. */
  let asked = -1
  let answered = -1
  let unsubscribe: (() => void) | undefined
  const tell = (to: Iterable<Observer>, how: (observer: Observer) => void): void => [...to].forEach(how)
  const end = (how: (observer: Observer) => void): void => {
    ended()
    tell(observers, how)
  }
  const ask = (): void => {
    unsubscribe?.()
    asked = works.position
    unsubscribe = works.subscribe({
      topic: () => ({ kind: 'query', query, after: works.position, deadlineMs: catchUpMs }),
      receive(told, first) {
        // A subscription has news of its own topic only.
        const news = told as Extract<News, { readonly stale: boolean }>
        const { position, stale, pending } = news
        const before = known?.data
        let data = before
        // A patch keeps nothing of what were no rows, or were another worker's.
        if (news.kind === 'rows') data = applyPatch(before as readonly unknown[], news.rows)
        if (news.kind === 'value') data = news.value
        if (first) {
          data = keepIdentity(before, data)
          answered = asked
        }
        const snapshot = markPending({ data, position, stale, pending })
        const isKnown = first && snapshot.data === before && stale === known?.stale
        known = snapshot
        const listening = [...(isKnown ? untold : observers)]
        untold.clear()
        tell(listening, (each) => each.next(snapshot))
      },
      observer: {
        complete: () => end((each) => each.complete()),
        error: (error) => end((each) => each.error(error)),
      },
    })
  }

  return (observer) => {
    observers.add(observer)
    if (known && Math.max(known.position, answered) >= works.position) observer.next(known)
    else {
      untold.add(observer)
      // What is known, or on its way, may be from before this client's last Command.
      if (asked < works.position) ask()
    }
    return () => {
      observers.delete(observer)
      untold.delete(observer)
      // Whoever comes back within the tick (a component mounted twice) finds it as it was.
      queueMicrotask(() => {
        if (observers.size > 0) return
        ended()
        unsubscribe?.()
      })
    }
  }
}
