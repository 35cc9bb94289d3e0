/** A sync server in memory that keeps to the protocol to the letter, and tells off who does not. */
import type { z } from 'zod'
import {
  type Change,
  errorCodes,
  LIMITS,
  type ProcessedCommand,
  type ProcessedRecord,
  type SyncErrorCode,
} from '../../../src/sync/protocol.ts'
import { ConnectRequest, PullRequest, type PushedCommand, PushRequest } from '../../../src/sync/requests.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export class ErrorAnswered extends Error {
  readonly code: SyncErrorCode
  readonly details: object
  readonly headers: Readonly<Record<string, string>>
  constructor(code: SyncErrorCode, message: string, details: object = {}, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.details = details
    this.headers = headers
  }
}

export class SimulatedServer {
  epoch = 'epoch-1'
  readonly records: ProcessedRecord[] = []
  /** By client: what it has pushed, in order. */
  readonly clients = new Map<string, string[]>()
  /** How often each Command took effect, by id. */
  readonly effects = new Map<string, number>()
  /** Whose token is whose. */
  readonly tokens = new Map([['token-ann', 'ann']])
  readonly forbidden = new Set<string>()
  readonly unknownTypes = new Set<string>()
  limits: { pushCommands: number; bodyBytes: number; pullRecords: number } = { ...LIMITS }
  /** Pulls are answered as of a head that is so many records older. */
  lag = 0
  /** Less than `connect` tells: a proxy stands before it. */
  proxyBytes = Infinity
  protocol = { oldest: 1, newest: 1 }
  /** Errors to answer with before anything else is looked at, by endpoint. */
  readonly failing = new Map<string, ErrorAnswered>()
  /** Requests that have reached it, oldest first. */
  readonly requests: { readonly path: string; readonly body: unknown; readonly token: string | undefined }[] = []
  readonly listeners = new Set<(change: Change) => void>()

  get head(): number {
    return this.records.length
  }

  requestsOf(path: string): readonly { readonly path: string; readonly body: unknown; readonly token: string | undefined }[] {
    return this.requests.filter((request) => request.path === path)
  }

  /** Another device's Commands are processed. */
  foreign(count = 1): void {
    for (let i = 0; i < count; i++) this.#process('other', { id: `foreign-${this.head + 1}`, type: 'stockItem.receive' }, undefined)
    this.#tell()
  }

  handle(path: string, token: string | undefined, body: unknown, bytes = JSON.stringify(body)?.length ?? 0): Answer {
    this.requests.push({ path, body, token })
    try {
      return { status: 200, body: this.#answer(path, token, body, bytes) }
    } catch (thrown) {
      if (!(thrown instanceof ErrorAnswered)) throw thrown
      const { code, message, details, headers } = thrown
      return { status: errorCodes[code], body: { error: { code, message, ...details } }, headers }
    }
  }

  #answer(path: string, token: string | undefined, body: unknown, bytes: number): unknown {
    const failing = this.failing.get(path)
    if (failing) throw failing
    const principal = this.tokens.get(token ?? '')
    if (principal === undefined) throw new ErrorAnswered('unauthenticated', 'No such token.')
    if (this.forbidden.has(principal)) throw new ErrorAnswered('forbidden', 'Not in this space.')
    if (path === 'changes') return undefined
    if (bytes > Math.min(this.proxyBytes, this.limits.bodyBytes)) throw new ErrorAnswered('too-large', `${bytes} bytes.`)
    const { protocol } = body as { protocol: number }
    if (protocol < this.protocol.oldest || protocol > this.protocol.newest)
      throw new ErrorAnswered('protocol', 'No version in common.', this.protocol)
    if ((body as { principal: string }).principal !== principal) throw new ErrorAnswered('unauthenticated', 'That is another principal.')
    switch (path) {
      case 'connect':
        return this.#connect(parsed(ConnectRequest, body).clientId)
      case 'push':
        return this.#push(parsed(PushRequest, body))
      case 'pull':
        return this.#pull(parsed(PullRequest, body))
      default:
        throw new ErrorAnswered('not-found', path)
    }
  }

  #connect(clientId: string): unknown {
    const line = this.clients.get(clientId)
    const client = line && line.length > 0 ? { sequence: line.length, commandId: line.at(-1) } : null
    return { protocol: this.protocol, place: this.#place(), client, now: 1, limits: this.limits }
  }

  #push({ clientId, epoch, commands }: PushRequest): unknown {
    if (epoch !== this.epoch) throw new ErrorAnswered('restored', 'Another epoch.')
    if (commands.length > this.limits.pushCommands) throw new ErrorAnswered('too-large', 'Too many Commands.')
    const line = this.clients.get(clientId) ?? []
    this.clients.set(clientId, line)
    const processed = []
    let held = null
    for (const { sequence, command } of commands) {
      if (sequence > line.length + 1) throw new ErrorAnswered('gap', 'Some are missing.', { expected: line.length + 1 })
      if (sequence > line.length && command && this.unknownTypes.has(command.type)) {
        held = { sequence, type: command.type }
        break
      }
      if (sequence > line.length) {
        line.push(command?.id ?? `${clientId}-${sequence}`)
        this.#process(clientId, command, sequence)
      } else if (command && line[sequence - 1] !== command.id) throw new ErrorAnswered('fork', 'Another Command.', { sequence })
      processed.push({ sequence, commandId: line[sequence - 1], record: this.head, outcome: { ok: true } })
    }
    this.#tell()
    return { place: this.#place(), processed, held }
  }

  #pull({ epoch, after, limit = this.limits.pullRecords }: PullRequest): unknown {
    if (epoch !== this.epoch) throw new ErrorAnswered('restored', 'Another epoch.')
    const head = this.head - this.lag
    const end = Math.min(head, after + Math.min(limit, this.limits.pullRecords))
    return { place: { epoch: this.epoch, head }, records: this.records.slice(after, end), more: end < head }
  }

  #process(clientId: string, command: PushedCommand['command'] | { id: string; type: string }, sequence: number | undefined): void {
    const number = this.head + 1
    const id = command?.id ?? `${clientId}-${sequence}`
    const before = this.records.find((record) => record.commands[0]?.id === id)
    const root: ProcessedCommand = {
      id,
      type: command?.type ?? 'withdrawn',
      schema: 1,
      at: 1,
      correlationId: id,
      outcome: { ok: true },
      clientId,
      ...(sequence !== undefined && { sequence }),
      ...(command === null && { withdrawn: true }),
      ...(before && { duplicateOf: before.number }),
    }
    const event = { type: 'e', schema: 1, aggregateId: 'a', version: number, command: 0, ordinal: 0, data: { json: number } }
    this.records.push({ number, at: 1, serverPosition: number, commands: [root], events: before || !command ? [] : [event] })
    if (!before && command) this.effects.set(id, (this.effects.get(id) ?? 0) + 1)
  }

  #place(): Change {
    return { epoch: this.epoch, head: this.head }
  }

  place(): Change {
    return this.#place()
  }

  #tell(): void {
    for (const listener of this.listeners) listener(this.#place())
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body)
  if (!result.success) throw new ErrorAnswered('bad-request', result.error.message)
  return result.data
}
