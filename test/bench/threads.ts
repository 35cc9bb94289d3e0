/** A page's threads over the DevTools protocol: its own, and those of its workers. */
import type { CDPSession, Page } from 'playwright-core'

export interface Thread {
  readonly name: string
  send(method: string, params?: object): Promise<unknown>
}

export interface Threads {
  /** The page first, then its workers. */
  all(): readonly Thread[]
  /** Resolves when the page has a worker. */
  readonly worker: Promise<Thread>
  /** Told of each worker that is born from now on. */
  onBorn(born: (worker: Thread) => void): void
}

interface Message {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

/** Call it before the page starts its workers or after: those that run are found too. */
export async function threadsOf(page: Page): Promise<Threads> {
  const session = await page.context().newCDPSession(page)
  const workers = new Map<string, Thread>()
  const receivers = new Map<string, (message: Message) => void>()
  const listeners: ((worker: Thread) => void)[] = []
  const worker = new Promise<Thread>((resolve) => {
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type !== 'worker') return
      const thread = threadIn(session, sessionId, receivers)
      workers.set(sessionId, thread)
      resolve(thread)
      for (const born of listeners) born(thread)
    })
  })
  session.on('Target.detachedFromTarget', ({ sessionId }) => {
    workers.delete(sessionId)
    // Whoever waits for an answer of it waits in vain.
    receivers.get(sessionId)?.({ error: { message: 'The worker is gone.' } })
  })
  session.on('Target.receivedMessageFromTarget', ({ sessionId, message }) => receivers.get(sessionId)?.(JSON.parse(message) as Message))
  // Playwright hides nested sessions, so workers are talked to in messages within this one.
  await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false })
  const own: Thread = { name: 'page', send: (method, params) => (session as Untyped).send(method, params) }
  return { worker, all: () => [own, ...workers.values()], onBorn: (born) => void listeners.push(born) }
}

/** The protocol's commands are chosen at run time here. */
type Untyped = { send(method: string, params?: object): Promise<unknown> }

function threadIn(session: CDPSession, sessionId: string, receivers: Map<string, (message: Message) => void>): Thread {
  const waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }>()
  let lastId = 0
  receivers.set(sessionId, ({ id, result, error }) => {
    const asked = id === undefined ? [...waiting.values()] : [waiting.get(id)]
    if (error) for (const each of asked) each?.reject(new Error(error.message))
    else if (id !== undefined) asked[0]?.resolve(result)
  })
  return {
    name: 'worker',
    send: (method, params = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method, params }) }).catch(reject)
      }),
  }
}

interface HeapUsage {
  readonly usedSize: number
  readonly embedderHeapUsedSize?: number
  readonly backingStorageSize?: number
}

/** MB of all threads after garbage collection: JavaScript's, the browser's objects behind it, and buffers. */
export async function heapMB(threads: Threads): Promise<number> {
  let bytes = 0
  for (const thread of threads.all()) {
    // What the first collection frees holds more: finalizers and weak references take a second one.
    for (let round = 0; round < 3; round++) await thread.send('HeapProfiler.collectGarbage')
    const usage = (await thread.send('Runtime.getHeapUsage')) as HeapUsage
    bytes += usage.usedSize + (usage.embedderHeapUsedSize ?? 0) + (usage.backingStorageSize ?? 0)
  }
  return bytes / 1e6
}
