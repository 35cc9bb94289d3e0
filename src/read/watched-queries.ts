/** Distinct queries by what they ask, for as long as somebody watches them. */
import type { WatchedQuery } from '../engine/engine.ts'
import { OutpostError } from '../errors.ts'
import type { LiveQuery } from './live-query.ts'

export interface BegunQuery {
  readonly query: LiveQuery
  readonly release: () => void
}

/** A watched query, with why it could not be answered anew: undefined while all is well. Its snapshot is stale meanwhile. */
export interface WatchedAnswer extends Omit<WatchedQuery, 'reach'> {
  readonly error: unknown
  /** Takes in at once what its Read Models show by now. */
  refresh(): Promise<void> | undefined
}

interface Entry extends BegunQuery {
  readonly started: Promise<void>
}

export class WatchedQueries {
  readonly #entries = new Map<string, Entry>()
  #isClosed = false

  get size(): number {
    return this.#entries.size
  }

  all(): readonly LiveQuery[] {
    return [...this.#entries.values()].map(({ query }) => query)
  }

  /** @param begin makes the query, where nobody watches it yet; what it throws, and what the first reading rejects with, is passed on */
  async watch(id: string, begin: () => BegunQuery, changed: () => void): Promise<WatchedAnswer> {
    let entry = this.#entries.get(id)
    if (!entry) {
      const begun = begin()
      entry = { ...begun, started: begun.query.start() }
      this.#entries.set(id, entry)
    }
    const { query, started } = entry
    let isStarted = false
    const watcher = (): void => {
      if (isStarted) changed()
    }
    const close = (): void => this.#leave(id, query, watcher)
    query.add(watcher)
    try {
      await started
      if (this.#isClosed) throw new OutpostError('closed', 'The query was closed. Connect again.')
    } catch (error) {
      close()
      throw error
    }
    isStarted = true
    return {
      get snapshot() {
        return query.snapshot
      },
      get error() {
        return query.error
      },
      refresh: () => query.refresh(),
      close,
    }
  }

  close(): void {
    this.#isClosed = true
    for (const { query, release } of this.#entries.values()) {
      query.close()
      release()
    }
    this.#entries.clear()
  }

  #leave(id: string, query: LiveQuery, watcher: () => void): void {
    query.remove(watcher)
    const entry = this.#entries.get(id)
    if (!entry || entry.query !== query || query.watchers > 0) return
    this.#entries.delete(id)
    query.close()
    entry.release()
  }
}
