/**
 * One space on the server: its log of processed Commands, and what clients ask of it. Timers fire here, and reactors that
 * run on the server.
 */
import type { AnyDomain } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import { messageOf } from '../errors.ts'
import { ManagerRetry } from '../engine/manager-retry.ts'
import { readRecordedEvents } from '../engine/read-events.ts'
import { Reactors } from '../engine/reactors.ts'
import { Timers } from '../engine/timers.ts'
import type { Place, PushAnswer } from '../sync/protocol.ts'
import type { PullRequest, PushRequest } from '../sync/requests.ts'
import type { Undecided } from '../write/decide.ts'
import type { ActAs, Authorize } from './authority.ts'
import { OwnEvents, ownReactors } from './own-reactors.ts'
import { ClientPlaces, type ClientPlace } from './client-places.ts'
import { commandAt } from './processed.ts'
import { PushQueue } from './push-queue.ts'
import { leased } from './lease.ts'
import { notYours } from './push-result.ts'
import { RootDecider } from './root-decider.ts'
import { rootOf } from './root.ts'
import type { ServerStorage } from './server-storage.ts'
import { openSpaceLog } from './space-log.ts'
import { SyncFault } from './sync-fault.ts'
import { passGate } from './timer-gate.ts'
import { wireOutcome, wireRecord } from './wire-record.ts'

/** What other processes append is looked for so often while somebody listens or reacts, where the storage does not tell. */
const LOOK_MS = 1000
/** Where it does, news of so long are one: most are of this process's own appends. */
const NEWS_MS = 20

export interface SpaceOptions {
  readonly domain: AnyDomain
  readonly storage: ServerStorage
  readonly space: string
  readonly environment: Environment
  readonly authorize: Authorize | undefined
  readonly actAs: ActAs
  /** How long timers wait for Commands that a client has announced. */
  readonly graceMs: number
  readonly pullRecords: number
  readonly pullBytes: number
  /** Hears of handlers that threw while deciding this Command. */
  readonly onFault: (command: Undecided, fault: unknown) => void
  /** Called if storage takes the log away, or the space cannot be used: it is to be closed. */
  readonly onClosed: (reason: string) => void
}

/** A page of the log, its records as JSON text: they are measured by it, and need not be made twice. */
export interface PulledPage {
  readonly place: Place
  readonly records: readonly string[]
  readonly more: boolean
}

export interface Space {
  /** Where the log is, as far as this process knows. */
  readonly place: Place
  /** Looks where the log is, and how far this client is processed. @throws SyncFault `forbidden` */
  connect(clientId: string, principal: string): Promise<{ readonly place: Place; readonly client: ClientPlace | undefined }>
  /** @throws SyncFault `restored`, `forbidden`, `fork`, `gap`, `unavailable` */
  push(request: PushRequest, principal: string): Promise<PushAnswer>
  /** @throws SyncFault `restored`, `forbidden` */
  pull(request: PullRequest, principal: string): Promise<PulledPage>
  /**
   * Rings after each record, whichever process appended it.
   *
   * @param ended called where the space is closed meanwhile
   * @returns ends it
   */
  watch(ring: () => void, ended: () => void): () => void
  /** ms since 1970: when it has work of its own next. Infinity where everything rests on clients. */
  readonly nextWorkAt: number
  /** Finishes the commit under way, writes behind, closes. */
  close(): Promise<void>
}

export async function openSpace(options: SpaceOptions): Promise<Space> {
  const { domain, environment } = options
  const spaceLog = await openSpaceLog({
    domain,
    storage: options.storage,
    space: options.space,
    environment,
    isBusy: () => queue.isBusy,
  })
  const { log, processed, decider, aggregates, managers, recorded$, ready, epoch, storage } = spaceLog
  const places = new ClientPlaces(log, storage.meta)
  const roots = new RootDecider({ ...options, decider, aggregates, managers, now: environment.now })
  const queue = new PushQueue({
    log,
    decider,
    roots,
    places,
    processed,
    ready,
    now: environment.now,
    clock: environment.clock,
    recordId: environment.randomId,
  })
  const timers = new Timers({
    managers: [...managers.values()],
    store: storage.states,
    turn: (work) => log.turn(work),
    now: environment.now,
    later: environment.later,
    dispatch: async (command) => {
      await passGate(command, { processed, places, now: environment.now, graceMs: options.graceMs })
      await queue.give(command)
    },
  })
  const managerRetry = new ManagerRetry({ managers, log, storage, environment, ready, dispatch: (command) => queue.give(command) })
  const reacting = ownReactors(domain)
  const ownEvents = new OwnEvents()
  const reactors = new Reactors({
    reactors: reacting,
    meta: storage.meta,
    environment: { ...environment, exclusive: leased({ meta: storage.meta, environment }) },
    logName: spaceLog.name,
    position: () => log.position,
    recorded$,
    readEvents: (after, limit) =>
      readRecordedEvents(log, spaceLog.decoder, after, limit, log.position, (record, events) => ownEvents.read(record, events)),
    synced: ownEvents,
    onStatus: () => undefined,
  })
  const recorded = recorded$.subscribe((record) => {
    places.fold(record)
    timers.touched()
  })
  ready.then(
    () => {
      timers.touched()
      reactors.start()
      // What another process records may be for the reactors of this one.
      if (reacting.length > 0 && !closed && watchers++ === 0) beginLooking()
      void managerRetry.retryAll()
    },
    // Whoever pushes is told; who comes later finds it opened anew.
    (error: unknown) => options.onClosed(`what is behind its log could not be brought up (${messageOf(error)})`),
  )
  storage.onClosed = (reason) => options.onClosed(reason)

  const catchUp = sharing(() => log.turn(() => log.pull()))
  let watchers = 0
  let cancelLook: (() => void) | undefined
  let endNews: (() => void) | undefined
  const lookIn = (delayMs: number): void => {
    cancelLook ??= environment.later(delayMs, () => {
      cancelLook = undefined
      // The next look tries again; whoever asks for something is told what is wrong.
      void catchUp()
        .catch(() => undefined)
        .then(() => watchers > 0 && !endNews && lookIn(LOOK_MS))
    })
  }
  const beginLooking = (): void => {
    endNews = options.storage.onRecorded?.(spaceLog.name, () => lookIn(NEWS_MS))
    if (!endNews) lookIn(LOOK_MS)
  }
  const endLooking = (): void => {
    endNews?.()
    cancelLook?.()
    endNews = cancelLook = undefined
  }

  const placeNow = (): Place => ({ epoch, head: log.head.record })
  const checkEpoch = (asked: string): void => {
    if (asked !== epoch) throw new SyncFault('restored', 'The server’s log of this space is another one than the client has followed.')
  }
  const placeOf = async (clientId: string, principal: string): Promise<ClientPlace | undefined> => {
    const client = await places.of(clientId)
    if (client && client.principal !== principal) throw notYours()
    return client
  }
  let closed: Promise<void> | undefined

  return {
    get place() {
      return placeNow()
    },
    connect: (clientId, principal) =>
      log.turn(async () => {
        await log.pull()
        return { client: await placeOf(clientId, principal), place: placeNow() }
      }),
    async push({ epoch: asked, clientId, commands, waiting }, principal) {
      checkEpoch(asked)
      const receivedAt = environment.now()
      const from = { clientId, principal, receivedAt }
      const result = await queue.push(
        { ...from, waiting },
        commands.map((command) => rootOf(command, from, domain)),
      )
      return {
        place: placeNow(),
        processed: result.processed.map(({ root, record, index }) => ({
          sequence: root.sequence,
          commandId: root.id,
          record: record.number,
          outcome: wireOutcome(commandAt({ record, index }).outcome),
        })),
        held: result.held,
      }
    },
    async pull({ epoch: asked, clientId, after, limit = options.pullRecords }, principal) {
      checkEpoch(asked)
      await catchUp()
      if (after > log.head.record)
        throw new SyncFault('restored', `The client has followed the log to record ${after}, but it ends at ${log.head.record}.`)
      await log.turn(() => placeOf(clientId, principal))
      const wanted = Math.min(limit, options.pullRecords)
      const records: string[] = []
      let bytes = 0
      for (const record of await log.records(after, wanted)) {
        const text = JSON.stringify(wireRecord(record, clientId))
        if (records.length > 0 && bytes + text.length > options.pullBytes) break
        records.push(text)
        bytes += text.length
      }
      const place = placeNow()
      return { place, records, more: after + records.length < place.head }
    },
    watch(ring, ended) {
      const subscription = recorded$.subscribe({ next: ring, complete: ended })
      if (watchers++ === 0) beginLooking()
      let watching = true
      return () => {
        if (!watching) return
        watching = false
        subscription.unsubscribe()
        if (--watchers === 0) endLooking()
      }
    },
    get nextWorkAt() {
      const behind = reactors.status().some(({ state, position }) => state === 'live' && position < log.position)
      return behind || queue.isBusy ? environment.now() : timers.nextLookAt
    },
    close: () => (closed ??= close()),
  }

  async function close(): Promise<void> {
    watchers = 0
    endLooking()
    recorded.unsubscribe()
    timers.close()
    await queue.close()
    await reactors.close()
    await spaceLog.close()
  }
}

/** Runs work that begins after it was asked for; all who ask while one runs share the next. */
function sharing(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<unknown> | undefined
  let next: Promise<void> | undefined
  return () => {
    if (next) return next
    const begin = (): Promise<void> => {
      next = undefined
      const mine = work().finally(() => {
        if (running === mine) running = undefined
      })
      running = mine
      return mine
    }
    if (!running) return begin()
    next = running.then(begin, begin)
    return next
  }
}
