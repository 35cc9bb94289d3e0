/** `status$`: what the worker tells of its engine, together with what only the page knows. */
import { Observable, type Subscriber, type Subscription } from 'rxjs'
import type { Status } from '../engine/status.ts'
import type { Connection } from './connection.ts'
import { stream } from './streams.ts'

/** Before anything is known, and on a server. */
export const initialStatus: Status = {
  worker: 'starting',
  position: 0,
  storage: { persisted: undefined, usage: undefined, quota: undefined, state: 'ok' },
  tabs: 1,
  readModels: [],
  handlers: [],
}

/** The figures are rough, and asking for them costs the browser a walk over its files. */
const estimateEveryMs = 30_000

export interface StatusSource {
  /** The latest at once, then each change; it completes when the connection is closed. */
  readonly status$: Observable<Status>
  /** Asks the browser anew about storage. */
  estimate(): Promise<void>
}

export function createStatus(connection: Connection, silent: boolean): StatusSource {
  const subscribers = new Set<Subscriber<Status>>()
  let fromWorker: Subscription | undefined
  let estimatedAt = -Infinity

  const withWorker = ({ problem: _, ...status }: Status): Status => ({
    ...status,
    worker: connection.state,
    ...(connection.problem !== undefined && { problem: connection.problem }),
  })
  let status = withWorker(initialStatus)
  const change = (next: Status): void => {
    status = next
    for (const subscriber of [...subscribers]) {
      subscriber.next(status)
      if (status.worker === 'closed') subscriber.complete()
    }
  }
  connection.onState(() => change(withWorker(status)))

  const estimate = async (): Promise<void> => {
    estimatedAt = Date.now()
    const { persisted, usage, quota } = await askBrowser()
    change({ ...status, storage: { ...status.storage, persisted, usage, quota } })
  }
  const engineStatus$ = stream<Status>(connection, silent, () => ({
    topic: () => ({ kind: 'status' }),
    receive(news, subscriber) {
      if (news.kind !== 'status') return
      const { storage: state, ...rest } = news.status
      subscriber.next({ ...status, ...rest, tabs: news.tabs, storage: { ...status.storage, state } })
      if (Date.now() - estimatedAt > estimateEveryMs) void estimate()
    },
  }))

  const status$ = new Observable<Status>((subscriber) => {
    subscriber.next(status)
    if (status.worker === 'closed') return subscriber.complete()
    subscribers.add(subscriber)
    // A connection that failed says so in the status; there is no need to say it twice.
    if (subscribers.size === 1) fromWorker = engineStatus$.subscribe({ next: change, error: () => undefined })
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size === 0) fromWorker?.unsubscribe()
    }
  })
  return { status$, estimate }
}

async function askBrowser(): Promise<{ persisted: boolean | undefined; usage: number | undefined; quota: number | undefined }> {
  const storage = typeof navigator === 'undefined' ? undefined : (navigator.storage as Partial<StorageManager> | undefined)
  const unknown = (): undefined => undefined
  const [persisted, estimate] = await Promise.all([storage?.persisted?.().catch(unknown), storage?.estimate?.().catch(unknown)])
  return { persisted, usage: estimate?.usage, quota: estimate?.quota }
}
