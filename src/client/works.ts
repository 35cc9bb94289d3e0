/**
 * All that one client has given to its worker and that is not answered yet: waiting, in flight, or suspected of having
 * hung a worker. Nothing in it is forgotten: what was in flight when a worker ended goes to the next one, Commands under
 * the same id, subscriptions from where they were.
 *
 * After a worker *hung*, whatever may have done it is suspected, and each suspect is sent alone, *on trial*, while all
 * else waits: the one that hangs again is told so, the others go on.
 */
import type { CommandOnWire } from '../channel/command-codec.ts'
import { decodeAsError } from '../channel/codec.ts'
import type { Calls, Frame, Reply, Settled, ValueOf } from '../channel/protocol.ts'
import { messageOf, OutpostError } from '../errors.ts'
import type { Outcome } from '../domain/infer.ts'
import type { Link, LinkEnd } from './link.ts'
import { type CallWork, type CommandWork, type Listener, nameOf, type SubscriptionWork, type Work } from './work.ts'

/** Bounds what one message costs each thread at a time. */
const maxChunk = 250
/** A worker that died of something sent to it would die of it again and again. */
const maxSends = 3

/** What the rest of the client gives its work to. What is given in one tick crosses together. */
export interface Works {
  /** Position of the last of this client's Commands that was acknowledged: what is read from now on includes it. */
  readonly position: number
  /** @throws (rejects with) what the worker threw; `timeout`, `worker-lost`, `worker-failed`, `closed` */
  call<Name extends keyof Calls>(name: Name, args: Parameters<Calls[Name]>, deadlineMs?: number): Promise<ValueOf<Name>>
  /**
   * @param batch Commands of one batch cross together
   * @param signal takes the Command back if it is in no commit
   */
  dispatch(message: CommandOnWire, batch: object | undefined, signal: AbortSignal | undefined): Promise<Outcome>
  /** @returns unsubscribes */
  subscribe(listener: Listener): () => void
}

/** As the connection, which has the worker, deals with it. */
export interface WorksOfConnection extends Works {
  /** True where anything awaits an answer. */
  isAwaited(): boolean
  /** A worker is ready. */
  attach(link: Link): void
  /** The worker has ended; another one will come, or `end` be called. */
  detach(end: LinkEnd): void
  /** What is given from now on fails. */
  refuse(error: OutpostError): void
  /** @param wanted true where subscriptions come to their natural end by it */
  end(error: OutpostError, wanted: boolean): void
  /** @param expired makes the error of work whose deadline has passed */
  tick(ms: number, expired: (work: Work) => Error): void
  settle(settled: readonly Settled[]): void
  /** @returns ids to acknowledge */
  receive(frames: readonly Frame[]): number[]
}

/**
 * @param defaultDeadlineMs of Commands: they are answered in order, so it counts from the last one answered
 * @param given called when there is something to do
 */
export function createWorks(defaultDeadlineMs: number, given: () => void): WorksOfConnection {
  let position = 0
  let lastId = 0
  /** Why everything fails from now on. */
  let over: OutpostError | undefined
  /** The way to a worker whose log is open. */
  let attached: Link | undefined
  let waiting = new Set<Work>()
  /** Sent and not answered. */
  const flying = new Set<Work>()
  let suspects = new Set<Work>()
  let onTrial: Work | undefined
  const subscriptions = new Map<number, SubscriptionWork>()
  /** Commands that are not settled, by their call. */
  const commands = new Map<number, CommandWork>()
  /** Since a Command was last answered. */
  let commandSilenceMs = 0

  const unsent = { sent: 0, waitedMs: 0, deadlineMs: defaultDeadlineMs }
  const all = (): Work[] => [...flying, ...suspects, ...waiting]

  const give = (work: Work): void => {
    if (over) return work.fail(over)
    // What waits already goes out with this one: at the end of the tick, or when there is a worker and no trial.
    if (waiting.size === 0) queueMicrotask(flush)
    waiting.add(work)
    given()
  }

  const flush = (): void => {
    if (!attached || onTrial) return
    const works = [...waiting]
    waiting.clear()
    send(attached, works)
  }

  const tryNext = (): void => {
    ;[onTrial] = suspects
    if (!onTrial) flush()
    else if (attached) {
      suspects.delete(onTrial)
      send(attached, [onTrial])
    }
  }

  /** In the order given, but that Commands go together, and after subscriptions of the same tick: these see what they do. */
  const send = (link: Link, works: readonly Work[]): void => {
    let chunk: CommandWork[] = []
    const dispatch = (): void => {
      if (chunk.length > 0) sendCommands(link, chunk)
      chunk = []
    }
    for (const work of works) {
      flying.add(work)
      if (work.kind === 'command') {
        if (chunk[0]?.batch !== work.batch || (chunk.length >= maxChunk && !work.batch)) dispatch()
        chunk.push(work)
      } else if (work.kind === 'call') {
        dispatch()
        void answer(link, work)
      } else {
        work.sent++
        try {
          link.post({ kind: 'subscribe', id: work.id, to: work.to.topic() })
        } catch (thrown) {
          fail(work, uncloneable(work, thrown))
        }
      }
    }
    dispatch()
  }

  const sendCommands = (link: Link, works: readonly CommandWork[]): void => {
    try {
      // Only an id that the log cannot know is not looked up there.
      link.post({ kind: 'commands', commands: works.map(({ message, sent }) => (sent === 0 ? message : { ...message, fresh: false })) })
    } catch (thrown) {
      const half = works.length >> 1
      if (half === 0) return fail(works[0] as Work, uncloneable(works[0] as Work, thrown))
      // One of them cannot cross: by halves, until it fails alone, and at once, so that nothing given later overtakes the others.
      sendCommands(link, works.slice(0, half))
      return sendCommands(link, works.slice(half))
    }
    for (const work of works) {
      work.sent++
      if (work.aborted) cancel(link, work)
    }
  }

  const answer = async (link: Link, work: CallWork): Promise<void> => {
    work.sent++
    const reply = link.call(work.name, ...work.args) as Promise<Reply<unknown>>
    const answered = await reply.catch((thrown: unknown) => ({ thrown }))
    if (attached !== link) return
    if (!('value' in answered)) fail(work, 'error' in answered ? decodeAsError(answered.error) : uncloneable(work, answered.thrown))
    else if (remove(work)) work.succeed(answered.value as never)
  }

  const cancel = (link: Link, { message }: CommandWork): void => link.post({ kind: 'cancel', call: message.call })

  const fail = (work: Work, error: Error): void => {
    const subscribed = work.kind === 'subscription' && subscriptions.delete(work.id)
    if (remove(work) || subscribed) work.fail(error)
  }

  /** @returns false where nothing was awaited of it any more */
  const remove = (work: Work): boolean => {
    const pending = flying.delete(work) || waiting.delete(work) || suspects.delete(work)
    if (work.kind === 'command') commands.delete(work.message.call)
    if (work === onTrial) tryNext()
    return pending
  }

  return {
    get position() {
      return position
    },
    call: (name, args, deadlineMs = defaultDeadlineMs) =>
      new Promise((succeed, fail) => {
        give({ ...unsent, kind: 'call', name, args, deadlineMs, succeed: succeed as (value: never) => void, fail })
      }),
    dispatch(message, batch, signal) {
      let abort = (): void => undefined
      const outcome = new Promise<Outcome>((succeed, reject) => {
        const work: CommandWork = { ...unsent, kind: 'command', message, batch, aborted: false, succeed, fail: reject }
        abort = () => {
          work.aborted = true
          if (work.sent === 0) fail(work, aborted(work))
          else if (attached && flying.has(work)) cancel(attached, work)
        }
        if (!over) commands.set(message.call, work)
        give(work)
      })
      if (!signal) return outcome
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort)
      return outcome.finally(() => signal.removeEventListener('abort', abort))
    },
    subscribe(to) {
      const { observer } = to
      if (over) {
        // On a server there is no worker and never will be: watching is no error there, and tells nothing.
        if (over.code !== 'unsupported' || globalThis.document) observer.error(over)
        return () => undefined
      }
      const work: SubscriptionWork = {
        ...unsent,
        kind: 'subscription',
        id: ++lastId,
        to,
        deadlineMs: Infinity,
        succeed: () => observer.complete(),
        fail: (error) => observer.error(error),
      }
      subscriptions.set(work.id, work)
      give(work)
      return () => {
        if (!subscriptions.delete(work.id)) return
        if (work.sent > 0) attached?.post({ kind: 'unsubscribe', id: work.id })
        remove(work)
      }
    },
    isAwaited: () => all().length > 0,
    attach(link) {
      attached = link
      tryNext()
    },
    detach(end) {
      const { kind } = end
      const trial = onTrial
      attached = onTrial = undefined
      const again = new Set<Work>()
      for (const work of [...flying]) {
        if ((kind === 'hung' && work === trial) || work.sent >= maxSends) fail(work, condemned(work, end))
        else if (work === trial) suspects = new Set([work, ...suspects])
        else if (kind === 'hung' && !trial) suspects.add(work)
        else again.add(work)
      }
      flying.clear()
      for (const work of [...waiting, ...subscriptions.values()]) if (!suspects.has(work)) again.add(work)
      waiting = again
    },
    refuse(error) {
      over ??= error
    },
    end(error, wanted) {
      over = error
      attached = undefined
      for (const work of new Set([...subscriptions.values(), ...all()])) {
        if (wanted && work.kind === 'subscription') work.succeed()
        else work.fail(error)
      }
      for (const works of [flying, waiting, suspects, subscriptions, commands]) works.clear()
    },
    tick(ms, expired) {
      commandSilenceMs += ms
      for (const work of all()) {
        work.waitedMs += ms
        const waitedMs = work.kind === 'command' ? Math.min(work.waitedMs, commandSilenceMs) : work.waitedMs
        if (waitedMs >= work.deadlineMs) fail(work, expired(work))
      }
    },
    settle(settled) {
      commandSilenceMs = 0
      for (const { call, outcome, fault } of settled) {
        const work = commands.get(call)
        if (outcome?.ok) position = Math.max(position, outcome.position)
        if (!work) continue
        if (fault) fail(work, decodeAsError(fault))
        else if (remove(work)) work.succeed(outcome)
      }
    },
    receive(frames) {
      const heard: number[] = []
      for (const frame of frames) {
        const work = subscriptions.get(frame.id)
        if (!work) continue
        heard.push(frame.id)
        work.sent = 1
        if (frame.kind === 'error') fail(work, decodeAsError(frame.error))
        else work.to.receive(frame, remove(work))
      }
      return heard
    },
  }
}

const aborted = (work: CommandWork): OutpostError => new OutpostError('aborted', `${nameOf(work)} was taken back. Nothing was stored.`)

const uncloneable = (work: Work, cause: unknown): OutpostError =>
  new OutpostError(
    work.kind === 'command' ? 'invalid-command' : 'invalid-query',
    `${nameOf(work)} cannot cross: ${messageOf(cause)}. Use plain data.`,
    {},
    cause,
  )

const condemned = (work: Work, { kind, error }: LinkEnd): OutpostError => {
  const message = `${nameOf(work)}: ${error.message}`
  if (work.kind !== 'command') return new OutpostError(error.code, message, {}, error)
  const { id: commandId, type, aggregateId } = work.message
  return new OutpostError(kind === 'hung' ? 'decide-timeout' : error.code, message, { commandId, type, aggregateId }, error)
}
