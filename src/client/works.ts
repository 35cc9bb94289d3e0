/**
 * All that one client has given to its worker and that is not answered yet: waiting, in flight, or suspected of having
 * hung a worker. Nothing in it is forgotten: what was in flight when a worker ended goes to the next one, Commands under
 * the same id, subscriptions from where they were.
 *
 * After a worker *hung*, whatever may have done it is suspected, and each suspect is sent alone, *on trial*, while all
 * else waits: the one that hangs again is told so, the others go on.
 */
import { decodeAsError } from '../channel/codec.ts'
import type { Frame, Reply, Settled } from '../channel/protocol.ts'
import { messageOf, OutpostError } from '../errors.ts'
import type { Link, LinkEnd } from './link.ts'
import { type CallWork, type CommandWork, nameOf, type SubscriptionWork, type Work } from './work.ts'

/** Bounds what one message costs each thread at a time. */
const maxChunk = 250
/** A worker that died of something sent to it would die of it again and again. */
const maxSends = 5

export class Works {
  /** Position of the last of this client's Commands that was acknowledged: what is read from now on includes it. */
  position = 0
  readonly #deadlineMs: number
  /** The way to a worker whose log is open. */
  #link: Link | undefined
  #waiting = new Set<Work>()
  /** Sent and not answered. */
  readonly #flying = new Set<Work>()
  #suspects: Work[] = []
  #onTrial: Work | undefined
  readonly #subscriptions = new Map<number, SubscriptionWork>()
  /** Subscriptions that the worker knows and nobody wants any more. */
  #leaving: number[] = []
  #flushing = false
  /** Since a Command was last answered. */
  #commandSilenceMs = 0

  /** @param deadlineMs for Commands: they are answered in order, so it counts from the last one answered */
  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs
  }

  /** True where an answer is awaited from the worker. */
  get inFlight(): boolean {
    return this.#flying.size > 0
  }
  get isEmpty(): boolean {
    return this.#flying.size + this.#waiting.size + this.#suspects.length === 0
  }

  /** What is given in one tick crosses together. */
  give(work: Work): void {
    if (work.kind === 'subscription') this.#subscriptions.set(work.id, work)
    this.#waiting.add(work)
    this.#flushSoon()
  }

  unsubscribe(work: SubscriptionWork): void {
    if (!this.#subscriptions.delete(work.id)) return
    if (work.sent > 0) this.#leaving.push(work.id)
    this.#remove(work)
    this.#flushSoon()
  }

  /** Takes a Command back if it is in no commit. */
  abort(work: CommandWork): void {
    work.aborted = true
    if (work.sent === 0 && this.#waiting.delete(work)) work.fail(aborted(work))
    else if (this.#link && this.#flying.has(work)) this.#cancel(this.#link, work)
  }

  /** A worker is ready. */
  attach(link: Link): void {
    this.#link = link
    this.#leaving = []
    this.#tryNext()
  }

  /** The worker has ended; another one will come, or {@link failAll} be called. */
  detach(end: LinkEnd): void {
    this.#link = undefined
    const trial = this.#onTrial
    this.#onTrial = undefined
    const again = new Set<Work>()
    for (const work of this.#flying) {
      if (work.kind === 'call' && work.once) work.fail(end.error)
      else if ((end.kind === 'hung' && work === trial) || work.sent >= maxSends) this.#condemn(work, end)
      else again.add(work)
    }
    this.#flying.clear()
    if (end.kind === 'hung' && !trial) this.#suspects.push(...again)
    else {
      if (trial && again.delete(trial)) this.#suspects.unshift(trial)
      this.#waiting = new Set([...again, ...this.#waiting])
    }
    for (const work of this.#subscriptions.values()) if (!this.#suspects.includes(work)) this.#waiting.add(work)
  }

  /** Another log than before, to which positions of the old one mean nothing. */
  restart(): void {
    this.position = 0
    for (const work of this.#subscriptions.values()) work.restart()
  }

  /** The end of everything. Subscriptions complete where that was wanted. */
  failAll(error: Error, wanted: boolean): void {
    this.#link = undefined
    const subscriptions = [...this.#subscriptions.values()]
    const all = [...this.#flying, ...this.#suspects, ...this.#waiting]
    for (const pending of [this.#flying, this.#waiting, this.#subscriptions]) pending.clear()
    this.#suspects = []
    for (const work of all) if (work.kind !== 'subscription') work.fail(error)
    for (const work of subscriptions) {
      if (wanted) work.complete()
      else work.fail(error)
    }
  }

  /** @param expire makes the error of work whose deadline has passed */
  tick(ms: number, expire: (work: Work) => Error): void {
    this.#commandSilenceMs += ms
    for (const work of [...this.#flying, ...this.#suspects, ...this.#waiting]) {
      if (work.kind === 'subscription') continue
      work.waitedMs += ms
      const [waitedMs, deadlineMs] =
        work.kind === 'call' ? [work.waitedMs, work.deadlineMs] : [Math.min(work.waitedMs, this.#commandSilenceMs), this.#deadlineMs]
      if (waitedMs < deadlineMs) continue
      work.fail(expire(work))
      this.#remove(work)
    }
  }

  /** @returns ids to acknowledge */
  receive(frames: readonly Frame[]): number[] {
    const known = frames.filter((frame) => this.#subscriptions.has(frame.id))
    for (const frame of known) {
      // Taken back by a subscriber of the frame before.
      const work = this.#subscriptions.get(frame.id)
      if (!work) continue
      if (frame.kind === 'error') {
        this.#subscriptions.delete(work.id)
        this.#remove(work)
        work.fail(decodeAsError(frame.error))
      } else work.receive(frame, this.#remove(work))
    }
    return known.map(({ id }) => id)
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    const link = this.#link
    if (!link) return
    if (this.#leaving.length > 0) void link.call('unsubscribe', this.#leaving.splice(0))
    if (this.#onTrial) return
    const works = [...this.#waiting]
    this.#waiting.clear()
    this.#send(link, works)
  }

  #tryNext(): void {
    this.#onTrial = this.#suspects.shift()
    if (this.#onTrial && this.#link) this.#send(this.#link, [this.#onTrial])
    else this.#flush()
  }

  #send(link: Link, works: readonly Work[]): void {
    const subscriptions: SubscriptionWork[] = []
    const chunks: CommandWork[][] = []
    const calls: CallWork[] = []
    for (const work of works) {
      this.#flying.add(work)
      if (work.kind === 'subscription') subscriptions.push(work)
      else if (work.kind === 'call') calls.push(work)
      else {
        const chunk = chunks.at(-1)
        if (chunk && chunk[0]?.batch === work.batch && (work.batch || chunk.length < maxChunk)) chunk.push(work)
        else chunks.push([work])
      }
    }
    // In this order: a subscription sees what a Command of the same tick does.
    if (subscriptions.length > 0) this.#subscribe(link, subscriptions)
    for (const chunk of chunks) this.#dispatch(link, chunk)
    for (const work of calls) this.#call(link, work)
  }

  #subscribe(link: Link, works: readonly SubscriptionWork[]): void {
    const subscriptions = works.map((work) => ({ id: work.id, to: work.topic() }))
    for (const work of works) work.sent++
    void this.#answer(link, works, link.call('subscribe', subscriptions), () => undefined)
  }

  #dispatch(link: Link, works: readonly CommandWork[]): void {
    // Only an id that the log cannot know is not looked up there.
    const messages = works.map(({ message, sent }) => ({ ...message, fresh: message.fresh && sent === 0 }))
    for (const work of works) work.sent++
    void this.#answer(link, works, link.call('dispatch', messages), (settled) => {
      this.#commandSilenceMs = 0
      works.forEach((work, i) => this.#settle(work, settled[i] as Settled))
    })
    for (const work of works) if (work.aborted) this.#cancel(link, work)
  }

  #call(link: Link, work: CallWork): void {
    work.sent++
    void this.#answer(link, [work], link.call(work.name, ...work.args) as Promise<Reply<unknown>>, (value) => {
      if (this.#remove(work)) work.succeed(value as never)
    })
  }

  async #answer<T>(link: Link, works: readonly Work[], reply: Promise<Reply<T>>, succeed: (value: T) => void): Promise<void> {
    const answer = await reply.then(
      (answered) => answered,
      (thrown: unknown) => ({ thrown }),
    )
    if (this.#link !== link) return
    if (!('thrown' in answer)) {
      if (answer.ok) succeed(answer.value)
      else for (const work of works) this.#fail(work, decodeAsError(answer.error))
    } else if (works.length > 1) {
      // One of them cannot cross; alone, only that one fails.
      for (const work of works) if (this.#flying.has(work)) this.#send(link, [work])
    } else for (const work of works) this.#fail(work, uncloneable(work, answer.thrown))
  }

  #settle(work: CommandWork, settled: Settled): void {
    if ('fault' in settled) return this.#fail(work, decodeAsError(settled.fault))
    const { outcome } = settled
    if (outcome.ok) this.position = Math.max(this.position, outcome.position)
    if (this.#remove(work)) work.succeed(outcome)
  }

  #cancel(link: Link, work: CommandWork): void {
    void link.call('cancel', work.message.id).then((reply) => {
      if (this.#link === link && reply.ok && reply.value) this.#fail(work, aborted(work))
    })
  }

  #condemn(work: Work, { kind, error }: LinkEnd): void {
    if (work.kind === 'subscription') this.#subscriptions.delete(work.id)
    work.fail(
      work.kind === 'command' && kind === 'hung' && error.code === 'timeout'
        ? new OutpostError('decide-timeout', `${nameOf(work)} did not return from \`decide\` in time. Nothing was stored: mend its handler.`, {
            commandId: work.message.id,
            type: work.message.type,
            aggregateId: work.message.aggregateId,
          })
        : new OutpostError(error.code, `${nameOf(work)}: ${error.message}`, error.details, error),
    )
  }

  #fail(work: Work, error: Error): void {
    if (work.kind === 'subscription') this.#subscriptions.delete(work.id)
    if (this.#remove(work)) work.fail(error)
  }

  /** @returns false where it was answered before */
  #remove(work: Work): boolean {
    const suspect = this.#suspects.indexOf(work)
    if (suspect >= 0) this.#suspects.splice(suspect, 1)
    const pending = this.#flying.delete(work) || this.#waiting.delete(work) || suspect >= 0
    if (work === this.#onTrial) this.#tryNext()
    return pending
  }
}

const aborted = (work: CommandWork): OutpostError =>
  new OutpostError('aborted', `${nameOf(work)} was taken back by its AbortSignal. Nothing was stored.`, { commandId: work.message.id })

const uncloneable = (work: Work, cause: unknown): OutpostError =>
  new OutpostError(
    work.kind === 'command' ? 'invalid-command' : 'invalid-query',
    `${nameOf(work)} cannot cross between page and worker: ${messageOf(cause)}. Give and return plain data: no functions, proxies or DOM nodes.`,
    {},
    cause,
  )
