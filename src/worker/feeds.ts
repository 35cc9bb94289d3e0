/** Where the news of a subscription comes from. */
import type { News, Topic } from '../channel/protocol.ts'
import { diffRows, keepsAll } from '../channel/rows-patch.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { Engine, EngineStatus, WatchedQuery } from '../engine/engine.ts'
import type { CommandTrace } from '../engine/trace.ts'
import { OutpostError } from '../errors.ts'
import type { RunningSync } from '../sync/running-sync.ts'
import type { SyncStatus } from '../sync/status.ts'
import type { Surroundings } from './surroundings.ts'

/** Asked only while the client is ready to hear; what happens meanwhile gathers here. */
export interface Feed {
  /** What is new since it was last asked; undefined for nothing. */
  take(): News | undefined
  close(): void
}

export interface FeedListener {
  /** There is, or may be, something to take. */
  ring(): void
  fail(thrown: unknown): void
}

export type TopicOf<Kind extends Topic['kind']> = Extract<Topic, { kind: Kind }>

/** Big enough that crossing costs little, small enough that it never shows as a pause on the page. */
const eventsPerPage = 500

export function queryFeed(engine: Engine, { query, after, deadlineMs }: TopicOf<'query'>, { ring, fail }: FeedListener): Feed {
  let watched: WatchedQuery | undefined
  let current = false
  let over = false
  let sent: { readonly data: unknown } | undefined

  const open = async (): Promise<void> => {
    watched = await engine.watch(query, ring)
    if (over) return watched.close()
    // What this client has done is in what it sees. The same query run once brings the Read Model up to it.
    if (watched.snapshot.position < inLog(engine, after) && !watched.snapshot.stale) await engine.run(query, after, deadlineMs)
    current = true
    ring()
  }
  open().catch(fail)

  return {
    take() {
      if (!watched || !current) return undefined
      const { data, ...about } = watched.snapshot
      const before = sent
      sent = { data }
      if (before && Object.is(before.data, data)) return { kind: 'same', ...about }
      if (!Array.isArray(data)) return { kind: 'value', value: data, ...about }
      const old: readonly unknown[] = Array.isArray(before?.data) ? before.data : []
      const rows = diffRows(old, data)
      return before && old === before.data && keepsAll(old, rows) ? { kind: 'same', ...about } : { kind: 'rows', rows, ...about }
    },
    close() {
      over = true
      watched?.close()
    },
  }
}

/** A position of another log, which had this one's name before, means nothing here. */
export const inLog = (engine: Engine, position: number): number => Math.min(position, engine.position)

export function eventsFeed(engine: Engine, { after }: TopicOf<'events'>, { ring, fail }: FeedListener): Feed {
  const { logEpoch } = engine
  if (after?.logEpoch !== undefined && after.logEpoch !== logEpoch)
    throw new OutpostError('closed', 'The log was replaced by another one. Subscribe again.')
  let position = after?.position ?? engine.position
  // Empty at first: it tells where "from now on" begins.
  let page: readonly RecordedEvent[] | undefined = []
  let rung = false
  let reading = false
  let over = false

  /** Keeps one page in hand: reading ahead further would only fill memory. */
  const pull = async (): Promise<void> => {
    rung = true
    if (reading) return
    reading = true
    try {
      while (rung && !page && !over) {
        rung = false
        const events = await engine.readEvents(position, eventsPerPage)
        const last = events.at(-1)
        if (!last) continue
        position = last.position
        page = events
        ring()
      }
    } catch (thrown) {
      fail(thrown)
    }
    reading = false
  }
  const recorded = engine.recorded$.subscribe(() => void pull())
  ring()

  return {
    take() {
      if (!page) return undefined
      const news = { kind: 'events', events: page, next: { position, logEpoch } } as const
      page = undefined
      void pull()
      return news
    },
    close() {
      over = true
      recorded.unsubscribe()
    },
  }
}

/** @param surroundings what only the worker's surroundings know, as of now */
export function statusFeed(engine: Engine, surroundings: Surroundings, { ring }: FeedListener): Feed {
  let status: EngineStatus | undefined
  let changed = false
  const change = (): void => {
    changed = true
    ring()
  }
  const stopListening = surroundings.listen(change)
  const subscription = engine.status$.subscribe((next) => {
    status = next
    surroundings.estimateSometimes()
    change()
  })
  return {
    take() {
      if (!status || !changed) return undefined
      changed = false
      const { tabs, figures } = surroundings
      return { kind: 'status', status: { ...status, tabs, storage: { ...figures, state: status.storage } } }
    },
    close() {
      stopListening()
      subscription.unsubscribe()
    },
  }
}

const syncOff: SyncStatus = { state: 'off', pending: 0, here: false }

/** @param sync undefined where the worker was started without */
export function syncFeed(sync: RunningSync | undefined, { ring }: FeedListener): Feed {
  let changed = true
  const stopListening = sync?.listen(() => {
    changed = true
    ring()
  })
  ring()
  return {
    take() {
      if (!changed) return undefined
      changed = false
      return { kind: 'sync', status: sync?.status ?? syncOff }
    },
    close: () => stopListening?.(),
  }
}

export function tracesFeed(engine: Engine, { ring }: FeedListener): Feed {
  // Empty at first: it tells that traces are taken from now on.
  let traces: CommandTrace[] | undefined = []
  const subscription = engine.trace$.subscribe((trace) => {
    ;(traces ??= []).push(trace)
    ring()
  })
  ring()
  return {
    take() {
      const news = traces && ({ kind: 'traces', traces } as const)
      traces = undefined
      return news
    },
    close: () => subscription.unsubscribe(),
  }
}
