/** Streams that each subscriber has for itself: recorded Events, traces, the worker's status. */
import { Observable } from 'rxjs'
import type { News, Place, Topic } from '../channel/protocol.ts'
import type { EventNews, TentativeEvent } from '../domain/recorded-event.ts'
import type { EventsOptions, TentativeEventsOptions } from './app.ts'
import type { Works } from './works.ts'

type StreamedNews = Extract<News, { readonly told: unknown }>

/** What the news of a topic hold, several at a time. */
type Streamed<Kind extends StreamedNews['kind']> = Extract<StreamedNews, { kind: Kind }>['told'][number]

/** @param of Events alone: where each subscriber begins, and whether it hears of tentative ones */
export const stream = <Kind extends StreamedNews['kind']>(
  works: Works,
  kind: Kind,
  of: EventsOptions | TentativeEventsOptions = {},
): Observable<Streamed<Kind>> =>
  new Observable((subscriber) => {
    let place: Place = { position: of.after }
    /** Those that have not ended, by id: a worker that replaces this one has to end them. */
    const tentative = of.tentative ? new Map<string, TentativeEvent>() : undefined
    return works.subscribe({
      topic: () => ({ kind, after: place, tentative }) as Topic,
      receive(news) {
        // A subscription has news of its own topic only.
        const { told, next } = news as Extract<News, { readonly next: Place }>
        place = next
        // What is left of a page goes nowhere, once the subscriber has gone.
        for (const value of told) {
          const { state, event } = value as EventNews
          if (state === 'tentative') tentative?.set(event.id, event)
          else tentative?.delete(event.id)
          subscriber.next(value as Streamed<Kind>)
        }
      },
      observer: subscriber,
    })
  })
