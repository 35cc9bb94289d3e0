/** Requests to the server, one method an endpoint: what goes out and comes in is what `protocol.ts` says, or a {@link SyncFault}. */
import { createParser } from 'eventsource-parser'
import type { z } from 'zod'
import { messageOf } from '../errors.ts'
import type { SyncEnvironment } from './environment.ts'
import { faultOf, jsonOf, SyncFault } from './fault.ts'
import { Change, ConnectAnswer, PullAnswer, PushAnswer } from './protocol.ts'
import type { ConnectRequest, PullRequest, PushRequest } from './requests.ts'
import type { Tokens } from './tokens.ts'

export interface Transport {
  connect(body: ConnectRequest, signal: AbortSignal): Promise<ConnectAnswer>
  push(body: PushRequest, signal: AbortSignal): Promise<PushAnswer>
  pull(body: PullRequest, signal: AbortSignal): Promise<PullAnswer>
  /**
   * How far the server's log has grown, told as long as it lasts. Resolves when the server ends it.
   * @throws `timeout` where nothing was heard for too long: a quiet server sends comments
   */
  changes(heard: (change: Change) => void, signal: AbortSignal): Promise<void>
}

interface Outgoing {
  readonly method?: 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
}

/** Smaller bodies gain nothing. */
const gzipFrom = 1000
/** Between two pieces of an answer, not for all of it: a large page over a thin line is no fault. */
const deadlineMs = 30_000
/** Of the change notice; servers send a comment at least every 25 s. */
const silenceMs = 60_000

/** @param url up to and including the space */
export function createTransport(url: string, tokens: Tokens, environment: SyncEnvironment): Transport {
  /** @param read gets the answer and says whenever some of it came in */
  async function request<T>(
    path: string,
    { headers, ...init }: Outgoing,
    quietMs: number,
    signal: AbortSignal,
    read: (response: Response, alive: () => void) => Promise<T>,
  ): Promise<T> {
    const ended = new AbortController()
    const end = (): void => ended.abort()
    let late = false
    let cancel = (): void => undefined
    const alive = (): void => {
      cancel()
      if (ended.signal.aborted) return
      cancel = environment.later(quietMs, () => {
        late = true
        end()
      })
    }
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    try {
      const sent = tokens.with(async (token) => {
        alive()
        const signed = token === undefined ? headers : { ...headers, Authorization: `Bearer ${token}` }
        const response = await environment.fetch(`${url}/${path}`, { ...init, headers: signed, cache: 'no-store', signal: ended.signal })
        if (!response.ok) throw faultOf(response, await textOf(response, alive), path, environment.now())
        return await read(response, alive)
      })
      // `token()` may wait for a person to sign in; what is taken back does not wait with it.
      return await Promise.race([sent, aborted(ended.signal)])
    } catch (cause) {
      if (signal.aborted) throw new SyncFault('interrupted', `${path} was taken back.`)
      if (late) throw new SyncFault('timeout', `The server was silent for ${quietMs / 1000} s at ${path}.`)
      if (cause instanceof SyncFault) throw cause
      throw new SyncFault('unreachable', `There is no way to the server (${path}: ${messageOf(cause)}).`, { cause })
    } finally {
      cancel()
      signal.removeEventListener('abort', end)
    }
  }

  async function post<Schema extends z.ZodType>(
    path: string,
    body: unknown,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<z.output<Schema>> {
    const text = JSON.stringify(body)
    const packed = text.length > gzipFrom ? await environment.gzip?.(text) : undefined
    const headers = { 'Content-Type': 'application/json', ...(packed && { 'Content-Encoding': 'gzip' }) }
    const answer = await request(path, { method: 'POST', headers, body: packed ?? text }, deadlineMs, signal, textOf)
    const parsed = schema.safeParse(jsonOf(answer))
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    throw new SyncFault(
      'unreadable',
      `What came back of ${path} is no answer of a sync server (${issue?.path.join('.')}: ${issue?.message}).`,
    )
  }

  return {
    connect: (body, signal) => post('connect', body, ConnectAnswer, signal),
    push: (body, signal) => post('push', body, PushAnswer, signal),
    pull: (body, signal) => post('pull', body, PullAnswer, signal),
    changes: (heard, signal) =>
      request('changes', { headers: { Accept: 'text/event-stream' } }, silenceMs, signal, async (response, alive) => {
        const parser = createParser({
          onEvent({ data }) {
            const change = Change.safeParse(jsonOf(data))
            if (change.success) heard(change.data)
          },
        })
        await eachPiece(response, (piece) => {
          alive()
          parser.feed(piece)
        })
      }),
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = (): void => reject(new DOMException('Taken back.', 'AbortError'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })

async function textOf(response: Response, alive: () => void): Promise<string> {
  const pieces: string[] = []
  await eachPiece(response, (piece) => {
    alive()
    pieces.push(piece)
  })
  return pieces.join('')
}

async function eachPiece({ body }: Response, take: (piece: string) => void): Promise<void> {
  const reader = body?.getReader()
  const decoder = new TextDecoder()
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {}
    take(decoder.decode(value, { stream: !done }))
    if (done) return
  }
}
