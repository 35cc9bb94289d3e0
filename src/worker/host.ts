/** Puts an engine on a port: the other end of `connect`. */
import { expose } from 'comlink'
import { encodeError } from '../channel/codec.ts'
import type { Port } from '../channel/port.ts'
import { type Calls, listening, type LogName, protocolVersion, type Reply, type Settled } from '../channel/protocol.ts'
import type { CommandMessage, Engine } from '../engine/engine.ts'
import { OutpostError } from '../errors.ts'
import { answerPings, createSession, type Session } from './session.ts'
import type { Tabs } from './tabs.ts'

export interface HostOptions {
  /** Opens a log; called once at most, when the client has said which. */
  readonly open: (log: LogName) => Promise<{ readonly engine: Engine; readonly tabs: Tabs }>
  /** The name of a Web Lock that this thread holds as long as it lives, once it is held; so the client notices its death. */
  readonly lock?: Promise<string>
}

export interface Host {
  /** Reports to the page what was thrown here and awaited by nobody. */
  uncaught(thrown: unknown): void
  /** Closes the engine. Works twice. */
  close(): Promise<void>
}

export function hostEngine(port: Port, { open, lock }: HostOptions): Host {
  let opening: Promise<Session> | undefined
  let session: Session | undefined
  const opened = async (): Promise<Session> => {
    if (!opening) throw new OutpostError('closed', 'No log is open on this worker.')
    return opening
  }
  const begin = async (log: LogName, events: MessagePort): Promise<Session> => {
    answerPings(events)
    const { engine, tabs } = await open(log)
    return (session = createSession(engine, tabs, events))
  }

  const calls: Calls = {
    hello: answering(async () => ({ protocol: protocolVersion, lock: await lock })),
    open: answering(async (log, events) => {
      if (opening) throw new OutpostError('worker-failed', 'A log is open on this worker already. Give each client a worker of its own.')
      opening = begin(log, events)
      return { logEpoch: (await opening).engine.logEpoch }
    }),
    dispatch: answering(async (commands) => dispatch((await opened()).engine, commands)),
    cancel: answering(async (id) => (await opened()).engine.cancel(id)),
    run: answering(async (query, after, deadlineMs) => (await opened()).engine.run(query, after, deadlineMs)),
    subscribe: answering(async (subscriptions) => {
      const { subscribe } = await opened()
      for (const subscription of subscriptions) subscribe(subscription)
    }),
    unsubscribe: answering(async (ids) => {
      const { unsubscribe } = await opened()
      for (const id of ids) unsubscribe(id)
    }),
    load: answering(async (aggregate, id) => (await opened()).engine.load(aggregate, id)),
    loadAt: answering(async (aggregate, id, moment) => (await opened()).engine.loadAt(aggregate, id, moment)),
    history: answering(async (aggregate, id) => (await opened()).engine.history(aggregate, id)),
    retry: answering(async (handler) => (await opened()).engine.retry(handler)),
    rebuild: answering(async (readModel) => (await opened()).engine.rebuild(readModel)),
    exportPage: answering(async (from) => (await opened()).engine.exportPage(from)),
    importBegin: answering(async (header) => (await opened()).engine.importBegin(header)),
    importPage: answering(async (lines) => (await opened()).engine.importPage(lines)),
    importEnd: answering(async () => (await opened()).engine.importEnd()),
    destroy: answering(async () => (await opened()).destroy()),
    close: answering(async () => (await opened()).close()),
  }
  // Comlink follows any path it is sent; from here none leads to a prototype.
  expose(Object.freeze(Object.assign(Object.create(null) as object, calls)), port)
  port.postMessage(listening)

  return {
    uncaught: (thrown) => session?.uncaught(thrown),
    async close() {
      await (await opening?.catch(() => undefined))?.close()
    },
  }
}

async function dispatch(engine: Engine, commands: readonly CommandMessage[]): Promise<readonly Settled[]> {
  const receivedAt = performance.timeOrigin + performance.now()
  const received = commands.map((command) => (command.requestedAt === undefined ? command : { ...command, receivedAt }))
  const settled = await Promise.allSettled(engine.dispatch(received))
  return settled.map((each) => (each.status === 'fulfilled' ? { outcome: each.value } : { fault: encodeError(each.reason) }))
}

/** Nothing is thrown across: what is thrown here becomes data. */
const answering =
  <Args extends readonly unknown[], T>(run: (...args: Args) => Promise<T>): ((...args: Args) => Promise<Reply<T>>) =>
  async (...args) => {
    try {
      return { ok: true, value: await run(...args) }
    } catch (thrown) {
      return { ok: false, error: encodeError(thrown) }
    }
  }
