/** `status$`: what the worker tells, together with what only the page knows: how it stands with the worker. */
import { Observable } from 'rxjs'
import type { Status } from '../engine/status.ts'
import type { Connection } from './connection.ts'
import { stream } from './streams.ts'

/** Before the worker has told anything, and on a server. */
export const initialStatus: Status = {
  worker: 'starting',
  position: 0,
  storage: { state: 'ok' },
  tabs: 1,
  readModels: [],
  handlers: [],
}

/**
 * The latest at once, then each change; completes when the connection is closed. Of a worker that is ready and has told
 * nothing yet there is none: an empty status would pass for that of an empty log.
 */
export function createStatus(connection: Connection): Observable<Status> {
  const listeners = new Set<() => void>()
  let known: Omit<Status, 'worker' | 'problem'> | undefined
  const tellAll = (): void => [...listeners].forEach((tell) => tell())
  connection.onState = tellAll
  const news$ = stream(connection.works, 'status')

  return new Observable((subscriber) => {
    const tell = (): void => {
      const { state, problem } = connection
      if (state === 'ready' && !known) return
      subscriber.next({ ...initialStatus, ...known, worker: state, ...(problem && { problem }) })
      if (state === 'closed') subscriber.complete()
    }
    listeners.add(tell)
    subscriber.add(() => {
      listeners.delete(tell)
      // Of what comes while nobody listens nothing is heard.
      if (listeners.size === 0) known = undefined
    })
    tell()
    subscriber.add(
      news$.subscribe({
        next(told) {
          known = told
          tellAll()
        },
        // A connection that failed says so in the status.
        error: () => undefined,
      }),
    )
  })
}
