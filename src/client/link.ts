/**
 * The way to one worker, from its start to its end: greeting, opening, calls, the event port, and noticing that it died.
 * A link is never mended; the connection makes another.
 */
import { transfer, wrap } from 'comlink'
import { decodeAsError } from '../channel/codec.ts'
import { type Calls, type FromPage, type FromWorker, listening, type LogName, protocolVersion } from '../channel/protocol.ts'
import { type ErrorCode, isOutpostError, messageOf, OutpostError } from '../errors.ts'
import { byName } from './by-name.ts'
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
   * `refused`: it answered that it will not; `died`, or never answered; `hung`: its thread does not return, or what it
   * sends cannot be read.
   */
  readonly kind: 'refused' | 'died' | 'hung'
  readonly error: OutpostError
}

export interface Link {
  /** `greeting` until the worker's script answers, `opening` until the log is open. */
  phase: 'greeting' | 'opening' | 'ready'
  /** Rejects where an argument or the answer cannot cross. Never settles after the end. */
  call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]>
  post(message: FromPage): void
  end(kind: LinkEnd['kind'], code: ErrorCode, message: string, cause?: unknown): void
  /** Ends the worker and lets go of everything. Works twice. */
  close(): void
}

export function openLink(spawn: () => WorkerEndpoint, log: LogName, listener: LinkListener): Link {
  let over = false
  let endpoint: WorkerEndpoint | undefined
  const released = new AbortController()
  const { port1: events, port2: remoteEvents } = new MessageChannel()

  const close = (): void => {
    over = true
    released.abort()
    events.close()
    endpoint?.port.close?.()
    endpoint?.terminate?.()
  }
  const endWith = (kind: LinkEnd['kind'], error: OutpostError): void => {
    if (over) return
    close()
    listener.ended({ kind, error })
  }
  const end: Link['end'] = (kind, code, message, cause) => endWith(kind, new OutpostError(code, message, {}, cause))
  const unstarted = (why: string, cause?: unknown): void => end('died', 'worker-failed', `The worker ${why}. ${startHints}`, cause)
  const refused = (thrown: unknown): void => {
    if (isOutpostError(thrown)) endWith('refused', thrown)
    else end('refused', 'worker-failed', `The log did not open: ${messageOf(thrown)}`, thrown)
  }
  const died = (): void => end('died', 'worker-lost', 'The worker died.')
  const unreadable = (): void => end('hung', 'worker-lost', 'What the worker sent could not be read.')

  // One Comlink proxy a method, held as long as the link: a transient one may be collected with its call in flight.
  let remote: Readonly<Record<string, unknown>>
  const methods = byName((name) => remote[name] as (...args: readonly unknown[]) => never)

  const link: Link = {
    phase: 'greeting',
    call: (name, ...args) => (methods[name] as (...args: readonly unknown[]) => never)(...args),
    post: (message) => events.postMessage(message),
    end,
    close,
  }

  const greet = async (): Promise<void> => {
    const hello = await link.call('hello')
    if (over || link.phase !== 'greeting') return
    if (!hello.ok) return refused(decodeAsError(hello.error))
    const { protocol, lock } = hello.value
    if (protocol !== protocolVersion)
      return end('refused', 'protocol-mismatch', `The page speaks protocol ${protocolVersion}, its worker ${protocol}: they are of different builds. Reload.`)
    link.phase = 'opening'
    // Granted to us only when the worker that holds it is gone: browsers tell of a dead worker in no other way.
    if (lock !== undefined) navigator.locks.request(lock, { signal: released.signal }, died).catch(refused)
    const opened = await link.call('open', log, transfer(remoteEvents, [remoteEvents]))
    if (over) return
    if (!opened.ok) return refused(decodeAsError(opened.error))
    link.phase = 'ready'
    listener.ready(opened.value.logEpoch)
  }

  try {
    endpoint = spawn()
  } catch (cause) {
    // Later, so that whoever opens the link has it in hand when the first news of it comes.
    queueMicrotask(() => unstarted(`could not be made (${messageOf(cause)})`, cause))
    return link
  }
  const { port } = endpoint
  port.addEventListener('message', (event) => {
    if ((event as MessageEvent).data === listening && link.phase === 'greeting') void greet()
  })
  port.addEventListener('messageerror', unreadable)
  port.addEventListener('error', (event) => {
    const { message } = event as ErrorEvent
    // Later errors come over the event port, with their stack.
    if (link.phase === 'greeting') unstarted(message ? `threw "${message}"` : 'did not load')
  })
  endpoint.died?.then(died, died)
  events.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => over || listener.message(data))
  events.addEventListener('messageerror', unreadable)
  events.start()
  remote = wrap<Calls>(port as never) as never
  void greet()
  return link
}

export const startHints = 'Check its URL and MIME type, the Content-Security-Policy (worker-src), and that its script calls startWorker.'
