/** Records the latest Events, those too that wait for the server, and the way of the latest Commands, once the log page asked for it, on every page from then on. */
import type { App, EventNews } from 'outpost/client'
import type { stockroom } from './domain/domain.ts'

type Book = App<typeof stockroom>
type Observed<T> = T extends { subscribe(next: (value: infer V) => void): unknown } ? V : never
export type Trace = Observed<Book['trace$']>

/** A Command with what is known of it: the Events that it led to, the way that it went, or both. */
export interface Entry {
  readonly commandId: string
  readonly correlationId: string
  readonly causationId: string | undefined
  readonly at: number
  readonly actor: string | undefined
  /** Each as it was told last: it waits, holds, or is gone. */
  readonly events: readonly EventNews[]
  readonly trace: Trace | undefined
}

export interface Recording {
  readonly on: boolean
  /** The newest first. */
  readonly entries: readonly Entry[]
  readonly error: unknown
}

export interface Recorder {
  readonly subscribe: (changed: () => void) => () => void
  readonly current: () => Recording
  start(): void
  stop(): void
}

const keptEntries = 100
const eventsBefore = 60
// An import brings thousands of Events a second; a reader wants to see a few.
const showEveryMs = 200

export function createRecorder(app: Book): Recorder {
  const listeners = new Set<() => void>()
  const entries = new Map<string, Entry>()
  let recording: Recording = { on: false, entries: [], error: undefined }
  let ends: (() => void)[] = []
  let timer: ReturnType<typeof setTimeout> | undefined

  const show = (change: Partial<Recording>): void => {
    recording = { ...recording, ...change }
    for (const changed of listeners) changed()
  }
  const showSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      show({ entries: [...entries.values()].reverse() })
    }, showEveryMs)
  }
  const put = (entry: Entry): void => {
    entries.set(entry.commandId, entry)
    for (const oldest of entries.keys()) {
      if (entries.size <= keptEntries) break
      entries.delete(oldest)
    }
    showSoon()
  }
  const onEvent = (news: EventNews): void => {
    const { id, commandId, correlationId, causationId, at, actor } = news.event
    const known = entries.get(commandId)
    const before = known?.events ?? []
    const isKnown = before.some(({ event }) => event.id === id)
    // What is not shown any more need not be shown as withdrawn.
    if (!isKnown && news.state === 'withdrawn') return
    const events = isKnown ? before.map((each) => (each.event.id === id ? news : each)) : [...before, news]
    put({ commandId, correlationId, causationId, at, actor, events, trace: known?.trace })
  }
  const onTrace = (trace: Trace): void => {
    const { commandId, correlationId, causationId } = trace
    const at = trace.spans[0]?.startedAt ?? Date.now()
    put({ ...(entries.get(commandId) ?? { commandId, correlationId, causationId, at, actor: undefined, events: [] }), trace })
  }
  const stop = (): void => {
    for (const end of ends) end()
    ends = []
    show({ on: false })
  }
  const fail = (error: unknown): void => {
    stop()
    show({ error })
  }

  return {
    subscribe: (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    current: () => recording,
    start: () => {
      if (recording.on) return
      entries.clear()
      show({ on: true, entries: [], error: undefined })
      let left = false
      ends.push(() => (left = true))
      // The figures count every Event, so theirs is the position of the log.
      app.read.figures.get('warehouse').then((figures) => {
        if (left) return
        const after = Math.max(0, (figures?.position ?? 0) - eventsBefore)
        const events = app.events$({ after, tentative: true }).subscribe({ next: onEvent, error: fail })
        const traces = app.trace$.subscribe({ next: onTrace, error: fail })
        ends.push(
          () => events.unsubscribe(),
          () => traces.unsubscribe(),
        )
      }, fail)
    },
    stop,
  }
}
