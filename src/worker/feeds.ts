/** Where the news of a subscription comes from. */
import type { News, Topic } from '../channel/protocol.ts'
import { diffRows } from '../channel/rows-patch.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { Engine, EngineStatus, WatchedQuery } from '../engine/engine.ts'
import type { CommandTrace } from '../engine/trace.ts'

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
    if (watched.snapshot.position < after && !watched.snapshot.stale) await engine.run(query, after, deadlineMs)
    current = true
    ring()
  }
  open().catch(fail)

  return {
    take() {
      if (!watched || !current) return undefined
      const { data, position, stale } = watched.snapshot
      const before = sent
      sent = { data }
      if (before && Object.is(before.data, data)) return { kind: 'same', position, stale }
      if (!Array.isArray(data)) return { kind: 'value', value: data, position, stale }
      return { kind: 'rows', rows: diffRows(Array.isArray(before?.data) ? before.data : [], data), position, stale }
    },
    close() {
      over = true
      watched?.close()
    },
  }
}

export function eventsFeed(engine: Engine, { after }: TopicOf<'events'>, { ring, fail }: FeedListener): Feed {
  let position = after ?? engine.position
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
        rung = true
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
      const news = { kind: 'events', events: page, position } as const
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

/** @param onTabs calls with the number of tabs, now and at each change; returns an end to that */
export function statusFeed(engine: Engine, onTabs: (counted: (tabs: number) => void) => () => void, { ring }: FeedListener): Feed {
  let status: EngineStatus | undefined
  let tabs = 1
  let changed = false
  const change = (): void => {
    changed = true
    ring()
  }
  const stopCounting = onTabs((counted) => {
    tabs = counted
    change()
  })
  const subscription = engine.status$.subscribe((next) => {
    status = next
    change()
  })
  return {
    take() {
      if (!status || !changed) return undefined
      changed = false
      return { kind: 'status', status, tabs }
    },
    close() {
      stopCounting()
      subscription.unsubscribe()
    },
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
