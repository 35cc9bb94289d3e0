/** The server's processes: real sync servers on one storage, each of which can die and come again. */
import type { AnyDomain } from '../../domain/infer.ts'
import type { Environment } from '../../engine/engine.ts'
import type { createSyncServer, SyncServer, SyncServerOptions } from '../../server/create-sync-server.ts'
import type { LogEntry } from '../../server/log-entry.ts'
import { CrashPoints } from './crash-points.ts'
import { Disk, type SimulatedDisk } from './disk.ts'
import { Locks } from './locks.ts'
import { Process } from './process.ts'
import { processStorage } from './process-storage.ts'
import type { Random } from './random.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface ServersOptions {
  readonly domain: AnyDomain
  readonly create: typeof createSyncServer
  readonly clock: VirtualClock
  readonly random: Random
  readonly disk: SimulatedDisk
  readonly processes: number
  readonly options: Partial<Pick<SyncServerOptions, 'authorize' | 'actAs' | 'access' | 'timerGraceMs' | 'limits'>>
  readonly seen: (what: string) => void
}

interface ServerProcess {
  readonly process: Process
  readonly server: SyncServer
}

/** It answers no more: the connection breaks. */
export class ConnectionReset extends Error {}

/** A dead process is started again after so long. */
const restartMs = 2000

export class Servers {
  readonly disk: Disk
  readonly points: CrashPoints[]
  /** What the processes said of themselves that a developer must look at. */
  readonly faults: LogEntry[] = []
  readonly #options: ServersOptions
  readonly #running: (ServerProcess | undefined)[]
  #starts = 0
  #downMs = restartMs
  #closed = false

  constructor(options: ServersOptions) {
    this.#options = options
    this.disk = new Disk(options.disk)
    this.points = Array.from({ length: options.processes }, () => new CrashPoints())
    this.#running = this.points.map(() => undefined)
    this.startAll()
  }

  startAll(): void {
    this.#running.forEach((running, place) => {
      if (!running) this.#start(place)
    })
  }

  /** @param downMs until it is started again */
  crash(place: number, downMs = restartMs): void {
    this.#downMs = downMs
    this.#running[place]?.process.kill()
    this.#downMs = restartMs
  }

  /**
   * Answers with one of the running processes.
   *
   * @throws ConnectionReset where none runs, or the one died before it had answered
   */
  async handle(request: Request): Promise<Response> {
    const running = this.#running.filter((each) => each !== undefined)
    if (running.length === 0) throw new ConnectionReset('Nobody listens.')
    const { process, server } = this.#options.random.pick(running)
    return new Promise((resolve, reject) => {
      const stop = process.onKilled(() => reject(new ConnectionReset('The server died.')))
      // What runs in there takes no time but what its storage takes: so the clock need not wait for it.
      server
        .fetch(request)
        .then((response) => this.#whole(process, response))
        .then(resolve, reject)
        .finally(stop)
    })
  }

  async close(): Promise<void> {
    const { clock } = this.#options
    this.#closed = true
    for (const running of this.#running.splice(0)) {
      if (!running) continue
      running.process.thaw()
      await clock.until(running.server.close(), 60_000, 'Closing a server')
      running.process.kill()
    }
    await this.disk.close()
  }

  #start(place: number): void {
    const { domain, create, clock, random, options, seen } = this.#options
    const process = new Process(clock)
    const own = random.branch(`server ${place}, start ${++this.#starts}`)
    const storage = processStorage({
      process,
      disk: this.disk,
      random: own,
      points: this.points[place] as CrashPoints,
      isServer: true,
      seen,
    })
    const environment: Environment = {
      now: clock.now,
      clock: clock.now,
      clockOrigin: 0,
      randomId: () => own.id(),
      random: () => own.next(),
      later: process.later,
      alone: () => Promise.resolve(false),
      // Each is a machine of its own: what several have in common is their storage.
      exclusive: exclusive(new Locks(), process),
    }
    const server = create({
      domain,
      storage,
      environment,
      // Tokens are names.
      authenticate: (request) => /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1],
      access: () => true,
      log: (entry) => {
        if (entry.level === 'error' && !process.isDead) this.faults.push(entry)
      },
      ...options,
      limits: { requestBurst: 1e9, requestsPerSecond: 1e9, listenersPerPrincipal: 1e6, listeners: 1e6, ...options.limits },
    })
    this.#running[place] = { process, server }
    process.onKilled(() => {
      seen('server crash')
      this.#running[place] = undefined
      clock.later(this.#downMs, () => this.#running[place] || this.#closed || this.#start(place))
    })
  }

  /** Its body all at once, but for a stream, which breaks when the process dies. */
  async #whole(process: Process, response: Response): Promise<Response> {
    const { status, headers, body } = response
    if (!body || headers.get('content-type') !== 'text/event-stream') return new Response(await response.text(), { status, headers })
    const reader = body.getReader()
    let stop = (): void => undefined
    const live = new ReadableStream<Uint8Array>({
      start: (controller) => {
        stop = process.onKilled(() => controller.error(new ConnectionReset('The server died.')))
      },
      async pull(controller) {
        const { done, value } = await reader.read()
        if (process.isDead) return
        if (!done) return controller.enqueue(value)
        stop()
        controller.close()
      },
      async cancel() {
        stop()
        await reader.cancel()
      },
    })
    return new Response(live, { status, headers })
  }
}

/** `exclusive` of an engine's environment, by the locks of its machine. */
export const exclusive =
  (locks: Locks, process: Process): Environment['exclusive'] =>
  async (name, work, signal) => {
    try {
      await locks.of(process)(name, { signal }, () => work(signal))
    } catch (thrown) {
      // Taken back while it waited: there is nothing to do any more.
      if (!signal.aborted) throw thrown
    }
  }
