/** One distinct query as this page watches it: one subscription and one result, however many look on. */
import type { Subscriber } from 'rxjs'
import type { News, Topic } from '../channel/protocol.ts'
import { applyPatch } from '../channel/rows-patch.ts'
import type { QueryDescription, Snapshot } from '../domain/query.ts'
import type { Connection } from './connection.ts'
import { keepIdentity } from './keep-identity.ts'
import type { SubscriptionWork } from './work.ts'

type Observer = Subscriber<Snapshot<unknown>>

export class SharedQuery implements SubscriptionWork {
  readonly kind = 'subscription'
  readonly id: number
  sent = 0
  waitedMs = 0
  readonly #query: QueryDescription
  readonly #connection: Connection
  readonly #deadlineMs: number
  readonly #ended: () => void
  readonly #observers = new Set<Observer>()
  #snapshot: Snapshot<unknown> | undefined

  /** @param ended called when it is over: nobody looks on any more, or it failed */
  constructor(query: QueryDescription, connection: Connection, deadlineMs: number, ended: () => void) {
    this.id = connection.newId()
    this.#query = query
    this.#connection = connection
    this.#deadlineMs = deadlineMs
    this.#ended = ended
  }

  /** @returns stops looking on */
  observe(observer: Observer): () => void {
    this.#observers.add(observer)
    if (this.#snapshot) observer.next(this.#snapshot)
    return () => {
      this.#observers.delete(observer)
      // Whoever comes back within the tick (a component mounted twice) finds it as it was.
      queueMicrotask(() => this.#release())
    }
  }

  topic(): Topic {
    return { kind: 'query', query: this.#query, after: this.#connection.position, deadlineMs: this.#deadlineMs }
  }

  receive(news: Exclude<News, { kind: 'error' }>, first: boolean): void {
    const known = this.#snapshot
    if (news.kind !== 'rows' && news.kind !== 'value' && news.kind !== 'same') return
    const { position, stale } = news
    let data = known?.data
    if (news.kind === 'rows') data = applyPatch(!first && Array.isArray(data) ? data : [], news.rows)
    if (news.kind === 'value') data = news.value
    if (first && known) {
      data = keepIdentity(known.data, data)
      if (data === known.data && stale === known.stale) return
    }
    this.#snapshot = { data, position, stale }
    for (const observer of [...this.#observers]) observer.next(this.#snapshot)
  }

  restart(): void {
    // Its result is of the log, whichever that is.
  }

  fail(error: Error): void {
    this.#over((observer) => observer.error(error))
  }

  complete(): void {
    this.#over((observer) => observer.complete())
  }

  #over(tell: (observer: Observer) => void): void {
    this.#ended()
    const observers = [...this.#observers]
    this.#observers.clear()
    for (const observer of observers) tell(observer)
  }

  #release(): void {
    if (this.#observers.size > 0) return
    this.#ended()
    this.#connection.unsubscribe(this)
  }
}
