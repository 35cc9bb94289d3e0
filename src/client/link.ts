/**
 * The way to one worker, from its start to its end: greeting, opening, calls, messages, and noticing that it died.
 * A link is never mended; the connection makes another.
 */
import { wrap } from 'comlink'
import { decodeAsError } from '../channel/codec.ts'
import {
  type Calls,
  type Envelope,
  type FromPage,
  type FromWorker,
  type LogName,
  protocolVersion,
  type Reply,
} from '../channel/protocol.ts'
import { type ErrorCode, messageOf, OutpostError } from '../errors.ts'
import type { WorkerEndpoint } from './worker-endpoint.ts'

export interface LinkListener {
  /** Calls may be made. */
  ready(): void
  message(message: Exclude<FromWorker, { kind: 'listening' }>): void
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
  /** True from when the worker's script has answered. */
  greeted: boolean
  /** Rejects where an argument or the answer cannot cross. Never settles after the end. */
  call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]>
  /** @throws where it cannot cross */
  post(message: FromPage): void
  end(kind: LinkEnd['kind'], code: ErrorCode, message: string, details?: OutpostError['details'], cause?: unknown): void
  /** Ends the worker and lets go of everything. Works twice. */
  close(): void
}

export function openLink(spawn: () => WorkerEndpoint, log: LogName, listener: LinkListener): Link {
  let over = false
  let endpoint: WorkerEndpoint | undefined
  const released = new AbortController()

  const close = (): void => {
    over = true
    released.abort()
    endpoint?.port.close?.()
    endpoint?.terminate?.()
  }
  const end: Link['end'] = (kind, code, message, details, cause) => {
    if (over) return
    close()
    listener.ended({ kind, error: new OutpostError(code, message, details, cause) })
  }
  const unstarted = (why: string, cause?: unknown): void => end('died', 'worker-failed', `The worker ${why}. ${startHints}`, {}, cause)
  const refused = (thrown: unknown): void => {
    const { code = 'worker-failed', details } = thrown as Partial<OutpostError>
    end('refused', code, messageOf(thrown), details, thrown)
  }
  const died = (): void => end('died', 'worker-lost', 'The worker died.')
  const unreadable = (): void => end('hung', 'worker-lost', 'The worker sent unreadable data.')

  let answer: (event: Event) => void
  // Held as long as the link: Comlink gives up an end of which it finds no proxy any more.
  const remote = wrap({
    addEventListener: (_: string, listener: typeof answer) => (answer = listener),
    postMessage: (message: unknown) => endpoint?.port.postMessage(message),
  } as never) as unknown as Readonly<Record<string, (...args: readonly unknown[]) => never>>

  const link: Link = {
    greeted: false,
    call: (name, ...args) => (remote[name] as (...args: readonly unknown[]) => never)(...args),
    post: (message) => endpoint?.port.postMessage({ outpost: message } satisfies Envelope<FromPage>),
    end,
    close,
  }

  const greet = async (): Promise<void> => {
    const { protocol, lock } = valueOf(await link.call('hello', protocolVersion, log))
    if (over || link.greeted) return
    if (protocol !== protocolVersion)
      return end('refused', 'protocol-mismatch', `Page and worker differ (${protocolVersion}, ${protocol}). Reload.`)
    link.greeted = true
    // Granted to us only when the worker that holds it is gone: browsers tell of a dead worker in no other way.
    if (lock) navigator.locks.request(lock, { signal: released.signal }, died).catch(refused)
    valueOf(await link.call('open'))
    if (!over) listener.ready()
  }

  try {
    endpoint = spawn()
  } catch (cause) {
    // Later, so that whoever opens the link has it in hand when the first news of it comes.
    queueMicrotask(() => unstarted(`failed (${messageOf(cause)})`, cause))
    return link
  }
  const { port } = endpoint
  port.addEventListener('message', (event) => {
    const message = (event as MessageEvent<Partial<Envelope<FromWorker>> | undefined>).data?.outpost
    if (!message) return answer(event)
    if (over) return
    // A greeting that was sent before has been lost.
    if (message.kind === 'listening') greet().catch(refused)
    else listener.message(message)
  })
  port.addEventListener('messageerror', unreadable)
  port.addEventListener('error', (event) => {
    const { message } = event as ErrorEvent
    // Later errors come as messages, with their stack.
    if (!link.greeted) unstarted(message ? `threw "${message}"` : 'did not load')
  })
  endpoint.died?.then(died, died)
  port.start?.()
  greet().catch(refused)
  return link
}

function valueOf<T>(reply: Reply<T>): T {
  if (reply.ok) return reply.value
  throw decodeAsError(reply.error)
}

export const startHints = 'Check its URL, MIME type, CSP and startWorker.'
