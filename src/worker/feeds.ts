/** Where the news of a subscription comes from. */
import type { News, Topic } from '../channel/protocol.ts'
import { diffRows, keepsAll } from '../channel/rows-patch.ts'
import type { Engine, EngineStatus, WatchedQuery } from '../engine/engine.ts'
import type { CommandTrace } from '../engine/trace.ts'
import type { RunningSync } from '../sync/running-sync.ts'
import type { SyncStatus } from '../sync/status.ts'
import type { Surroundings } from './surroundings.ts'

/** Asked only when it has rung and the client is ready to hear; what happens meanwhile gathers here. */
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

export function queryFeed(engine: Engine, { query, after, deadlineMs }: TopicOf<'query'>, { ring, fail }: FeedListener): Feed {
  let watched: WatchedQuery | undefined
  let current = false
  let over = false
  let sent: { readonly data: unknown } | undefined

  const open = async (): Promise<void> => {
    watched = await engine.watch(query, ring)
    if (over) return watched.close()
    // What this client has done is in what it sees.
    const upTo = inLog(engine, after)
    if (watched.snapshot.position < upTo && !watched.snapshot.stale) await watched.reach(upTo, deadlineMs)
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

/** @param surroundings what only the worker's surroundings know, as of now */
export function statusFeed(engine: Engine, surroundings: Surroundings, { ring }: FeedListener): Feed {
  // Told at once.
  let status!: EngineStatus
  const subscription = engine.status$.subscribe((next) => {
    status = next
    surroundings.estimate()
    ring()
  })
  surroundings.listeners.add(ring)
  subscription.add(() => surroundings.listeners.delete(ring))
  return {
    take() {
      const { tabs, figures } = surroundings
      return { kind: 'status', told: [{ ...status, tabs, storage: { ...figures, state: status.storage } }] }
    },
    close: () => subscription.unsubscribe(),
  }
}

const syncOff: SyncStatus = { state: 'off', pending: 0, here: false }

/** @param sync undefined where the worker was started without */
export function syncFeed(sync: RunningSync | undefined, { ring }: FeedListener): Feed {
  const stopListening = sync?.listen(ring)
  ring()
  return {
    take: () => ({ kind: 'sync', told: [sync?.status ?? syncOff] }),
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
      const news = traces && ({ kind: 'traces', told: traces } as const)
      traces = undefined
      return news
    },
    close: () => subscription.unsubscribe(),
  }
}
