/**
 * One client's way to its worker, whichever worker that is at the moment:
 *
 *   starting ──▶ ready ──▶ lost ──▶ ready …      a worker that died or hung is replaced;
 *       └──────────────────┴──▶ failed           five starts in a row that come to nothing end it
 *   any ──▶ closed
 */
import { decodeAsError } from '../channel/codec.ts'
import type { LogName } from '../channel/protocol.ts'
import type { Status } from '../engine/status.ts'
import { type ErrorCode, OutpostError } from '../errors.ts'
import { type Link, openLink, startHints } from './link.ts'
import { nameOf } from './work.ts'
import type { WorkerEndpoint } from './worker-endpoint.ts'
import { createWorks, type Works } from './works.ts'

export interface ConnectionOptions {
  readonly spawn: () => WorkerEndpoint
  readonly log: LogName
  readonly deadlineMs: number
  /** How long the worker's thread may go without a pause while an answer is awaited from it. */
  readonly decideTimeoutMs: number
  /** Hears of what nobody awaited. */
  readonly onError: (error: Error) => void
  /** Why there can be no worker here. */
  readonly unsupported: OutpostError | undefined
}

export interface Connection {
  readonly works: Works
  state: Status['worker']
  /** What keeps it from being ready. */
  problem: string | undefined
  /** Called at each change of the two. */
  onState: () => void
  /** Lets the worker look anew at what it may have missed. */
  resumed(): void
  /** Ends the worker and starts another, which opens the log anew. */
  replaceWorker(): void
  /** Lets the commit in flight finish. Works twice. */
  close(): Promise<void>
  /** @throws what kept it from deleting */
  destroy(deadlineMs: number): Promise<void>
}

/** Waits before the second start, the third … */
const backOffMs = [0, 500, 2000, 5000]
const startTimeoutMs = 10_000
/** Failures of opening a log that another try may mend. */
const passing: readonly ErrorCode[] = ['worker-failed', 'storage-failed', 'storage-full', 'log-not-empty']

export function createConnection({ spawn, log, deadlineMs, decideTimeoutMs, onError, unsupported }: ConnectionOptions): Connection {
  const tickMs = Math.max(10, Math.min(250, decideTimeoutMs / 4))
  const works = createWorks(deadlineMs, () => tickSoon())
  let link: Link | undefined
  let knownEpoch: string | undefined
  /** Workers in a row that ended before they answered anything. */
  let failures = 0
  let starting: ReturnType<typeof setTimeout> | undefined
  let ticking: ReturnType<typeof setTimeout> | undefined
  let pinged = false
  /** Since the ping, or since the start, in ticks. */
  let silentMs = 0
  let closing: Promise<void> | undefined

  const isOver = (): boolean => connection.state === 'failed' || connection.state === 'closed'
  const setState = (next: Status['worker'], why?: string): void => {
    connection.state = next
    connection.problem = why
    connection.onState()
  }
  const ping = (): void => {
    pinged = true
    silentMs = 0
    link?.post({ kind: 'ping' })
  }

  const start = (): void => {
    silentMs = 0
    pinged = false
    link = openLink(spawn, log, {
      ready(logEpoch) {
        if (knownEpoch !== undefined && knownEpoch !== logEpoch) works.replaceLog()
        knownEpoch = logEpoch
        setState('ready')
        if (link) works.attach(link)
        ping()
      },
      message(message) {
        if (message.kind === 'frames') {
          const ids = works.receive(message.frames)
          link?.post({ kind: 'ack', ids })
        } else if (message.kind === 'pong') {
          pinged = false
          failures = 0
        } else if (message.kind === 'uncaught') onError(decodeAsError(message.error))
        else stop('closed', closed('Its data was deleted in another tab.'), false)
      },
      ended(end) {
        link = undefined
        if (closing) return stop('closed', closed())
        works.detach(end)
        const delayMs = backOffMs[failures++]
        if (delayMs === undefined || (end.kind === 'refused' && !passing.includes(end.error.code))) return stop('failed', end.error)
        setState(knownEpoch === undefined ? 'starting' : 'lost', end.error.message)
        // No timer where none is needed: hidden pages get theirs late.
        if (delayMs === 0) start()
        else starting = setTimeout(start, delayMs)
      },
    })
    tickSoon()
  }

  const stop = (how: 'failed' | 'closed', error: OutpostError, wanted = how === 'closed'): void => {
    if (isOver()) return
    link?.close()
    link = undefined
    clearTimeout(starting)
    clearTimeout(ticking)
    if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', connection.resumed)
    works.end(error, wanted)
    setState(how, how === 'failed' ? error.message : undefined)
  }

  /** Time is counted in ticks of this timer, never by the clock: where the page stands still, so does its worker. */
  const tickSoon = (): void => {
    const awaited = works.isAwaited() || pinged || (link && link.phase !== 'ready')
    if (ticking !== undefined || !awaited || isOver()) return
    ticking = setTimeout(() => {
      ticking = undefined
      silentMs += tickMs
      if (link?.phase === 'greeting') {
        if (silentMs >= startTimeoutMs) link.end('died', 'worker-failed', `The worker did not answer within ${startTimeoutMs / 1000} s. ${startHints}`)
      } else if (!pinged) {
        if (link?.phase === 'opening' || works.isInFlight()) ping()
      } else if (silentMs >= decideTimeoutMs)
        link?.end('hung', 'timeout', `The worker did not come back from it within ${decideTimeoutMs} ms and was replaced.`)
      works.tick(tickMs, (work) =>
        connection.state === 'ready'
          ? new OutpostError('timeout', `${nameOf(work)} was not answered in time. Its outcome is unknown: ask again, with the same command id.`)
          : new OutpostError('worker-lost', `${nameOf(work)} was not answered: there is no worker yet (${connection.problem ?? 'it is starting'}).`),
      )
      tickSoon()
    }, tickMs)
  }

  const sayGoodbye = async (): Promise<void> => {
    const goodbye = connection.state === 'ready' && works.call('close', [], decideTimeoutMs)
    works.refuse(closed())
    // A worker that cannot say goodbye is ended without.
    if (goodbye) await goodbye.catch(() => undefined)
    stop('closed', closed())
  }

  const connection: Connection = {
    works,
    state: 'starting',
    problem: undefined,
    onState: () => undefined,
    resumed() {
      if (link?.phase === 'ready') link.post({ kind: 'resumed' })
    },
    replaceWorker: () => link?.end('died', 'worker-lost', 'The worker was replaced.'),
    close: () => (closing ??= sayGoodbye()),
    async destroy(longMs) {
      await works.call('destroy', [], longMs)
      stop('closed', closed())
    },
  }
  if (unsupported) stop('failed', unsupported)
  else {
    start()
    // Workers hear nothing of it when their page was hidden, or frozen, and comes back.
    if (typeof document !== 'undefined') document.addEventListener('visibilitychange', connection.resumed)
  }
  return connection
}

/** @param why a sentence, where it was not the caller */
const closed = (why = 'It was closed.'): OutpostError => new OutpostError('closed', `This app handle can no longer be used. ${why} Connect again.`)
