/**
 * One client's way to its worker, whichever worker that is at the moment:
 *
 *   starting ──▶ ready ──▶ lost ──▶ ready …      a worker that died or hung is replaced;
 *       └──────────────────┴──▶ failed           five starts in a row that come to nothing end it
 *   any ──▶ closed
 */
import { decodeAsError } from '../channel/codec.ts'
import type { FromPage } from '../channel/protocol.ts'
import type { Status } from '../engine/status.ts'
import { messageOf, OutpostError } from '../errors.ts'
import type { ConnectOptions } from './connect-options.ts'
import { type Link, openLink, startHints } from './link.ts'
import { unsupported } from './support.ts'
import { nameOf } from './work.ts'
import { endpointOf } from './worker-endpoint.ts'
import { createWorks, type Works } from './works.ts'

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
  destroy(): Promise<void>
}

/** For work of minutes: as long as the worker's thread still pauses, it goes on. */
export const longDeadlineMs = 600_000
/** Waits before the second start, the third … */
const backOffMs = [0, 500, 2000, 5000]
/** Silence until the first answer. No browser tells that a worker died before its script ran. */
const startTimeoutMs = 10_000
/** The same of a later worker, whose script needs no loading any more. */
const restartTimeoutMs = 3000
/** Codes of failures to open a log that another try may mend. */
const passing = /^(worker|storage-f|log)/

export function createConnection({
  worker,
  endpoint,
  space = 'default',
  actor,
  principal = actor ?? 'anonymous',
  deadlineMs = 30_000,
  decideTimeoutMs = 5000,
  token,
  // oxlint-disable-next-line eslint/no-console -- where a page's own reporting is missing, this is the last place that is not silence
  onError = globalThis.reportError ?? console.error,
}: ConnectOptions): Connection {
  const tickMs = Math.max(10, Math.min(250, decideTimeoutMs / 4))
  const works = createWorks(deadlineMs, () => tickSoon())
  let link: Link | undefined
  /** Workers in a row that ended before they answered anything. */
  let failures = 0
  let starting: ReturnType<typeof setTimeout> | undefined
  let ticking: ReturnType<typeof setTimeout> | undefined
  let silenceMs = startTimeoutMs
  let pinged = false
  /** Since the ping, or since the start, in ticks. */
  let silentMs = 0
  let closing: Promise<void> | undefined

  const setState = (next: Status['worker'], why?: string): void => {
    connection.state = next
    connection.problem = why
    connection.onState()
  }
  const post = (message: FromPage): void => link?.post(message)
  const ping = (): void => {
    pinged = true
    silentMs = 0
    post({ kind: 'ping' })
  }

  const start = (): void => {
    silentMs = 0
    pinged = false
    link = openLink(
      worker ? () => endpointOf(worker()) : endpoint,
      { space, principal },
      {
        ready() {
          silenceMs = restartTimeoutMs
          setState('ready')
          if (link) works.attach(link)
          // A worker does not see whether its page is shown.
          connection.resumed()
          ping()
        },
        message(message) {
          if (message.kind === 'frames') post({ kind: 'ack', ids: works.receive(message.frames) })
          else if (message.kind === 'settled') works.settle(message.settled)
          else if (message.kind === 'pong') {
            pinged = false
            failures = 0
          } else if (message.kind === 'uncaught') onError(decodeAsError(message.error))
          else if (message.kind === 'token')
            Promise.resolve()
              .then(token)
              .then(
                (token) => post({ kind: 'token', token }),
                (thrown: unknown) => post({ kind: 'token', problem: messageOf(thrown) }),
              )
          else stop('closed', closed('Another tab deleted the data.'))
        },
        ended(end) {
          link = undefined
          if (closing) return stop('closed')
          works.detach(end)
          const delayMs = backOffMs[failures++]
          if (delayMs === undefined || (end.kind === 'refused' && !passing.test(end.error.code))) return stop('failed', end.error)
          setState(connection.state === 'starting' ? 'starting' : 'lost', end.error.message)
          // No timer where none is needed: hidden pages get theirs late.
          if (delayMs === 0) start()
          else starting = setTimeout(start, delayMs)
        },
      },
    )
    tickSoon()
  }

  /** @param why where it was not wanted */
  const stop = (how: 'failed' | 'closed', why?: OutpostError): void => {
    if (connection.state === 'failed' || connection.state === 'closed') return
    link?.close()
    link = undefined
    clearTimeout(starting)
    clearTimeout(ticking)
    globalThis.document?.removeEventListener('visibilitychange', connection.resumed)
    works.end(why ?? closed(), !why)
    setState(how, how === 'failed' ? why?.message : undefined)
  }

  /** Time is counted in ticks of this timer, never by the clock: where the page stands still, so does its worker. */
  const tickSoon = (): void => {
    const isBusy = (): boolean => connection.state !== 'ready' || works.isAwaited()
    if (ticking !== undefined || !link || !(pinged || isBusy())) return
    ticking = setTimeout(() => {
      ticking = undefined
      silentMs += tickMs
      if (!link?.greeted) {
        if (silentMs >= silenceMs) link?.end('died', 'worker-failed', `The worker is silent. ${startHints}`)
      } else if (!pinged) {
        if (isBusy()) ping()
      } else if (silentMs >= decideTimeoutMs) link.end('hung', 'timeout', `The worker was replaced: it hung for ${decideTimeoutMs} ms.`)
      works.tick(tickMs, (work) => {
        const { state, problem = 'Ask again by its id.' } = connection
        return new OutpostError(state === 'ready' ? 'timeout' : 'worker-lost', `${nameOf(work)} had no answer in time. ${problem}`)
      })
      tickSoon()
    }, tickMs)
  }

  const sayGoodbye = async (): Promise<void> => {
    const goodbye = connection.state === 'ready' && works.call('close', [], decideTimeoutMs)
    works.refuse(closed())
    // A worker that cannot say goodbye is ended without.
    if (goodbye) await goodbye.catch(() => undefined)
    stop('closed')
  }

  const connection: Connection = {
    works,
    state: 'starting',
    problem: undefined,
    onState: () => undefined,
    // Sent too early, it is passed over.
    resumed: () => post({ kind: 'resumed', hidden: globalThis.document?.hidden }),
    replaceWorker: () => link?.end('died', 'worker-lost', 'The worker was replaced.'),
    close: () => (closing ??= sayGoodbye()),
    async destroy() {
      await works.call('destroy', [], longDeadlineMs)
      stop('closed')
    },
  }
  const lacking = worker && unsupported()
  if (lacking) stop('failed', lacking)
  else {
    start()
    // Workers hear nothing of it when their page was hidden, or frozen, and comes back.
    globalThis.document?.addEventListener('visibilitychange', connection.resumed)
  }
  return connection
}

/** @param why a sentence, where it was not the caller */
const closed = (why = 'The app was closed.'): OutpostError => new OutpostError('closed', `${why} Connect again.`)
