/** `status$`: what the worker tells, together with what only the page knows: how it stands with the worker. */
import { Observable, type Subscriber, type Subscription } from 'rxjs'
import type { Status } from '../engine/status.ts'
import type { Connection } from './connection.ts'
import { type NewsOf, stream } from './streams.ts'

/** Before anything is known, and on a server. */
export const initialStatus: Status = {
  worker: 'starting',
  position: 0,
  storage: { persisted: undefined, usage: undefined, quota: undefined, state: 'ok' },
  tabs: 1,
  readModels: [],
  handlers: [],
}

/** The latest at once, then each change; completes when the connection is closed. */
export function createStatus(connection: Connection): Observable<Status> {
  const subscribers = new Set<Subscriber<Status>>()
  let fromWorker: Subscription | undefined
  let known: Omit<Status, 'worker' | 'problem'> = initialStatus
  const status = (): Status => {
    const { state, problem } = connection
    return { ...known, worker: state, ...(problem !== undefined && { problem }) }
  }
  const tell = (): void => {
    for (const subscriber of [...subscribers]) {
      subscriber.next(status())
      if (connection.state === 'closed') subscriber.complete()
    }
  }
  connection.onState = tell
  const status$ = stream(connection.works, () => ({ topic: () => ({ kind: 'status' as const }), values: (news: NewsOf<'status'>) => [news.status] }))

  return new Observable((subscriber) => {
    subscriber.next(status())
    if (connection.state === 'closed') return subscriber.complete()
    subscribers.add(subscriber)
    if (subscribers.size === 1)
      fromWorker = status$.subscribe({
        next(told) {
          known = told
          tell()
        },
        // A connection that failed says so in the status.
        error: () => undefined,
      })
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size === 0) fromWorker?.unsubscribe()
    }
  })
}
