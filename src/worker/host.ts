/** Puts an engine on a port: the other end of `connect`. */
// In this order because gzip finds more in it (`npm run size`).
import { expose } from 'comlink'
import type { Port } from '../channel/port.ts'
import {
  type Calls,
  type Envelope,
  type FromPage,
  type FromWorker,
  type LogName,
  protocolVersion,
  type Reply,
  type ValueOf,
} from '../channel/protocol.ts'
import type { QueryDescription, Snapshot } from '../domain/query.ts'
import type { Engine, ExportPlace } from '../engine/engine.ts'
import { OutpostError } from '../errors.ts'
import { sameValue } from '../internal/same-value.ts'
import type { RunningSync } from '../sync/running-sync.ts'
import { inLog } from './feeds.ts'
import { importLog } from './import-log.ts'
import { encodeError } from '../channel/codec.ts'
import { createSession, type Session } from './session.ts'
import { PageToken } from './page-token.ts'
import type { Tabs } from './tabs.ts'

/** What the worker can do with its page beside answering it. */
export interface PageSide {
  /** undefined where the page has no token to give. */
  readonly askPage: () => Promise<string | undefined>
  /** Reports what nobody awaits. */
  readonly report: (thrown: unknown) => void
}

export interface Opened {
  readonly engine: Engine
  readonly tabs: Tabs
  readonly sync?: RunningSync | undefined
}

export interface HostOptions {
  /** Opens a log; called once at most, when the client has said which. */
  readonly open: (log: LogName, page: PageSide) => Promise<Opened>
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
  let begun: LogName | undefined
  let isTaken = false
  let session: Session | undefined
  const opened = async (): Promise<Session> => {
    if (!opening) throw new OutpostError('closed', 'No log is open on this worker.')
    return opening
  }
  const engine = async (): Promise<Engine> => (await opened()).engine

  const post = (message: FromWorker): void => port.postMessage({ outpost: message } satisfies Envelope<FromWorker>)
  const uncaught = (thrown: unknown): void => post({ kind: 'uncaught', error: encodeError(thrown) })
  const pageToken = new PageToken(post)
  const begin = async (log: LogName): Promise<Session> => {
    const opened = await open(log, { askPage: () => pageToken.ask(), report: uncaught })
    return (session = createSession(opened, post, uncaught))
  }

  const calls: Calls = {
    hello: answering(async (protocol, log) => {
      if (protocol === protocolVersion) {
        if (!sameValue((begun ??= log), log)) throw taken()
        // Not only when asked to open: the way to the page and back takes as long as opening.
        ;(opening ??= begin(log)).catch(() => undefined) // `open` tells
      }
      return { protocol: protocolVersion, lock: await lock }
    }),
    open: answering(async () => {
      if (isTaken) throw taken()
      isTaken = true
      await opened()
    }),
    run: answering(async (query, after, deadlineMs) => runQuery(await engine(), query, after, deadlineMs)),
    load: answering(async (aggregate, id) => (await engine()).load(aggregate, id)),
    loadAt: answering(async (aggregate, id, moment) =>
      (await engine()).loadAt(aggregate, id, 'at' in moment ? { at: Number(moment.at) } : moment),
    ),
    history: answering(async (aggregate, id) => (await engine()).history(aggregate, id)),
    retry: answering(async (handler) => (await engine()).retry(handler)),
    rebuild: answering(async (readModel) => (await engine()).rebuild(readModel)),
    exportPage: answering(async (from) => exportPage(await engine(), from)),
    importLog: answering(async (file) => importLog(await engine(), file)),
    sync: answering(async (what, ...args) => (await opened()).sync?.request(what, ...args)),
    destroy: answering(async () => (await opened()).destroy()),
    close: answering(async () => (await opened()).close()),
  }
  port.addEventListener('message', (event) => {
    const message = (event as MessageEvent<Partial<Envelope<FromPage>> | undefined>).data?.outpost
    if (!message) return
    // Comlink, which listens behind this, would take it apart only to pass over it.
    event.stopImmediatePropagation()
    // A log may take long to open; this thread is alive meanwhile.
    if (message.kind === 'ping') post({ kind: 'pong' })
    else if (message.kind === 'token') pageToken.receive(message)
    else session?.receive(message)
  })
  // Comlink follows any path it is sent; from here none leads to a prototype.
  expose(Object.freeze(Object.assign(Object.create(null) as object, calls)), port)
  port.addEventListener('messageerror', () => uncaught(new Error('A message from the page could not be read.')))
  post({ kind: 'listening' })

  return {
    uncaught,
    async close() {
      await opening?.catch(() => undefined)
      await session?.close()
    },
  }
}

const taken = (): OutpostError => new OutpostError('worker-failed', 'This worker has a client. Give each its own.')

const runQuery = (engine: Engine, query: QueryDescription, after: number, deadlineMs: number): Promise<Snapshot<unknown>> =>
  engine.run(query, inLog(engine, after), deadlineMs)

/** Whoever reads a stream asks again only after it was given something: so a page is not empty but at the end. */
async function exportPage(engine: Engine, from?: ExportPlace): Promise<ValueOf<'exportPage'>> {
  let page = await engine.exportPage(from)
  while (page.text === '' && page.next !== undefined) page = await engine.exportPage(page.next)
  return { bytes: new TextEncoder().encode(page.text), next: page.next }
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
