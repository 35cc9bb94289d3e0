/**
 * The way to one worker, from its start to its end: greeting, opening, calls, the event port, and noticing that it died.
 * A link is never mended; the connection makes another.
 */
import { transfer, wrap } from 'comlink'
import { decodeAsError } from '../channel/codec.ts'
import { type Calls, type FromPage, type FromWorker, listening, type LogName, protocolVersion } from '../channel/protocol.ts'
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import type { WorkerEndpoint } from './worker-endpoint.ts'

export interface LinkListener {
  /** Calls may be made. */
  ready(logEpoch: string): void
  message(message: FromWorker): void
  /** The way is cut; called once at most, and never after `close()`. */
  ended(end: LinkEnd): void
}

export interface LinkEnd {
  /**
   * `unstarted`: it never answered; `refused`: it answered that it will not; `died`; `hung`: its thread does not return,
   * or what it sends cannot be read.
   */
  readonly kind: 'unstarted' | 'refused' | 'died' | 'hung'
  readonly error: OutpostError
}

export interface Link {
  /** `greeting` until the worker's script answers, `opening` until the log is open. */
  readonly phase: 'greeting' | 'opening' | 'ready'
  /** @throws (rejects with) DataCloneError where an argument cannot cross. Never settles after the end. */
  call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]>
  post(message: FromPage): void
  end(end: LinkEnd): void
  /** Ends the worker and lets go of everything. Works twice. */
  close(): void
}

export function openLink(spawn: () => WorkerEndpoint, log: LogName, listener: LinkListener): Link {
  let phase: Link['phase'] = 'greeting'
  let over = false
  const released = new AbortController()
  const { signal } = released
  const { port1: events, port2: remoteEvents } = new MessageChannel()
  let endpoint: WorkerEndpoint | undefined
  const methods: { [Name in keyof Calls]?: Calls[Name] } = {}
  let remote: Calls | undefined

  const close = (): void => {
    over = true
    released.abort()
    events.close()
    endpoint?.port.close?.()
    endpoint?.terminate?.()
  }
  const end = (reached: LinkEnd): void => {
    if (over) return
    close()
    listener.ended(reached)
  }
  const unstarted = (why: string, details: Record<string, unknown> = {}, cause?: unknown): void => end(notStarted(why, details, cause))

  const link: Link = {
    get phase() {
      return phase
    },
    call(name, ...args) {
      // One Comlink proxy a method, held as long as the link: a transient one may be collected with its call in flight.
      const method = (methods[name] ??= remote?.[name] as never) as unknown as (...given: unknown[]) => never
      return method(...args)
    },
    post: (message) => events.postMessage(message),
    end,
    close,
  }

  const greet = async (): Promise<void> => {
    const hello = await link.call('hello')
    if (over || phase !== 'greeting') return
    if (!hello.ok) return end({ kind: 'refused', error: asOutpostError(decodeAsError(hello.error)) })
    const { protocol, lock } = hello.value
    if (protocol !== protocolVersion) return end({ kind: 'refused', error: mismatch(protocol) })
    phase = 'opening'
    // Granted to us only when the worker that holds it is gone: browsers tell of a dead worker in no other way.
    if (lock !== undefined) navigator.locks.request(lock, { signal }, () => end(dead())).catch((cause: unknown) => end(unwatched(cause)))
    const opened = await link.call('open', log, transfer(remoteEvents, [remoteEvents]))
    if (over) return
    if (!opened.ok) return end({ kind: 'refused', error: asOutpostError(decodeAsError(opened.error)) })
    phase = 'ready'
    listener.ready(opened.value.logEpoch)
  }
  const start = (): void => {
    if (over) return
    try {
      endpoint = spawn()
    } catch (cause) {
      return unstarted(`could not be made (${messageOf(cause)})`, {}, cause)
    }
    const { port, died } = endpoint
    const listen = (type: string, heard: (event: Event) => void): void => {
      port.addEventListener(type, heard)
      signal.addEventListener('abort', () => port.removeEventListener(type, heard))
    }
    listen('message', (event) => {
      if ((event as MessageEvent).data === listening && phase === 'greeting') void greet()
    })
    listen('messageerror', () => end(unreadable()))
    listen('error', (event) => {
      // Later errors come over the event port, with their stack.
      if (phase !== 'greeting') return
      const { message, filename, lineno } = event as ErrorEvent
      unstarted(message ? `threw "${message}"` : 'did not load', message ? { message, filename, lineno } : {})
    })
    if (typeof document !== 'undefined')
      document.addEventListener(
        'securitypolicyviolation',
        ({ violatedDirective, blockedURI }) => {
          if (phase === 'greeting' && violatedDirective.startsWith('worker-src'))
            unstarted(`was blocked by the Content-Security-Policy (${violatedDirective})`, { violatedDirective, blockedURI })
        },
        { signal },
      )
    died?.then(() => end(dead()), () => end(dead()))
    events.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => over || listener.message(data))
    events.addEventListener('messageerror', () => end(unreadable()))
    events.start()
    remote = wrap<Calls>(port as never) as unknown as Calls
    void greet()
  }
  // Later, so that whoever opens the link has it in hand when the first news of it comes.
  queueMicrotask(start)
  return link
}

/** @param why completes "The worker …" */
export const notStarted = (why: string, details: Record<string, unknown> = {}, cause?: unknown): LinkEnd => ({
  kind: 'unstarted',
  error: new OutpostError(
    'worker-failed',
    `The worker ${why}. Check that its URL answers with JavaScript (MIME type text/javascript), that the Content-Security-Policy allows it (worker-src), and that its script calls startWorker.`,
    details,
    cause,
  ),
})

const dead = (): LinkEnd => ({
  kind: 'died',
  error: new OutpostError('worker-lost', 'The worker died. What was in flight has an unknown outcome: ask again with the same command id.'),
})

const unreadable = (): LinkEnd => ({
  kind: 'hung',
  error: new OutpostError('worker-lost', 'What the worker sent could not be read: it holds something that cannot cross to the page.'),
})

const mismatch = (protocol: number): OutpostError =>
  new OutpostError(
    'protocol-mismatch',
    `The page speaks protocol ${protocolVersion}, its worker ${protocol}: they come from different builds. Reload the page.`,
    { page: protocolVersion, worker: protocol },
  )

const asOutpostError = (error: Error): OutpostError =>
  isOutpostError(error) ? error : new OutpostError('worker-failed', `The worker could not open the log: ${error.message}`, {}, error)

/** Also reached when `close()` takes the request back; nobody listens then. */
const unwatched = (cause: unknown): LinkEnd => ({
  kind: 'refused',
  error: new OutpostError('unsupported', 'The browser gives this page no Web Locks. Serve it from an origin of its own, over HTTPS.', { missing: ['navigator.locks'] }, cause),
})
