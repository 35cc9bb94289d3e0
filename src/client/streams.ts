/** Streams that each subscriber has for itself: recorded Events, traces. */
import { Observable, type Subscriber } from 'rxjs'
import type { News, Topic } from '../channel/protocol.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { CommandTrace } from '../engine/trace.ts'
import { OutpostError } from '../errors.ts'
import type { Connection } from './connection.ts'

interface Stream<T> {
  topic(): Topic
  receive(news: News, subscriber: Subscriber<T>): void
  restart?(subscriber: Subscriber<T>): void
}

export function recordedEvents(connection: Connection, after: number | undefined, silent: boolean): Observable<RecordedEvent> {
  return stream(connection, silent, () => {
    let position = after
    return {
      topic: () => ({ kind: 'events', after: position }),
      receive(news, subscriber) {
        if (news.kind !== 'events') return
        position = news.position
        for (const event of news.events) {
          if (subscriber.closed) return
          subscriber.next(event)
        }
      },
      restart: (subscriber) =>
        subscriber.error(
          new OutpostError('closed', 'The log was replaced by another one (its data was deleted), so its Events end here. Subscribe again.'),
        ),
    }
  })
}

/** @param watched told when the first subscriber comes and the last one goes */
export function commandTraces(connection: Connection, silent: boolean, watched: (by: 1 | -1) => void): Observable<CommandTrace> {
  const traces = stream<CommandTrace>(connection, silent, () => ({
    topic: () => ({ kind: 'traces' }),
    receive(news, subscriber) {
      if (news.kind === 'traces') for (const trace of news.traces) subscriber.next(trace)
    },
  }))
  return new Observable((subscriber) => {
    watched(1)
    subscriber.add(() => watched(-1))
    return traces.subscribe(subscriber)
  })
}

export function stream<T>(connection: Connection, silent: boolean, start: () => Stream<T>): Observable<T> {
  return new Observable((subscriber) => {
    if (silent) return undefined
    const { topic, receive, restart } = start()
    const work = {
      kind: 'subscription' as const,
      id: connection.newId(),
      sent: 0,
      waitedMs: 0,
      topic,
      receive: (news: News) => receive(news, subscriber),
      restart: () => restart?.(subscriber),
      fail: (error: Error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    }
    connection.give(work)
    return () => connection.unsubscribe(work)
  })
}
