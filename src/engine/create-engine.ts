/** Joins write side and read side over one storage: the composition root of everything behind the channel. */
import type { Outcome, AnyDomain } from '../domain/infer.ts'
import type { EventSource } from '../read/event-source.ts'
import type { Durability, Storage } from '../storage/storage.ts'
import type { Undecided } from '../write/decide.ts'
import type { Engine, EngineStatus, Environment } from './engine.ts'
import type { EngineInside } from './inside.ts'
// In this order because gzip finds more in it (`npm run size`).
import { Tracer } from './tracer.ts'
import { sameValue } from '../internal/same-value.ts'
import { createReadSide } from '../read/read-side.ts'
import { openWriteSide, type WriteSide } from './write-side.ts'
import { checkCommand } from './command-check.ts'
import { commandFault } from '../write/command-fault.ts'
import { Decider } from '../write/decider.ts'
import { Timers } from './timers.ts'
import { OutpostError } from '../errors.ts'
import { readRecordedEvents } from './read-events.ts'
import { CommandQueue } from '../write/command-queue.ts'
import { ADOPTED, type Adopted } from '../write/kept-tail.ts'
import { Repository } from '../write/repository.ts'
import { Receipts } from '../write/receipts.ts'
import { ManagerRetry } from './manager-retry.ts'
import { named } from '../domain/named.ts'
import { Reactors } from './reactors.ts'
import { exportPage, importInto } from './transfer.ts'
import { Observable, Subject } from 'rxjs'
import { LogSyncedEvents } from './synced-events.ts'
import { databasePrefix, openLog } from './open-log.ts'

export interface EngineOptions {
  readonly domain: AnyDomain
  readonly storage: Storage
  /** Whose log of what: names the databases. */
  readonly space: string
  readonly principal: string
  readonly environment: Environment
  /** For Commands that do not say. Default `relaxed`. */
  readonly durability?: Durability
}

/** Status changes are told at most so often. */
const STATUS_DELAY_MS = 50

/**
 * Opens a log and everything over it. Reading works at once; Commands wait until saved states have been brought to the
 * head, which takes as long as the tail is.
 *
 * @throws `storage-newer` where a newer build wrote the log; nothing was changed
 */
export async function createEngine(options: EngineOptions): Promise<Engine & { readonly inside: EngineInside }> {
  const { domain, storage, environment } = options
  const { now, clock, later, randomId, clockOrigin } = environment
  const prefix = databasePrefix(domain.name, options.space, options.principal)
  const logName = `${prefix}.log`
  const { logStorage, meta } = await openLog(storage, logName, environment)

  const recorded$ = new Subject<{ readonly position: number; readonly own: boolean }>()
  let cancelStatus: (() => void) | undefined
  /** Saved states are usable from here on. */
  let usable = false
  let log!: WriteSide['log']
  let decoder!: WriteSide['decoder']
  const opening = openWriteSide(domain, logStorage, environment, {
    isBusy: () => queue.isBusy,
    onFull: (full) => {
      if (full === (storageState === 'full')) return
      storageState = full ? 'full' : 'ok'
      showStatus()
    },
    onAdvance: ({ adopted, own }) => {
      // Everything stands on another footing now: it is opened anew, and what waits here is answered there.
      if (adopted) {
        if (environment.reopen) environment.reopen()
        else logStorage.onClosed?.('joined')
        return
      }
      // With sync it is the server that fires them.
      if (usable && !log.tail.cursor) timers.touched()
      // Answers go out first, in the second turn from now: the page wakes while rows are folded.
      queueMicrotask(() =>
        queueMicrotask(() => {
          recorded$.next({ position: log.position, own })
          showStatus()
        }),
      )
    },
  })
  const source: EventSource = {
    opened: opening.then((opened) => ({ log, decoder } = opened)),
    get head() {
      return { checkpoint: log.head, position: log.position }
    },
    get settled() {
      return log.settled
    },
    get tailEpoch() {
      return log.tailEpoch
    },
    get isBusy() {
      return queue.isBusy
    },
    recorded$,
    records: (after, limit) => log.records(after, limit),
    decode: (record) => decoder.decode(record),
    contains: (checkpoint) => log.contains(checkpoint),
    async catchUp(record) {
      if (log.head.record < record) await log.turn(() => log.pull())
    },
  }
  const readSide = createReadSide({
    domain,
    source,
    storage,
    meta: logStorage.meta,
    prefix,
    environment,
    stateChanged: () => log && showStatus(),
  })
  opening.catch(() => {
    logStorage.close()
    return readSide.close()
  })
  const { index, aggregates, managers, writeBehind, bringUp } = await opening

  const tracer = new Tracer({
    clock,
    clockOrigin,
    settled: (position) => readSide.settled(position),
  })
  const receipts = new Receipts(index, log)
  const decider = new Decider({
    domain,
    aggregates,
    managers,
    known: async (ids) => new Set((await receipts.find(ids)).keys()),
    now,
    clock,
  })

  const closing = new AbortController()
  const ready = bringUp(closing.signal)
  // One UUID for all records of this run: to make one takes a tenth of what a Command takes of this thread.
  const run = randomId()
  let made = 0
  const recordId = (): string => `${run}.${made++}`
  const queue = new CommandQueue({ now, recordId, log, decider, receipts, clock, ready, onTrip: tracer.onTrip })
  const durability = options.durability ?? 'relaxed'
  const dispatchRoot = (command: Undecided): Promise<Outcome> => queue.dispatch({ command, fresh: false, durability })
  const managerRetry = new ManagerRetry({ managers, log, storage: logStorage, environment, ready, dispatch: dispatchRoot })
  const timers = new Timers({
    managers: [...managers.values()],
    store: logStorage.states,
    turn: (work) => log.turn(work),
    now,
    later,
    dispatch: dispatchRoot,
  })
  const repository = new Repository({ domain, states: aggregates, log, index, decoder })

  const syncedEvents = new LogSyncedEvents({ log, index, meta: logStorage.meta, logEpoch: meta.epoch })
  const reactors = new Reactors({
    reactors: [...domain.reactors.values()].filter(({ runs }) => runs !== 'server'),
    meta: logStorage.meta,
    environment,
    logName,
    position: () => log.tail.confirmed,
    recorded$,
    readEvents: (after, limit) =>
      readRecordedEvents(log, decoder, after, limit, log.tail.confirmed, (record, events) => syncedEvents.read(record, events)),
    synced: syncedEvents,
    onStatus: () => showStatus(),
  })

  let storageState: EngineStatus['storage'] = 'ok'
  const statusNow = (): EngineStatus => ({
    position: log.position,
    storage: storageState,
    readModels: readSide.status(),
    handlers: [...managerRetry.status(usable), ...reactors.status()],
  })
  let status = statusNow()
  const statuses$ = new Subject<EngineStatus>()
  const tellStatus = (next: EngineStatus): void => {
    // What says nothing new is not told.
    if (!sameValue(next, status)) statuses$.next((status = next))
  }
  function showStatus(): void {
    cancelStatus ??= later(STATUS_DELAY_MS, () => {
      cancelStatus = undefined
      tellStatus(statusNow())
    })
  }

  let closed: Promise<void> | undefined
  let importing = false
  const open = (): void => {
    if (closed) throw new OutpostError('closed', 'The app was closed or its data deleted. Connect again.')
  }
  /** Where saved states are needed. */
  const usably = async <T>(work: () => Promise<T>): Promise<T> => {
    open()
    await ready
    return work()
  }
  async function close(): Promise<void> {
    closing.abort()
    timers.close()
    await queue.close()
    await reactors.close()
    if (storageState !== 'closed') {
      await writeBehind.flush()
      await readSide.flush().catch(() => undefined) // rows follow from the log; the next start makes up for them
    }
    await writeBehind.close()
    await readSide.close()
    cancelStatus?.()
    logStorage.close()
    recorded$.complete()
    statuses$.complete()
  }
  const closeOnce = (): Promise<void> => (closed ??= close())

  logStorage.onClosed = () => {
    storageState = 'closed'
    tellStatus({ ...status, storage: 'closed' })
    void closeOnce()
  }

  ready.then(
    () => {
      usable = true
      // With sync, timers and parked process managers are the server's.
      if (!log.tail.cursor) {
        timers.touched()
        void managerRetry.retryAll()
      }
      reactors.start()
      writeBehind.touched(false)
      showStatus()
    },
    () => showStatus(),
  )

  return {
    logEpoch: meta.epoch,
    get position() {
      return log.position
    },
    get record() {
      return log.head.record
    },
    get confirmed() {
      return log.tail.confirmed
    },
    get tailEpoch() {
      return log.tailEpoch
    },
    recorded$,
    status$: new Observable((subscriber) => {
      subscriber.next(status)
      return statuses$.subscribe(subscriber)
    }),
    trace$: tracer.trace$,
    dispatch: (messages) =>
      messages.map((message) => {
        const { fresh, durability: wanted, call, requestedAt, receivedAt, ...command } = message
        if (tracer.active) tracer.arrived(command, { requestedAt, receivedAt })
        try {
          checkCommand(message, domain)
          if (importing) throw commandFault('importing', message, 'came during an import. Nothing was stored: give it again afterwards.')
          return queue.dispatch({ command, fresh, durability: wanted ?? durability, call })
        } catch (fault) {
          return Promise.reject(fault as Error) // an async function would answer some turns later
        }
      }),
    cancel: (call) => queue.cancel(call),
    async run(query, after, deadlineMs) {
      open()
      return readSide.run(query, after, deadlineMs)
    },
    async watch(query, changed) {
      open()
      return readSide.watch(query, changed)
    },
    async readEvents(after, limit, tentative) {
      open()
      if (!(after >= 0)) throw new OutpostError('invalid-query', `No Events after ${after}: give 0 or more.`)
      return readRecordedEvents(log, decoder, after, limit, tentative ? log.position : log.tail.confirmed)
    },
    load: (aggregate, id) => usably(() => log.turn(() => repository.load(aggregate, id))),
    loadAt: (aggregate, id, moment) => usably(() => repository.loadAt(aggregate, id, moment)),
    history: (aggregate, id) => usably(() => repository.history(aggregate, id)),
    async catchUp() {
      open()
      await log.turn(() => log.pull())
    },
    async retry(handler) {
      open()
      const managed = managers.get(handler)
      if (managed) return managerRetry.retry(handler, managed)
      if (domain.reactors.has(handler)) return reactors.retry(handler)
      const all = new Map<string, unknown>([...domain.readModels, ...managers, ...domain.reactors])
      named(all, handler, 'unknown-handler', 'Event Handler', 'handler')
      return readSide.retry(handler)
    },
    async rebuild(readModel) {
      open()
      return readSide.rebuild(readModel)
    },
    async exportPage(from) {
      open()
      return exportPage(log, domain.name, from, now())
    },
    async import(pages) {
      open()
      if (importing) throw new OutpostError('log-not-empty', 'An import is running. Wait for its end.')
      importing = true
      let gaveUp = false
      try {
        await ready
        // One turn, so that nothing else is written, and nothing built on what is there only half.
        return await log.turn(async () => {
          const restored = await importInto(pages, {
            app: domain.name,
            storage: logStorage,
            log,
            alone: () => environment.alone(),
            goOn: open,
            async restored(record, position) {
              const joined = log.tail.cursor
              if (joined) await logStorage.meta.update<Adopted>(ADOPTED, () => ({ record, position }))
              await reactors.passOver(position, joined !== undefined)
            },
            giveUp() {
              gaveUp = true
              void closeOnce()
            },
          })
          await log.pull()
          return restored
        })
      } catch (error) {
        if (gaveUp) {
          await closeOnce()
          await storage.destroy(logName)
        }
        throw error
      } finally {
        importing = false
      }
    },
    inside: {
      now,
      recordId,
      log,
      storage: logStorage,
      states: [...aggregates.values(), ...managers.values()],
      decider,
      decoder,
      index,
      receipts,
      dispatch: dispatchRoot,
      recorded$,
      ready,
      logEpoch: meta.epoch,
      principal: options.principal,
    },
    async destroy() {
      await closeOnce()
      const names = await storage.list(`${prefix}.`)
      // The log last: without it a read store is known to be worthless, the other way round it is not.
      for (const name of names.filter((each) => each !== logName)) await storage.destroy(name)
      await storage.destroy(logName)
    },
    close: closeOnce,
  }
}
