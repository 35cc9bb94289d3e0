/** One client at one open log: its subscriptions, and what passes between its tab and the others. */
// In this order because gzip finds more in it (`npm run size`).
import type { FromPage, FromWorker, Topic } from '../channel/protocol.ts'
import type { Engine } from '../engine/engine.ts'
import type { RunningSync } from '../sync/running-sync.ts'
import { type Feed, type FeedListener, queryFeed, statusFeed, syncFeed, tracesFeed } from './feeds.ts'
import type { Opened } from './host.ts'
import { eventsFeed } from './events-feed.ts'
import { Surroundings } from './surroundings.ts'
import { Subscriptions } from './subscriptions.ts'
import { settling } from './settling.ts'

export interface Session {
  readonly engine: Engine
  readonly sync: RunningSync | undefined
  /** What is dealt with before there is a session never comes here. */
  receive(message: Exclude<FromPage, { kind: 'ping' | 'token' }>): void
  destroy(): Promise<void>
  close(): Promise<void>
}

/** @param uncaught hears of what nobody awaits */
export function createSession(
  { engine, tabs, sync }: Opened,
  post: (message: FromWorker) => void,
  uncaught: (thrown: unknown) => void,
): Session {
  const subscriptions = new Subscriptions(post)
  const settle = settling(engine, post)
  const surroundings = new Surroundings()
  let closed: Promise<void> | undefined
  const catchUp = oneAtATime(async () => {
    // Others may go on while this one is closing.
    if (!closed) await engine.catchUp()
  })

  /** The last record that the other tabs have told of, or were told. A commit in doubt is found in the log, as if by another tab. */
  let known = engine.record
  tabs.listen({
    record: () => engine.record,
    counted: (count) => surroundings.counted(count),
    // Records, not Events: one that confirms has none, and what waits is told by it.
    recorded(record) {
      known = Math.max(known, record)
      if (record > engine.record) catchUp().catch(uncaught)
    },
    destroyed() {
      post({ kind: 'destroyed' })
      close().catch(uncaught)
    },
  })
  const recorded = engine.recorded$.subscribe(({ own }) => {
    if (!own && engine.record <= known) return
    known = engine.record
    tabs.recorded(known)
  })

  const feedOf = (topic: Topic, listener: FeedListener): Feed => {
    switch (topic.kind) {
      case 'query':
        return queryFeed(engine, topic, listener)
      case 'events':
        return eventsFeed(engine, topic, listener)
      case 'status':
        return statusFeed(engine, surroundings, listener)
      case 'sync':
        return syncFeed(sync, listener)
      case 'traces':
        return tracesFeed(engine, listener)
    }
  }

  const end = async (finish: () => Promise<void>): Promise<void> => {
    subscriptions.closeAll()
    surroundings.close()
    recorded.unsubscribe()
    await sync?.close()
    await finish()
    await tabs.close()
  }
  const close = (): Promise<void> => (closed ??= end(() => engine.close()))

  return {
    engine,
    sync,
    close,
    receive(message) {
      switch (message.kind) {
        case 'commands':
          return settle(message.commands)
        case 'subscribe':
          return subscriptions.open(message.id, (listener) => feedOf(message.to, listener))
        case 'unsubscribe':
          return subscriptions.close(message.id)
        case 'ack':
          return subscriptions.acknowledge(message.ids)
        case 'cancel':
          return void engine.cancel(message.call)
        case 'resumed':
          tabs.resumed()
          sync?.setVisible(!message.hidden)
          surroundings.estimate(0)
          return void catchUp().catch(uncaught)
      }
    },
    destroy() {
      // First, so that the others let go of it.
      tabs.destroyed()
      return (closed = end(() => engine.destroy()))
    },
  }
}

/** Whoever asks while it runs gets the run after it, which sees what they saw. */
function oneAtATime(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const start = (): Promise<void> => {
    next = undefined
    return (running = run().finally(() => (running = undefined)))
  }
  return () => (running ? (next ??= running.then(start, start)) : start())
}
