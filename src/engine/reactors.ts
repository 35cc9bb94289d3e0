/**
 * Runs reactors: each in one tab at a time, in log order, at least once for each Event. The checkpoint moves only after the
 * handler has finished, so a tab that dies in between hands the Event to the next one.
 */
import type { Observable } from 'rxjs'
import type { Reactor } from '../domain/reactor.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import type { MetaStore } from '../storage/storage.ts'
import type { Environment } from './engine.ts'
import { defined } from '../internal/defined.ts'
import { pause } from '../internal/pause.ts'
import { sameValue } from '../internal/same-value.ts'
import type { HandlerStatus, Parked } from './status.ts'

const PAGE = 200
/** What other tabs store of it (their progress, a `retry`) is looked for so often, while anything of that is to be expected. */
const LOOK_MS = 2000
const STORAGE_RETRY_MS = 5000

/** What is kept of a reactor under `reactor.«name»`. */
interface Progress {
  /** Position of the last Event that is done with. */
  readonly position: number
  readonly parked?: Parked | undefined
  /** In a log that lived alone before it joined a server: up to here it was done then. */
  readonly alone?: number
}

export interface SyncedEvents {
  /** Position of the last Event that the log had when it joined a server; undefined where it has not, or began with it. */
  readonly adopted: () => Promise<number | undefined>
  /** True for an Event that a Command of this device caused. */
  readonly isOfThisDevice: (event: RecordedEvent) => boolean
  /** True where the Event stood in the log up to this position, before the log joined: decided again, it has the same id. */
  readonly stoodBefore: (event: RecordedEvent, position: number) => Promise<boolean>
}

export interface ReactorsOptions {
  readonly reactors: readonly Reactor[]
  readonly meta: MetaStore
  readonly environment: Environment
  readonly logName: string
  readonly position: () => number
  readonly recorded$: Observable<unknown>
  readonly readEvents: (after: number, limit: number) => Promise<readonly RecordedEvent[]>
  /** Where there is sync: what of the Events a reactor takes. */
  readonly synced?: SyncedEvents
  readonly onStatus: () => void
}

export class Reactors {
  readonly #options: ReactorsOptions
  readonly #progress = new Map<string, Progress>()
  /** Names of those that this tab runs. */
  readonly #here = new Set<string>()
  readonly #stop = new AbortController()
  #wake: () => void = () => undefined
  #woken: Promise<void>
  readonly #running: Promise<void>[] = []

  constructor(options: ReactorsOptions) {
    this.#options = options
    this.#woken = this.#nextWaking()
  }

  start(): void {
    const { reactors, environment, logName, recorded$ } = this.#options
    if (reactors.length === 0) return
    const subscription = recorded$.subscribe(() => this.#wake())
    this.#stop.signal.addEventListener('abort', () => {
      subscription.unsubscribe()
      this.#wake()
    })
    for (const reactor of reactors)
      this.#running.push(
        environment
          .exclusive(`${logName}.reactor.${reactor.name}`, (signal) => this.#run(reactor, signal), this.#stop.signal)
          .catch((error: unknown) => {
            if (!this.#stop.signal.aborted) throw error
          }),
      )
    this.#running.push(this.#watchOthers())
  }

  status(): readonly HandlerStatus[] {
    return this.#options.reactors.map(({ name }) => {
      const progress = this.#progress.get(name)
      return {
        name,
        kind: 'reactor',
        state: progress?.parked && progress.parked.retryAt === undefined ? 'parked' : 'live',
        position: progress?.position ?? 0,
        parked: progress?.parked ? [progress.parked] : [],
      }
    })
  }

  /**
   * What stands in the log up to there happened elsewhere, and had its side effects there: only reactors that start at the
   * log's beginning take it. Before any of it is folded.
   *
   * @param joined the log has joined a server, which may have it decided again
   */
  async passOver(position: number, joined: boolean): Promise<void> {
    for (const { name, startAt } of this.#options.reactors) {
      const from = startAt === 'beginning' ? 0 : position
      await this.#keep(name, () => ({ position: from, ...(joined && { alone: from }) }))
    }
  }

  /** Takes effect in whichever tab runs it. */
  async retry(name: string): Promise<void> {
    await this.#options.meta.update<Progress>(key(name), (progress) => progress && { ...progress, parked: undefined })
    this.#wake()
  }

  async close(): Promise<void> {
    this.#stop.abort(new OutpostError('closed', 'The app was closed.'))
    await Promise.all(this.#running)
  }

  async #run(reactor: Reactor, stop: AbortSignal): Promise<void> {
    const { position } = this.#options
    const { name } = reactor
    this.#here.add(name)
    const start = reactor.startAt === 'beginning' ? 0 : position()
    let begun = false
    while (!stop.aborted) {
      try {
        // What parked in an earlier life may be mended in this one: it begins with all its tries.
        if (!begun) {
          const adopted = await this.#options.synced?.adopted()
          const known = reactor.startAt === 'now' ? adopted : 0 // of one that is new to the log
          const begin = (kept: Progress | undefined): Progress => ({
            position: kept?.position ?? start,
            ...defined({ alone: kept?.alone ?? (adopted && (kept?.position ?? known)) }),
          })
          await this.#keep(name, begin)
        }
        begun = true
        await this.#handlePage(reactor, this.#progress.get(name)?.position ?? start, stop)
      } catch (error) {
        if (isOutpostError(error, 'closed')) return
        if (isOutpostError(error, 'outdated') || isOutpostError(error, 'upcast-failed')) {
          // Only another build can go on: it may do so in another tab.
          const { position: at, type } = error.details as { readonly position: number; readonly type: string }
          return this.#show(name, { position: at - 1, parked: parkedAt(at, type, messageOf(error), 1) })
        }
        await pause(this.#options.environment.later, STORAGE_RETRY_MS, stop)
      }
    }
    // Where it was lost to another, what that one does is to be shown from now on.
    this.#here.delete(name)
    this.#wake()
  }

  /** Shows of those that other tabs run what these have stored. */
  async #watchOthers(): Promise<void> {
    const { meta, reactors, position } = this.#options
    const stop = this.#stop.signal
    while (!stop.aborted) {
      const woken = this.#woken
      const stored = await meta.entries(key('')).catch(() => undefined) // as a look that finds nothing new: it looks again
      const others = reactors.filter(({ name }) => !this.#here.has(name))
      for (const { name } of others) {
        const progress = stored?.get(key(name)) as Progress | undefined
        if (progress && !sameValue(progress, this.#progress.get(name))) this.#show(name, progress)
      }
      const isNewsDue = others.some(({ name }) => {
        const shown = this.#progress.get(name)
        return !shown || shown.parked || shown.position < position()
      })
      if (!isNewsDue) await woken
      await pause(this.#options.environment.later, LOOK_MS, stop)
    }
  }

  async #handlePage(reactor: Reactor, from: number, stop: AbortSignal): Promise<void> {
    const { readEvents } = this.#options
    const woken = this.#woken
    const events = await readEvents(from, PAGE)
    if (events.length === 0) return woken
    const { alone } = this.#progress.get(reactor.name) ?? {}
    const at = (position: number): Progress => ({ position, ...(alone !== undefined && { alone }) })
    let progress = at(from)
    for (const event of events) {
      const handler = reactor.on[event.type]
      if (handler && (await this.#concerns(reactor, event, alone))) {
        if (!(await this.#handle(reactor, handler, event, progress, stop))) return this.#show(reactor.name, progress)
        progress = at(event.position)
        await this.#note(reactor.name, progress)
      } else progress = at(event.position)
      if (stop.aborted) return
    }
    await this.#note(reactor.name, progress)
  }

  async #concerns({ runs }: Reactor, event: RecordedEvent, alone: number | undefined): Promise<boolean> {
    const { synced } = this.#options
    if (!synced) return true
    if (runs === 'origin' && !synced.isOfThisDevice(event)) return false
    return alone === undefined || !(await synced.stoodBefore(event, alone))
  }

  /** @returns false where the reactor was stopped, or its parking was lifted, before the Event was done */
  async #handle(
    reactor: Reactor,
    handler: Reactor['on'][string],
    event: RecordedEvent,
    before: Progress,
    stop: AbortSignal,
  ): Promise<boolean> {
    const { environment } = this.#options
    const { attempts, firstDelayMs, maxDelayMs } = reactor.retry
    for (let attempt = 1; !stop.aborted; attempt++) {
      try {
        return await finished(handler(event, { key: `${reactor.name}/${event.id}`, attempt, signal: stop }), stop)
      } catch (error) {
        if (stop.aborted) return false
        const last = attempt >= attempts
        const delayMs = Math.min(firstDelayMs * 2 ** (attempt - 1), maxDelayMs)
        const parked = parkedAt(event.position, event.type, messageOf(error), attempt, last ? undefined : environment.now() + delayMs)
        await this.#note(reactor.name, { ...before, parked })
        if (last) return this.#parked(reactor.name, stop)
        await pause(this.#options.environment.later, delayMs, stop)
      }
    }
    return false
  }

  /** Waits until somebody lifts the parking. */
  async #parked(name: string, stop: AbortSignal): Promise<false> {
    while (!stop.aborted) {
      const stored = (await this.#options.meta.get(key(name))) as Progress | undefined
      if (!stored?.parked) return false
      await Promise.race([this.#woken, pause(this.#options.environment.later, LOOK_MS, stop)])
    }
    return false
  }

  /** Who stood still, and lost the reactor meanwhile to another, does not set back what that one has done. */
  #note(name: string, progress: Progress): Promise<void> {
    return this.#keep(name, (kept) => (kept && kept.position > progress.position ? kept : progress))
  }

  async #keep(name: string, change: (kept: Progress | undefined) => Progress): Promise<void> {
    this.#show(name, (await this.#options.meta.update<Progress>(key(name), change)) as Progress)
  }

  #show(name: string, progress: Progress): void {
    this.#progress.set(name, progress)
    this.#options.onStatus()
  }
  /** Once it is stopped it is awake for good. */
  #nextWaking(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (!this.#stop.signal.aborted) this.#woken = this.#nextWaking()
        resolve()
      }
    })
  }
}

/** @returns false where it was stopped before the work was done, which nobody waits for then */
function finished(work: Promise<void> | void, stop: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const stopped = (): void => resolve(false)
    stop.addEventListener('abort', stopped)
    Promise.resolve(work)
      .then(() => resolve(true), reject)
      .finally(() => stop.removeEventListener('abort', stopped))
  })
}

const key = (name: string): string => `reactor.${name}`

const parkedAt = (position: number, eventType: string, error: string, attempts: number, retryAt?: number): Parked => ({
  position,
  eventType,
  error,
  attempts,
  ...defined({ retryAt }),
})
