/** Streams that each subscriber has for itself: recorded Events, traces, the worker's status. */
import { Observable } from 'rxjs'
import type { News, Place, Topic } from '../channel/protocol.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { CommandTrace } from '../engine/trace.ts'
import type { Works } from './works.ts'

/** By the topic, whose news hold it under the same name, or as a status: one, or several. */
interface Streamed {
  readonly events: RecordedEvent
  readonly traces: CommandTrace
  readonly status: Extract<News, { kind: 'status' }>['status']
  readonly sync: Extract<News, { kind: 'sync' }>['status']
}

type Told<Kind extends keyof Streamed> = Streamed[Kind] | readonly Streamed[Kind][]

/** @param after where each subscriber begins; of Events alone */
export const stream = <Kind extends keyof Streamed>(works: Works, kind: Kind, after?: Place): Observable<Streamed[Kind]> =>
  new Observable((subscriber) => {
    let place = after
    return works.subscribe({
      topic: () => ({ kind, after: place }) as Topic,
      receive(news) {
        // A subscription has news of its own topic only.
        const { next, status, [kind]: told = status } = news as unknown as { next: Place; status: Told<Kind> } & Record<Kind, Told<Kind>>
        place = next
        // What is left of a page goes nowhere, once the subscriber has gone.
        for (const value of [told].flat()) subscriber.next(value as Streamed[Kind])
      },
      observer: subscriber,
    })
  })
