/**
 * One client's way to its worker, whichever worker that is at the moment:
 *
 *   starting ──▶ ready ──▶ lost ──▶ ready …      a worker that died or hung is replaced;
 *       └──────────────────┴──▶ failed           five starts in a row that come to nothing end it
 *   any ──▶ closed
 */
import { decodeAsError } from '../channel/codec.ts'
import type { Calls, FromWorker, LogName, ValueOf } from '../channel/protocol.ts'
import type { Status } from '../engine/status.ts'
import { type ErrorCode, OutpostError } from '../errors.ts'
import { type Link, type LinkEnd, notStarted, openLink } from './link.ts'
import { type CommandWork, nameOf, type SubscriptionWork, type Work } from './work.ts'
import type { WorkerEndpoint } from './worker-endpoint.ts'
import { Works } from './works.ts'

export interface ConnectionOptions {
  readonly spawn: () => WorkerEndpoint
  readonly log: LogName
  readonly deadlineMs: number
  /** How long the worker's thread may go without a pause while an answer is awaited from it. */
  readonly decideTimeoutMs: number
  /** Hears of what nobody awaited. */
  readonly onError: (error: Error) => void
}

/** Waits before the second start, the third … */
const backOffMs = [0, 500, 2000, 5000]
const startTimeoutMs = 10_000
/** Failures of opening a log that another try may mend. */
const passing: readonly ErrorCode[] = ['worker-failed', 'storage-failed', 'storage-full', 'log-not-empty', 'timeout']

export class Connection {
  readonly #options: ConnectionOptions
  readonly #works: Works
  #state: Status['worker'] = 'starting'
  #problem: string | undefined
  readonly #stateListeners = new Set<() => void>()
  #link: Link | undefined
  #logEpoch: string | undefined
  #wasReady = false
  /** Workers in a row that ended before they answered anything. */
  #failures = 0
  #restart: ReturnType<typeof setTimeout> | undefined
  #ticking: ReturnType<typeof setTimeout> | undefined
  #pinged = false
  /** Since the ping, or since the start, in ticks. */
  #silentMs = 0
  /** Why everything fails from now on. */
  #over: OutpostError | undefined
  #closing: Promise<void> | undefined
  #lastId = 0
  readonly #released = new AbortController()

  /** @param unsupported why there can be no worker here */
  constructor(options: ConnectionOptions, unsupported?: OutpostError) {
    this.#options = options
    this.#works = new Works(options.deadlineMs)
    if (unsupported) this.#stop('failed', unsupported)
    else {
      this.#start()
      this.#tellOfResuming()
    }
  }

  get state(): Status['worker'] {
    return this.#state
  }
  get problem(): string | undefined {
    return this.#problem
  }
  /** Position of the last of this client's Commands that was acknowledged. */
  get position(): number {
    return this.#works.position
  }
  /** For a subscription. */
  newId(): number {
    return ++this.#lastId
  }
  /** @returns stops listening */
  onState(changed: () => void): () => void {
    this.#stateListeners.add(changed)
    return () => this.#stateListeners.delete(changed)
  }

  /**
   * @param once for calls that another worker could not go on with: they fail with their worker
   * @throws what the worker threw; `timeout`, `worker-lost`, `worker-failed`, `closed`
   */
  call<Name extends keyof Calls>(
    name: Name,
    args: Parameters<Calls[Name]>,
    { once = false, deadlineMs = this.#options.deadlineMs }: { readonly once?: boolean; readonly deadlineMs?: number } = {},
  ): Promise<ValueOf<Name>> {
    return new Promise((succeed, fail) => {
      this.give({ kind: 'call', name, args, once, deadlineMs, sent: 0, waitedMs: 0, succeed: succeed as (value: never) => void, fail })
    })
  }

  give(work: Work): void {
    if (this.#over) return work.fail(this.#over)
    this.#works.give(work)
    this.#tickSoon()
  }
  abort(work: CommandWork): void {
    this.#works.abort(work)
  }
  unsubscribe(work: SubscriptionWork): void {
    this.#works.unsubscribe(work)
  }

  /** Ends the worker and starts another, which opens the log anew. */
  replaceWorker(): void {
    this.#link?.end({ kind: 'died', error: new OutpostError('worker-lost', 'The worker was replaced.') })
  }

  /** Lets the commit in flight finish. Works twice. */
  close(): Promise<void> {
    this.#closing ??= this.#sayGoodbye()
    return this.#closing
  }

  /** @throws what kept it from deleting */
  async destroy(deadlineMs: number): Promise<void> {
    await this.call('destroy', [], { deadlineMs })
    this.#stop('closed', closed())
  }

  async #sayGoodbye(): Promise<void> {
    if (this.#state === 'ready') {
      const goodbye = this.call('close', [], { once: true, deadlineMs: this.#options.decideTimeoutMs })
      this.#over ??= closed()
      // A worker that cannot say goodbye is ended without.
      await goodbye.catch(() => undefined)
    }
    this.#stop('closed', closed())
  }

  #start(): void {
    this.#silentMs = 0
    this.#pinged = false
    this.#link = openLink(this.#options.spawn, this.#options.log, {
      ready: (logEpoch) => this.#ready(logEpoch),
      message: (message) => this.#receive(message),
      ended: (end) => this.#ended(end),
    })
    this.#tickSoon()
  }

  #ready(logEpoch: string): void {
    if (this.#logEpoch !== undefined && this.#logEpoch !== logEpoch) this.#works.restart()
    this.#logEpoch = logEpoch
    this.#wasReady = true
    this.#setState('ready')
    if (!this.#link) return
    this.#works.attach(this.#link)
    this.#ping(this.#link)
  }

  #ended(end: LinkEnd): void {
    this.#link = undefined
    this.#works.detach(end)
    this.#failures++
    if (this.#closing) return
    if ((end.kind === 'refused' && !passing.includes(end.error.code)) || this.#failures > backOffMs.length) return this.#stop('failed', end.error)
    this.#setState(this.#wasReady ? 'lost' : 'starting', end.error.message)
    const delayMs = backOffMs[this.#failures - 1] as number
    // No timer where none is needed: hidden pages get theirs late.
    if (delayMs === 0) this.#start()
    else this.#restart = setTimeout(() => this.#start(), delayMs)
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'frames': {
        const ids = this.#works.receive(message.frames)
        this.#link?.post({ kind: 'ack', ids })
        return
      }
      case 'pong':
        this.#pinged = false
        this.#failures = 0
        return
      case 'uncaught':
        return this.#options.onError(decodeAsError(message.error))
      case 'destroyed':
        return this.#stop('closed', closed('Its data was deleted in another tab.'), false)
    }
  }

  #stop(state: 'failed' | 'closed', error: OutpostError, wanted = state === 'closed'): void {
    if (this.#isOver) return
    this.#over = error
    this.#link?.close()
    this.#link = undefined
    clearTimeout(this.#restart)
    clearTimeout(this.#ticking)
    this.#released.abort()
    this.#works.failAll(error, wanted)
    this.#setState(state, state === 'failed' ? error.message : undefined)
  }

  get #isOver(): boolean {
    return this.#state === 'failed' || this.#state === 'closed'
  }

  #setState(state: Status['worker'], problem?: string): void {
    this.#state = state
    this.#problem = problem
    for (const changed of this.#stateListeners) changed()
  }

  #ping(link: Link): void {
    this.#pinged = true
    this.#silentMs = 0
    link.post({ kind: 'ping' })
  }

  /** Time is counted in ticks of this timer, never by the clock: where the page stands still, so does its worker. */
  #tickSoon(): void {
    const idle = this.#works.isEmpty && (!this.#link || (this.#link.phase === 'ready' && !this.#pinged))
    if (this.#ticking !== undefined || idle || this.#isOver) return
    const tickMs = Math.max(10, Math.min(250, this.#options.decideTimeoutMs / 4))
    this.#ticking = setTimeout(() => {
      this.#ticking = undefined
      if (this.#link) this.#watch(this.#link, tickMs)
      this.#works.tick(tickMs, (work) => this.#expired(work))
      this.#tickSoon()
    }, tickMs)
  }

  #watch(link: Link, tickMs: number): void {
    this.#silentMs += tickMs
    if (link.phase === 'greeting') {
      if (this.#silentMs >= startTimeoutMs) link.end(notStarted(`did not answer within ${startTimeoutMs / 1000} s`))
    } else if (!this.#pinged) {
      if (link.phase === 'opening' || this.#works.inFlight) this.#ping(link)
    } else if (this.#silentMs >= this.#options.decideTimeoutMs) {
      const error = new OutpostError('timeout', `The worker's thread did not pause for ${this.#options.decideTimeoutMs} ms; it was replaced.`)
      link.end({ kind: 'hung', error })
    }
  }

  #expired(work: Work): OutpostError {
    return this.#state === 'ready'
      ? new OutpostError('timeout', `${nameOf(work)} was not answered in time, though the worker lives. Its outcome is unknown: ask again, a Command with the same id.`)
      : new OutpostError('worker-lost', `${nameOf(work)} was not answered: there is no worker yet (${this.#problem ?? 'it is starting'}).`)
  }

  #tellOfResuming(): void {
    if (typeof document === 'undefined') return
    const resumed = (): void => {
      if (document.visibilityState === 'visible' && this.#link?.phase === 'ready') this.#link.post({ kind: 'resumed' })
    }
    const { signal } = this.#released
    document.addEventListener('visibilitychange', resumed, { signal })
    document.addEventListener('resume', resumed, { signal })
    addEventListener('pageshow', resumed, { signal })
  }
}

/** @param why a sentence, where it was not the caller */
const closed = (why = 'It was closed.'): OutpostError => new OutpostError('closed', `This app handle is no longer usable. ${why} Connect again.`)
