/** Sync servers for tests: through `fetch` alone, as a device or a hostile stranger meets them. */
import { gunzipSync } from 'node:zlib'
import { createSyncServer, type LogEntry, type SyncServer, type SyncServerOptions } from 'outpost/server'
import { createMemoryStorage } from 'outpost/testing'
import type { Environment } from '../../src/engine/engine.ts'
import { ConnectAnswer, ErrorAnswer, PROTOCOL, PullAnswer, PushAnswer, withdrawnId, type ProcessedRecord } from '../../src/sync/protocol.ts'
import type { PushedCommand, WireCommand } from '../../src/sync/requests.ts'
import { toWire } from '../../src/sync/wire-value.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { testEnvironment } from './engine.ts'
import { stock } from '../fixtures/stock.ts'

export interface TestServer extends SyncServer {
  readonly clock: TestClock
  readonly entries: readonly LogEntry[]
}

/** Tokens are names: `Authorization: Bearer ann` is ann. */
export const authenticate = (request: Request): string | undefined => /^Bearer (\w+)$/.exec(request.headers.get('authorization') ?? '')?.[1]

export interface ServerOptions extends Partial<Omit<SyncServerOptions, 'authenticate' | 'insecure' | 'log'>> {
  readonly clock?: TestClock
  readonly insecure?: boolean
  readonly authenticate?: SyncServerOptions['authenticate']
}

const started = new Set<SyncServer>()

/** Closes every server of the test: `afterEach(closeServers)`. */
export async function closeServers(): Promise<void> {
  await Promise.all([...started].map((server) => server.close()))
  started.clear()
}

/** Of a server that is never in a hurry: a push that takes long on a busy machine is committed as one all the same. */
export const unhurried = (clock: TestClock): Environment => ({ ...testEnvironment(clock), clock: clock.now })

/** By default of the stock domain, on memory, with a clock that stands still and limits that no test meets by chance. */
export function startServer({ clock = createTestClock(), insecure = false, ...options }: ServerOptions = {}): TestServer {
  const entries: LogEntry[] = []
  const server = createSyncServer({
    domain: stock,
    storage: createMemoryStorage(),
    environment: unhurried(clock),
    log: (entry) => entries.push(entry),
    ...options,
    limits: { requestBurst: 1e9, ...options.limits },
    ...(insecure
      ? { insecure: true, authenticate: undefined }
      : { authenticate: options.authenticate ?? authenticate, access: options.access ?? (() => true) }),
  })
  started.add(server)
  return Object.assign(server, { clock, entries })
}

export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

export interface Sent {
  readonly method?: string
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: BodyInit
}

/** Sends anything at all. */
export async function send(server: SyncServer, path: string, { method = 'POST', token, headers, body }: Sent = {}): Promise<Answer> {
  const response = await server.fetch(
    new Request(`http://sync.test${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    }),
  )
  const bytes = Buffer.from(await response.arrayBuffer())
  const text = (response.headers.get('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes).toString()
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown), headers: response.headers }
}

/** The code of an answer that is an error; the whole answer where it is none, so that a test shows it. */
export const codeOf = ({ status, body }: Answer): string => {
  const parsed = ErrorAnswer.safeParse(body)
  return parsed.success ? `${status} ${parsed.data.error.code}` : `${status} ${JSON.stringify(body)}`
}

let made = 0
export const command = (type: string, aggregateId: string | undefined, payload: unknown, more: Partial<WireCommand> = {}): WireCommand => {
  const id = more.id ?? `command-${++made}`
  return {
    id,
    type,
    schema: 1,
    ...(aggregateId === undefined ? {} : { aggregateId }),
    payload: toWire(payload),
    at: 1_000,
    correlationId: id,
    ...more,
  }
}

export interface DeviceOptions {
  readonly space?: string
  readonly principal?: string
  readonly clientId?: string
  /** Default: the principal's. */
  readonly token?: string | undefined
}

/** A device as far as the server can tell: it numbers its Commands, and remembers the epoch. */
export class Device {
  readonly #server: SyncServer
  readonly space: string
  readonly principal: string
  readonly clientId: string
  readonly token: string | undefined
  epoch = ''
  sequence = 0
  /** Records pulled so far. */
  readonly records: ProcessedRecord[] = []

  constructor(server: SyncServer, { space = 'hall-7', principal = 'ann', clientId = `${principal}-1`, ...more }: DeviceOptions = {}) {
    this.#server = server
    this.space = space
    this.principal = principal
    this.clientId = clientId
    this.token = 'token' in more ? more.token : principal
  }

  get #sender() {
    return { protocol: PROTOCOL, clientId: this.clientId, principal: this.principal }
  }

  post(route: string, body: object, server = this.#server): Promise<Answer> {
    return send(server, `/${encodeURIComponent(this.space)}/${route}`, {
      token: this.token,
      body: JSON.stringify({ ...this.#sender, ...body }),
    })
  }

  async connect(server?: SyncServer): Promise<ConnectAnswer> {
    const answer = ConnectAnswer.parse(await okOf(this.post('connect', {}, server)))
    this.epoch = answer.place.epoch
    return answer
  }

  /** Numbers these as the next ones; null is a withdrawn one. */
  number(commands: readonly (WireCommand | null)[]): PushedCommand[] {
    return commands.map((each) => ({ sequence: ++this.sequence, command: each }))
  }

  async push(commands: readonly (WireCommand | null)[], waiting = 0): Promise<PushAnswer> {
    return this.pushed(this.number(commands), waiting)
  }
  async pushed(commands: readonly PushedCommand[], waiting = 0, server?: SyncServer): Promise<PushAnswer> {
    return PushAnswer.parse(await okOf(this.tryPush(commands, waiting, server)))
  }
  async tryPush(commands: readonly PushedCommand[], waiting = 0, server?: SyncServer): Promise<Answer> {
    if (this.epoch === '') await this.connect(server)
    return this.post('push', { epoch: this.epoch, commands, waiting }, server)
  }

  /** Gives one Command and says what it came to: `ok`, or the refusal's name. */
  async give(type: string, aggregateId: string | undefined, payload: unknown, more?: Partial<WireCommand>): Promise<string> {
    const [processed] = (await this.push([command(type, aggregateId, payload, more)])).processed
    return !processed ? 'nothing' : processed.outcome.ok ? 'ok' : processed.outcome.refusal
  }

  /** Pulls to the end of the log. */
  async pull(limit?: number, server?: SyncServer): Promise<readonly ProcessedRecord[]> {
    if (this.epoch === '') await this.connect(server)
    for (;;) {
      const after = this.records.at(-1)?.number ?? 0
      const answer = PullAnswer.parse(await okOf(this.post('pull', { epoch: this.epoch, after, ...(limit && { limit }) }, server)))
      this.records.push(...answer.records)
      if (!answer.more) return this.records
    }
  }
}

export { withdrawnId }

export async function okOf(answer: Promise<Answer>): Promise<unknown> {
  const { status, body } = await answer
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}

/** Types and ids of all pulled Events, in order. */
export const eventsOf = (records: readonly ProcessedRecord[]): string[] =>
  records.flatMap(({ events }) => events.map(({ type, aggregateId, version }) => `${type} ${aggregateId} ${version}`))
