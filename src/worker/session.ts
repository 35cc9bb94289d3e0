/** One client at one open log: its subscriptions, and what passes between its tab and the others. */
import { encodeError } from '../channel/codec.ts'
import type { FromPage, FromWorker, Subscription } from '../channel/protocol.ts'
import type { Engine } from '../engine/engine.ts'
import { eventsFeed, queryFeed, statusFeed, tracesFeed } from './feeds.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Tabs } from './tabs.ts'

export interface Session {
  readonly engine: Engine
  subscribe(subscription: Subscription): void
  unsubscribe(id: number): void
  uncaught(thrown: unknown): void
  destroy(): Promise<void>
  close(): Promise<void>
}

export function createSession(engine: Engine, tabs: Tabs, port: MessagePort): Session {
  const post = (message: FromWorker): void => port.postMessage(message)
  const uncaught = (thrown: unknown): void => post({ kind: 'uncaught', error: encodeError(thrown) })
  const subscriptions = new Subscriptions(post)
  const catchUp = oneAtATime(() => engine.catchUp())

  let count = 1
  const counters = new Set<(tabs: number) => void>()
  const onTabs = (counted: (tabs: number) => void): (() => void) => {
    counters.add(counted)
    counted(count)
    return () => counters.delete(counted)
  }
  tabs.listen({
    position: () => engine.position,
    counted(now) {
      if (now === count) return
      count = now
      for (const counted of counters) counted(now)
    },
    recorded(position) {
      if (position > engine.position) catchUp().catch(uncaught)
    },
    destroyed() {
      post({ kind: 'destroyed' })
      close().catch(uncaught)
    },
  })
  const recorded = engine.recorded$.subscribe(({ position, own }) => {
    if (own) tabs.recorded(position)
  })

  port.addEventListener('message', ({ data }: MessageEvent<FromPage>) => {
    switch (data.kind) {
      case 'ack':
        return subscriptions.acknowledge(data.ids)
      case 'ping':
        return undefined // see answerPings
      case 'resumed':
        tabs.resumed()
        return void catchUp().catch(uncaught)
    }
  })
  port.addEventListener('messageerror', () => uncaught(new Error('A message from the page could not be read.')))

  let closed: Promise<void> | undefined
  const end = async (finish: () => Promise<void>): Promise<void> => {
    subscriptions.closeAll()
    recorded.unsubscribe()
    await finish()
    await tabs.close()
  }
  const close = (): Promise<void> => (closed ??= end(() => engine.close()))

  return {
    engine,
    uncaught,
    close,
    subscribe({ id, to }) {
      subscriptions.open(id, (listener) => {
        switch (to.kind) {
          case 'query':
            return queryFeed(engine, to, listener)
          case 'events':
            return eventsFeed(engine, to, listener)
          case 'status':
            return statusFeed(engine, onTabs, listener)
          case 'traces':
            return tracesFeed(engine, listener)
        }
      })
    },
    unsubscribe: (id) => subscriptions.close(id),
    destroy() {
      // First, so that the others let go of it.
      tabs.destroyed()
      return (closed = end(() => engine.destroy()))
    },
  }
}

/** From the first moment: a log may take long to open, and this thread is alive meanwhile. */
export function answerPings(port: MessagePort): void {
  port.addEventListener('message', ({ data }: MessageEvent<FromPage>) => {
    if (data.kind === 'ping') port.postMessage({ kind: 'pong' } satisfies FromWorker)
  })
  port.start()
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
