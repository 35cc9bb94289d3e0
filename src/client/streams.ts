/** Streams that each subscriber has for itself: recorded Events, traces, the worker's status. */
import { Observable, type Subscriber } from 'rxjs'
import type { News, Place, Topic } from '../channel/protocol.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { CommandTrace } from '../engine/trace.ts'
import type { Works } from './works.ts'

type StatusOf<Kind extends 'status' | 'sync'> = NewsOf<Kind>['status']

export type NewsOf<Kind extends News['kind']> = Extract<News, { kind: Kind }>

/** @param start for each subscriber, which it gets: the topic as of now, and what its news come to */
export function stream<T, Kind extends 'events' | 'traces' | 'status' | 'sync'>(
  works: Works,
  start: (subscriber: Subscriber<T>) => { topic(): Topic & { kind: Kind }; values(news: NewsOf<Kind>): readonly T[] },
): Observable<T> {
  return new Observable((subscriber) => {
    const { topic, values } = start(subscriber)
    return works.subscribe({
      topic,
      receive(news) {
        // What is left of a page goes nowhere, once the subscriber has gone.
        for (const value of values(news as NewsOf<Kind>)) subscriber.next(value)
      },
      observer: subscriber,
    })
  })
}

/** What the worker tells of how something stands: the latest, then each change. */
export const standing = <Kind extends 'status' | 'sync'>(works: Works, kind: Kind): Observable<StatusOf<Kind>> =>
  stream<StatusOf<Kind>, 'status' | 'sync'>(works, () => ({ topic: () => ({ kind }), values: ({ status }) => [status as StatusOf<Kind>] }))

export const recordedEvents = (works: Works, position: number | undefined): Observable<RecordedEvent> =>
  stream(works, () => {
    let after: Place | undefined = position === undefined ? undefined : { position }
    return {
      topic: () => ({ kind: 'events' as const, after }),
      values(news: NewsOf<'events'>) {
        after = news.next
        return news.events
      },
    }
  })

/** @param watched told when a subscriber comes and when it goes */
export const commandTraces = (works: Works, watched: (by: 1 | -1) => void): Observable<CommandTrace> =>
  stream(works, (subscriber) => {
    watched(1)
    subscriber.add(() => watched(-1))
    return { topic: () => ({ kind: 'traces' as const }), values: (news: NewsOf<'traces'>) => news.traces }
  })
