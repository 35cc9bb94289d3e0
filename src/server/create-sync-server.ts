/** The sync server: a Fetch-API handler over any storage. */
import type { AnyDomain } from '../domain/infer.ts'
import { messageOf, OutpostError } from '../errors.ts'
import type { Environment } from '../engine/engine.ts'
import { refusal } from './answers.ts'
import { actAsOneself, type ActAs, type Authorize } from './authority.ts'
import { Closing } from './closing.ts'
import { serverEnvironment } from './environment.ts'
import { createHttp, type CorsOptions } from './http.ts'
import { limitsOf, type Limits } from './limits.ts'
import { Listeners } from './listeners.ts'
import type { LogEntry } from './log-entry.ts'
import { ownReactors } from './own-reactors.ts'
import { RateLimit } from './rate.ts'
import { describeFault } from './root-decider.ts'
import type { ServerStorage } from './server-storage.ts'
import { openSpace } from './space.ts'
import { Spaces, spacesAmong } from './spaces.ts'
import { unavailable } from './sync-fault.ts'

interface CommonOptions {
  /** The same declarations that the app's worker runs. */
  readonly domain: AnyDomain
  readonly storage: ServerStorage
  /** Whether this principal may give this Command, asked before it is decided. Default: what the domain allows is allowed. */
  readonly authorize?: Authorize
  /** Whether this principal may give Commands in the name of this actor. Default: its own only; anybody's where it is `insecure`. */
  readonly actAs?: ActAs
  readonly limits?: Partial<Limits>
  /** For pages of other origins. Default: none may. */
  readonly cors?: CorsOptions
  /** Path before `/«space»/connect`, as `/sync`. Default: none. */
  readonly path?: string
  /** How long timers wait for Commands that a client has announced: ms after its last push. Default 10 minutes. */
  readonly timerGraceMs?: number
  /** Hears of every request and every fault, as plain data. Must not throw. Default: nobody. */
  readonly log?: (entry: LogEntry) => void
  /** Clock, ids and timers. Default: the process's; tests give their own. */
  readonly environment?: Environment
}

export type Access = (principal: string, space: string) => boolean | Promise<boolean>

export type SyncServerOptions = CommonOptions &
  (
    | {
        /** Who it is that asks, by the request's headers: undefined where that is not proven. The body cannot be read here. */
        readonly authenticate: (request: Request) => string | undefined | Promise<string | undefined>
        /**
         * Whether this principal may use this space at all; spaces are named by whoever asks for them. Where everybody who is
         * known shares all spaces, `() => true`.
         */
        readonly access: Access
        readonly insecure?: false
      }
    | {
        readonly authenticate?: undefined
        /** Default: everybody may use every space. */
        readonly access?: Access
        /** Written out by who wants it so: everybody is who he says he is, and may read and write every space. */
        readonly insecure: true
      }
  )

export interface SyncServer {
  /** Answers every request of the protocol. Never rejects. */
  fetch(request: Request): Promise<Response>
  /** Takes no new request, finishes those under way, ends streams, closes storage. Works twice. */
  close(): Promise<void>
}

/**
 * Makes a server; spaces are opened as they are asked for.
 *
 * @throws OutpostError `unsupported` without `authenticate`, or without `access` beside it, where `insecure` is not written out;
 * RangeError for a limit that makes no sense
 */
export function createSyncServer(options: SyncServerOptions): SyncServer {
  const { domain, storage, authenticate, environment = serverEnvironment(), log = () => undefined } = options
  if (!authenticate && options.insecure !== true)
    throw new OutpostError(
      'unsupported',
      'A sync server needs `authenticate`, or everybody could read and write everything. Give one, or write out `insecure: true`.',
      { missing: 'authenticate' },
    )
  if (authenticate && typeof options.access !== 'function')
    throw new OutpostError(
      'unsupported',
      'A sync server needs `access`, or everybody it knows could read and write every space. Give `access: (principal, space) => …`, or write out `access: () => true` where all share all spaces.',
      { missing: 'access' },
    )
  const limits = limitsOf(options.limits ?? {})
  const at = (): string => new Date(environment.now()).toISOString()
  const spaceFault = (space: string, fault: unknown): void =>
    log({ level: 'error', event: 'space-fault', at: at(), space, fault: describeFault(fault) })
  const listeners = new Listeners({
    perPrincipal: limits.listenersPerPrincipal,
    inAll: limits.listeners,
    later: environment.later,
  })
  const spaces = new Spaces({
    environment,
    most: limits.openSpaces,
    idleMs: limits.idleSpaceMs,
    onFault: spaceFault,
    open: (space, onClosed) =>
      openSpace({
        domain,
        storage,
        space,
        environment,
        authorize: options.authorize,
        actAs: options.actAs ?? (authenticate ? actAsOneself : () => true),
        graceMs: options.timerGraceMs ?? 10 * 60 * 1000,
        pullRecords: limits.pullRecords,
        pullBytes: limits.pullBytes,
        onFault: ({ id, type }, fault) =>
          log({ level: 'error', event: 'command-fault', at: at(), space, commandId: id, commandType: type, fault: describeFault(fault) }),
        onClosed: (reason) => {
          spaceFault(space, `Its log was closed: ${reason}.`)
          onClosed()
        },
      }),
  })
  const closing = new Closing()
  const http = createHttp({
    path: options.path ?? '',
    authenticate,
    access: options.access ?? (() => true),
    limits,
    cors: options.cors,
    spaces,
    listeners,
    rate: new RateLimit({ perSecond: limits.requestsPerSecond, burst: limits.requestBurst }, environment.clock),
    now: environment.now,
    clock: environment.clock,
    log,
    closing,
  })

  const underWay = new Set<Promise<unknown>>()
  let closed: Promise<void> | undefined
  const waking = wake()
  log({
    level: 'info',
    event: 'started',
    at: at(),
    message: `Domain "${domain.name}"${authenticate ? '' : ', insecure: everybody is who he says he is, and may read and write every space'}.`,
  })

  return {
    async fetch(request) {
      if (closed) return refusal(unavailable('The server is shutting down.'))
      const work = Promise.resolve(http.fetch(request))
      underWay.add(work)
      try {
        return await work
      } finally {
        underWay.delete(work)
      }
    },
    close: () => (closed ??= close()),
  }

  /** What fell due while no server ran must not wait until somebody asks for its space. */
  async function wake(): Promise<void> {
    const hasTimers = [...domain.processManagers.values()].some(({ timers }) => Object.keys(timers).length > 0)
    if (!hasTimers && ownReactors(domain).length === 0) return
    try {
      await spaces.wake(spacesAmong(domain.name, await storage.list(`${domain.name}.`)))
    } catch (fault) {
      spaceFault('*', new Error(`Spaces with timers could not be looked for: ${messageOf(fault)}`, { cause: fault }))
    }
  }

  async function close(): Promise<void> {
    closing.begin()
    listeners.close()
    await Promise.allSettled(underWay)
    listeners.close() // one that was being opened
    await spaces.close()
    await waking
    log({ level: 'info', event: 'closed', at: at(), message: 'Everything under way was finished.' })
  }
}
