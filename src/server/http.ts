/** The protocol over HTTP: routes, and the checks that stand before each, in the order that PROTOCOL.md tells. */
import { Hono, type Context } from 'hono'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { isOutpostError } from '../errors.ts'
import { OLDEST_PROTOCOL, PROTOCOL, type ConnectAnswer, type PushAnswer } from '../sync/protocol.ts'
import { ConnectRequest, PullRequest, PushRequest } from '../sync/requests.ts'
import type { Closing } from './closing.ts'
import { answer, refusal } from './answers.ts'
import type { Listeners } from './listeners.ts'
import type { LogEntry, RequestEntry } from './log-entry.ts'
import type { Limits } from './limits.ts'
import type { RateLimit } from './rate.ts'
import { readJson } from './request-body.ts'
import { describeFault, isStorageFault } from './root-decider.ts'
import type { Space } from './space.ts'
import type { Spaces } from './spaces.ts'
import { SyncFault, unavailable } from './sync-fault.ts'

/** Where a page of another origin may call from. */
export interface CorsOptions {
  /** Origins, `*` for any, or a function that gives the origin to allow. */
  readonly origin: string | readonly string[] | ((origin: string) => string | undefined)
  /** Lets cookies through. */
  readonly credentials?: boolean
}

export interface HttpOptions {
  /** Path before `/«space»/…`. */
  readonly path: string
  /** undefined where the principal is what the body says. */
  readonly authenticate: ((request: Request) => string | undefined | Promise<string | undefined>) | undefined
  readonly access: (principal: string, space: string) => boolean | Promise<boolean>
  readonly limits: Limits
  readonly cors: CorsOptions | undefined
  readonly spaces: Spaces
  readonly listeners: Listeners
  readonly rate: RateLimit
  readonly now: () => number
  readonly clock: () => number
  readonly log: (entry: LogEntry) => void
  /** Once it has begun, bodies that are still on their way are waited for no longer. */
  readonly closing: Closing
}

type Notes = { -readonly [K in 'route' | 'space' | 'principal' | 'clientId' | 'code' | 'count' | 'fault']?: RequestEntry[K] }
interface Variables {
  readonly Variables: { notes: Notes }
}
type Http = Context<Variables>

/** Longest name of a space, as it stands in a path: it names a database, and PostgreSQL takes 500 bytes. */
const MAX_SPACE = 400
/** Answers that small are not worth compressing. */
const COMPRESSED_FROM = 1024

export function createHttp(options: HttpOptions): Hono<Variables> {
  const { limits, spaces, listeners, path } = options
  const app = new Hono<Variables>()

  app.use(logged(options))
  if (options.cors) app.use(corsOf(options.cors))
  app.use(compress({ threshold: COMPRESSED_FROM, encoding: 'gzip' }))

  app.get(`${path}/healthz`, () => answer(200, JSON.stringify({ status: 'ok' })))

  app.post(`${path}/:space/connect`, async (c) => {
    const { body, principal, space } = await admitted(c, 'connect', ConnectRequest)
    return spaces.use(space, async (opened) => {
      const { place, client } = await opened.connect(body.clientId, principal)
      const reply: ConnectAnswer = {
        protocol: { oldest: OLDEST_PROTOCOL, newest: PROTOCOL },
        place,
        client: client ? { sequence: client.sequence, commandId: client.commandId } : null,
        now: options.now(),
        limits: { pushCommands: limits.pushCommands, bodyBytes: limits.bodyBytes, pullRecords: limits.pullRecords },
      }
      return answer(200, JSON.stringify(reply))
    })
  })

  app.post(`${path}/:space/push`, async (c) => {
    const { body, principal, space } = await admitted(c, 'push', PushRequest)
    c.var.notes.count = body.commands.length
    checkBatch(body, limits)
    const reply: PushAnswer = await spaces.use(space, (opened) => opened.push(body, principal))
    return answer(200, JSON.stringify(reply))
  })

  app.post(`${path}/:space/pull`, async (c) => {
    const { body, principal, space } = await admitted(c, 'pull', PullRequest)
    const { place, records, more } = await spaces.use(space, (opened: Space) => opened.pull(body, principal))
    c.var.notes.count = records.length
    return answer(200, `{"place":${JSON.stringify(place)},"records":[${records.join(',')}],"more":${more}}`)
  })

  app.get(`${path}/:space/changes`, async (c) => {
    c.var.notes.route = 'changes'
    const space = spaceOf(c)
    const principal = (await proven(c)) ?? ''
    await mayUse(principal, space)
    takeToken(principal)
    listeners.check(principal)
    const held = await spaces.hold(space)
    try {
      const stream = listeners.listen(principal, held)
      return new Response(stream, {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      })
    } catch (error) {
      held.release()
      throw error
    }
  })

  for (const [route, method] of [
    ['connect', 'POST'],
    ['push', 'POST'],
    ['pull', 'POST'],
    ['changes', 'GET'],
  ] as const)
    app.all(`${path}/:space/${route}`, (c) => {
      c.header('allow', method)
      throw new SyncFault('method', `${route} takes ${method}.`)
    })

  app.notFound((c) => refuse(c, new SyncFault('not-found', 'There is nothing at this path.')))
  app.onError((error, c) => refuse(c, error))
  return app

  /** Who asks, for what, on which space. Nothing is looked at before it is known that it may be. */
  async function admitted<T extends { readonly clientId: string; readonly principal: string }>(
    c: Http,
    route: 'connect' | 'push' | 'pull',
    schema: { safeParse(body: unknown): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } } },
  ): Promise<{ readonly body: T; readonly principal: string; readonly space: string }> {
    c.var.notes.route = route
    const space = spaceOf(c)
    const known = await proven(c)
    if (known !== undefined) {
      takeToken(known)
      await mayUse(known, space)
    }
    const body = parsed(await readJson(c.req.raw, limits.bodyBytes, options.closing), schema)
    c.var.notes.clientId = body.clientId
    const principal = known ?? body.principal
    if (principal !== body.principal)
      throw new SyncFault('unauthenticated', 'The token is another principal’s than the body names. Nothing was processed.')
    if (known === undefined) {
      c.var.notes.principal = principal
      takeToken(principal)
      await mayUse(principal, space)
    }
    return { body, principal, space }
  }

  /** @returns undefined where nobody has to prove who he is */
  async function proven(c: Http): Promise<string | undefined> {
    if (!options.authenticate) return undefined
    const { url, method, headers } = c.req.raw
    const principal = await options.authenticate(new Request(url, { method, headers }))
    if (typeof principal !== 'string' || principal === '') throw new SyncFault('unauthenticated', 'There is no valid token in the request.')
    c.var.notes.principal = principal
    return principal
  }

  async function mayUse(principal: string, space: string): Promise<void> {
    if ((await options.access(principal, space)) !== true) throw new SyncFault('forbidden', `"${principal}" may not use space "${space}".`)
  }

  function takeToken(principal: string): void {
    const seconds = options.rate.take(principal)
    if (seconds > 0) throw new SyncFault('rate', 'Too many requests: wait a little.', {}, seconds)
  }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

function spaceOf(c: Http): string {
  const space = c.req.param('space') ?? ''
  c.var.notes.space = space
  // Half a surrogate pair can name nothing.
  if (/[\uD800-\uDFFF]/u.test(space) || encodeURIComponent(space).length > MAX_SPACE)
    throw new SyncFault('bad-request', `The name of a space is text of at most ${MAX_SPACE} characters, percent-encoded.`)
  return space
}

function parsed<T>(
  body: unknown,
  schema: { safeParse(body: unknown): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } } },
): T {
  const protocol = typeof body === 'object' && body !== null ? (body as { readonly protocol?: unknown }).protocol : undefined
  if (typeof protocol === 'number' && (protocol < OLDEST_PROTOCOL || protocol > PROTOCOL))
    throw new SyncFault('protocol', `The client speaks protocol ${protocol}, this server ${OLDEST_PROTOCOL} to ${PROTOCOL}.`, {
      oldest: OLDEST_PROTOCOL,
      newest: PROTOCOL,
    })
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [first] = result.error.issues
  throw new SyncFault(
    'bad-request',
    `The body is not what the protocol says, at "${first?.path.map(String).join('.')}": ${first?.message}.`,
  )
}

function checkBatch({ commands }: PushRequest, limits: Limits): void {
  if (commands.length > limits.pushCommands)
    throw new SyncFault('too-large', `A push has at most ${limits.pushCommands} Commands: send fewer at once.`)
  const first = commands[0]?.sequence ?? 1
  if (commands.some(({ sequence }, i) => sequence !== first + i))
    throw new SyncFault('bad-request', 'The sequences of a push are consecutive and ascending.')
}

function refuse(c: Http, error: unknown): Response {
  const fault = faultOf(error)
  c.var.notes.code = fault.code
  if (fault !== error) c.var.notes.fault = describeFault(error)
  return refusal(fault, c.res.headers.get('allow') ?? undefined)
}

/** What is inside stays inside: the log has it. */
function faultOf(error: unknown): SyncFault {
  if (error instanceof SyncFault) return error
  if (isStorageFault(error) || isOutpostError(error, 'log-not-empty')) return unavailable('The storage cannot be used at the moment.')
  return new SyncFault('internal', 'Something went wrong here; the server’s log tells what. Try again.', {}, 1)
}

function corsOf({ origin, credentials = false }: CorsOptions): ReturnType<typeof cors> {
  return cors({
    origin: typeof origin === 'function' ? (from) => origin(from) ?? null : typeof origin === 'string' ? origin : [...origin],
    credentials,
    allowMethods: ['GET', 'POST'],
    allowHeaders: ['authorization', 'content-type', 'content-encoding'],
    exposeHeaders: ['retry-after'],
    maxAge: 86_400,
  })
}

const logged =
  ({ log, clock, now }: HttpOptions) =>
  async (c: Http, next: () => Promise<void>): Promise<void> => {
    const startedAt = clock()
    const notes: Notes = {}
    c.set('notes', notes)
    await next()
    const { status } = c.res
    log({
      level: status >= 500 ? 'error' : 'info',
      event: 'request',
      at: new Date(now()).toISOString(),
      method: c.req.method,
      ...notes,
      status,
      durationMs: Math.round((clock() - startedAt) * 10) / 10,
    })
  }
