/** Joins write side and read side over one storage: the composition root of everything behind the channel. */
import { BehaviorSubject, Subject } from 'rxjs'
import { OutpostError } from '../errors.ts'
import type { Outcome, AnyDomain } from '../domain/infer.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { EventSource } from '../read/event-source.ts'
import { createReadSide } from '../read/read-side.ts'
import { LOG_FORMAT, type Checkpoint } from '../storage/record.ts'
import { openSegmentIndex } from '../storage/segment-index.ts'
import type { Durability, LogStorage, Storage } from '../storage/storage.ts'
import { CommandQueue } from '../write/command-queue.ts'
import { createDecoder } from '../write/decode.ts'
import type { Undecided } from '../write/decide.ts'
import { Decider, RESUME } from '../write/decider.ts'
import { aggregateFold, type Fold } from '../write/fold.ts'
import { Log } from '../write/log.ts'
import { instanceOf, managerFold, PARKED_DUE_AT } from '../write/process-managers.ts'
import { Receipts } from '../write/receipts.ts'
import { Repository } from '../write/repository.ts'
import { States } from '../write/states.ts'
import { WriteBehind } from '../write/write-behind.ts'
import type { Engine, EngineStatus, Environment } from './engine.ts'
import { Reactors } from './reactors.ts'
import type { HandlerStatus, Parked } from './status.ts'
import { Timers } from './timers.ts'
import { Tracer } from './tracer.ts'
import { exportPage, Import, IMPORTING } from './transfer.ts'

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

/** What stands under `log` in the log's meta. */
interface LogMeta {
  readonly epoch: string
  readonly format: number
  readonly createdAt: number
}

/** Records folded at once when saved states are brought to the head. */
const PAGE = 128
/** Parked instances retried and shown at once: more of them have one cause. */
const MAX_PARKED = 1000
/** Status changes are told at most so often. */
const STATUS_DELAY_MS = 50

/** `«app».«space».«principal»`, safe against dots in its parts. */
export const databasePrefix = (...parts: readonly string[]): string =>
  parts.map((part) => encodeURIComponent(part).replaceAll('.', '%2E')).join('.')

/**
 * Opens a log and everything over it. Reading works at once; Commands wait until saved states have been brought to the
 * head, which takes as long as the tail is.
 *
 * @throws `storage-newer` where a newer build wrote the log; nothing was changed
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { domain, storage, environment } = options
  const prefix = databasePrefix(domain.name, options.space, options.principal)
  const logName = `${prefix}.log`
  const { logStorage, meta } = await openLog(storage, logName, environment)

  const recorded$ = new Subject<{ readonly position: number; readonly own: boolean }>()
  const decoder = createDecoder(domain)
  const [index, checkpoints] = await Promise.all([openSegmentIndex(logStorage.segments), logStorage.states.checkpoints()])

  const statesOf = (fold: Fold): States => new States(fold, logStorage.states, checkpoints.get(fold.name))
  const aggregates = new Map([...domain.aggregates.values()].map((type) => [type.name, statesOf(aggregateFold(type, domain.events))]))
  const managers = new Map([...domain.processManagers.values()].map((manager) => [manager.name, statesOf(managerFold(manager))]))
  const states = [...aggregates.values(), ...managers.values()]

  /** Saved states are usable from here on; before, records go past them and are made up for. */
  let usable = false
  const log = await Log.open(logStorage.events, (record, own) => {
    if (usable) {
      const events = own ? [] : decoder.decodeKnown(record)
      for (const each of states) {
        if (own) each.committed(record)
        else each.foldRecord(record, events)
      }
      index.add(record)
      writeBehind.touched(own)
      timers.touched()
    }
    recorded$.next({ position: log.position, own })
    showStatus()
  })
  /** Only within a turn of the log. */
  const catchUp = async (checkpoint: Checkpoint): Promise<void> => {
    if (log.head.record < checkpoint.record) await log.pull()
  }

  const pullTo = async (record: number): Promise<void> => {
    if (log.head.record < record) await log.turn(() => log.pull())
  }
  const source: EventSource = {
    get head() {
      return { checkpoint: log.head, position: log.position }
    },
    recorded$,
    records: (after, limit) => log.records(after, limit),
    decode: (record) => decoder.decode(record),
    contains: (checkpoint) => log.contains(checkpoint),
    catchUp: pullTo,
  }
  const readSide = await createReadSide({ domain, source, storage, meta: logStorage.meta, prefix, environment })

  const tracer = new Tracer({
    clock: environment.clock,
    clockOrigin: environment.clockOrigin,
    settled: (position) => readSide.settled(position),
  })
  const writeBehind = new WriteBehind({
    store: logStorage.states,
    states,
    index,
    catchUp,
    turn: (work) => log.turn(work),
    later: environment.later,
    onFull: (full) => {
      if (full === (storageState === 'full')) return
      storageState = full ? 'full' : 'ok'
      showStatus()
    },
  })
  const receipts = new Receipts(index, log)
  const decider = new Decider({
    domain,
    aggregates,
    managers,
    catchUp,
    known: async (ids) => new Set((await receipts.find(ids)).keys()),
    now: environment.now,
    clock: environment.clock,
  })

  const ready = log.turn(async () => {
    await dropWhatTheLogLost(log, states, index, logStorage)
    await replayTail(log, states, index, decoder.decodeKnown)
    usable = true
    await dropUnusedFolds(checkpoints.keys(), states, logStorage, environment)
  })
  ready.catch(() => undefined) // every Command that waits for it gets the error

  const queue = new CommandQueue({
    log,
    decider,
    receipts,
    now: environment.now,
    clock: environment.clock,
    randomId: environment.randomId,
    ready,
    onTrip: tracer.onTrip,
    stateVersionOf: (aggregate) => {
      const type = domain.aggregates.get(aggregate)
      return type && { stateVersion: type.stateVersion, stateStored: type.persistence === 'state-stored' }
    },
  })
  const durability = options.durability ?? 'relaxed'
  const dispatchRoot = (command: Undecided): Promise<Outcome> => queue.dispatch({ command, fresh: false, durability })

  const timers = new Timers({
    managers: [...managers.values()],
    store: logStorage.states,
    catchUp,
    turn: (work) => log.turn(work),
    now: environment.now,
    later: environment.later,
    dispatch: dispatchRoot,
  })
  const repository = new Repository({ domain, states: aggregates, log, index, decoder, catchUp })

  async function readEvents(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = []
    for (let record = await recordBefore(after); events.length < limit && record < log.head.record; ) {
      const page = await log.records(record, PAGE)
      if (page.length === 0) break
      for (const each of page) {
        record = each.number
        if (each.position + each.events.length - 1 <= after) continue
        for (const event of decoder.decode(each)) if (event.position > after) events.push(event)
        if (events.length >= limit) break
      }
    }
    return events
  }

  /** Number of the record before the one that holds the Event after this position: found by halving. */
  async function recordBefore(after: number): Promise<number> {
    if (after <= 0) return 0
    if (after >= log.position) return log.head.record
    let low = 0
    let high = log.head.record
    while (high - low > 1) {
      const middle = (low + high) >> 1
      const [record] = await log.get([middle])
      if (record && record.position <= after) low = middle
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  const reactors = new Reactors({
    reactors: [...domain.reactors.values()],
    meta: logStorage.meta,
    environment,
    logName,
    position: () => log.position,
    recorded$,
    readEvents,
    onStatus: () => showStatus(),
  })

  let storageState: EngineStatus['storage'] = 'ok'
  const status$ = new BehaviorSubject<EngineStatus>({ position: log.position, storage: 'ok', readModels: [], handlers: [] })
  let readModels: EngineStatus['readModels'] = []
  let cancelStatus: (() => void) | undefined
  function showStatus(): void {
    cancelStatus ??= environment.later(STATUS_DELAY_MS, () => {
      cancelStatus = undefined
      if (!status$.closed) status$.next({ position: log.position, storage: storageState, readModels, handlers: handlerStatus() })
    })
  }
  function handlerStatus(): readonly HandlerStatus[] {
    const ofManagers = [...managers].map(([name, each]): HandlerStatus => {
      const parked: Parked[] = []
      for (const entry of each.inMemory()) {
        const at = instanceOf(entry).parked
        if (at) parked.push({ position: at.position, eventType: at.eventType, key: entry.key, error: at.error, attempts: 1 })
      }
      return {
        name,
        kind: 'processManager',
        state: !usable ? 'building' : parked.length > 0 ? 'parked' : 'live',
        position: usable ? log.position : 0,
        parked,
      }
    })
    return [...ofManagers, ...reactors.status()]
  }
  const readStatus = readSide.status$.subscribe((models) => {
    readModels = models
    showStatus()
  })

  let closed: Promise<void> | undefined
  let importing: Import | undefined
  const open = (): void => {
    if (closed) throw new OutpostError('closed', 'The app was closed or its data deleted. Connect again.')
  }
  async function close(): Promise<void> {
    timers.close()
    await queue.close()
    await reactors.close()
    if (storageState !== 'closed') {
      await writeBehind.flush()
      await readSide.flush().catch(() => undefined) // rows follow from the log; the next start makes up for them
    }
    await writeBehind.close()
    readStatus.unsubscribe()
    cancelStatus?.()
    await readSide.close()
    logStorage.close()
    recorded$.complete()
    status$.complete()
  }
  const closeOnce = (): Promise<void> => (closed ??= close())

  logStorage.onClosed = () => {
    storageState = 'closed'
    status$.next({ ...status$.value, storage: 'closed' })
    void closeOnce()
  }

  /** Gives every parked instance another try; each that fails again stays parked. @throws the first failure */
  const retryManager = async (name: string, managed: States): Promise<void> => {
    await ready
    const keys = await log.turn(() => parkedKeys(managed, logStorage, catchUp))
    const results = await Promise.allSettled(
      keys.map((key) => {
        const id = environment.randomId()
        return dispatchRoot({ id, type: RESUME, aggregateId: key, payload: { manager: name, key }, at: environment.now(), correlationId: id })
      }),
    )
    showStatus()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
  /** What parked in an earlier life may be mended in this one. */
  const retryAllManagers = async (): Promise<void> => {
    for (const [name, managed] of managers) await retryManager(name, managed).catch(() => undefined) // it stays parked, and shown
  }

  ready.then(
    () => {
      timers.touched()
      void retryAllManagers()
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
    recorded$,
    status$,
    trace$: tracer.trace$,
    dispatch(messages) {
      return messages.map((message) => {
        const { fresh, durability: wanted, requestedAt, receivedAt, ...command } = message
        if (tracer.active) tracer.arrived(message.id, { requestedAt, receivedAt })
        if (message.type.startsWith('$'))
          return Promise.reject(new OutpostError('unknown-command', `There is no Command "${message.type}": names with "$" are the engine's own.`))
        return queue.dispatch({ command, fresh, durability: wanted ?? durability })
      })
    },
    cancel: (commandId) => queue.cancel(commandId),
    async run(query, after, deadlineMs) {
      open()
      return readSide.run(query, after, deadlineMs)
    },
    async watch(query, changed) {
      open()
      return readSide.watch(query, changed)
    },
    async readEvents(after, limit) {
      open()
      return readEvents(after, limit)
    },
    async load(aggregate, id) {
      open()
      await ready
      return log.turn(() => repository.load(aggregate, id))
    },
    async loadAt(aggregate, id, moment) {
      open()
      await ready
      return repository.loadAt(aggregate, id, moment)
    },
    async history(aggregate, id) {
      open()
      await ready
      return repository.history(aggregate, id)
    },
    async catchUp() {
      open()
      await log.turn(() => log.pull())
    },
    async retry(handler) {
      open()
      const managed = managers.get(handler)
      if (managed) return retryManager(handler, managed)
      if (domain.reactors.has(handler)) return reactors.retry(handler)
      if (domain.readModels.has(handler)) return readSide.retry(handler)
      const known = [...domain.readModels.keys(), ...domain.processManagers.keys(), ...domain.reactors.keys()]
      throw new OutpostError('unknown-handler', `There is no Event Handler "${handler}". Known: ${known.join(', ')}.`, { handler, known })
    },
    async rebuild(readModel) {
      open()
      return readSide.rebuild(readModel)
    },
    async exportPage(from) {
      open()
      return exportPage(log, domain.name, from, environment.now())
    },
    async importBegin(header) {
      open()
      await ready
      importing = await Import.begin(logStorage, log, domain.name, header, () => environment.alone())
    },
    async importPage(lines) {
      open()
      await importOf(importing).page(lines).catch(giveUpImport)
    },
    async importEnd() {
      open()
      const restored = await importOf(importing).end().catch(giveUpImport)
      importing = undefined
      await log.turn(() => log.pull())
      return restored
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

  /** A file that turns out bad half-way: what it wrote goes, with this engine; the next start finds an empty log. */
  async function giveUpImport(error: unknown): Promise<never> {
    await closeOnce()
    await storage.destroy(logName)
    throw error
  }
}

/** Keys of a process manager's parked instances: they are saved as due at 0, before any timer. */
async function parkedKeys(managed: States, storage: LogStorage, catchUp: (checkpoint: Checkpoint) => Promise<void>): Promise<readonly string[]> {
  await managed.load(managed.tailKeys, catchUp)
  const { states } = await storage.states.due(managed.fold.name, MAX_PARKED)
  const saved = states.filter(({ dueAt }) => dueAt === PARKED_DUE_AT).map(({ key }) => key)
  await managed.load(saved, catchUp)
  return [...managed.inMemory()].filter((entry) => instanceOf(entry).parked).map(({ key }) => key)
}

function importOf(importing: Import | undefined): Import {
  if (!importing) throw new OutpostError('invalid-import', 'No import has begun: call importBegin first.')
  return importing
}

async function openLog(storage: Storage, name: string, environment: Environment): Promise<{ logStorage: LogStorage; meta: LogMeta }> {
  let logStorage = await storage.openLog(name)
  try {
    if ((await logStorage.meta.get(IMPORTING)) === true) {
      // An import that still runs in another tab ends before this does; one that was given up has left only rubbish.
      if (!(await environment.alone())) throw new OutpostError('log-not-empty', 'Another tab is importing into this app. Wait until it has finished, then reload.')
      logStorage.close()
      await storage.destroy(name)
      logStorage = await storage.openLog(name)
    }
    const found = (await logStorage.meta.get('log')) as LogMeta | undefined
    const meta =
      found ??
      ((await logStorage.meta.update<LogMeta>(
        'log',
        (stored) => stored ?? { epoch: environment.randomId(), format: LOG_FORMAT, createdAt: environment.now() },
      )) as LogMeta)
    if (meta.format > LOG_FORMAT)
      throw new OutpostError('storage-newer', `The log "${name}" has format ${meta.format}, this build knows ${LOG_FORMAT}. Load the newer app; nothing was changed.`, {
        format: meta.format,
      })
    return { logStorage, meta }
  } catch (error) {
    logStorage.close()
    throw error
  }
}

/** After a power loss, states or segments may be as of a record that the log has lost: they go, the log makes up for them. */
async function dropWhatTheLogLost(
  log: Log,
  states: readonly States[],
  index: { readonly checkpoint: Checkpoint | undefined; clear(): Promise<void> },
  storage: LogStorage,
): Promise<void> {
  while (index.checkpoint && !(await log.contains(index.checkpoint))) await index.clear()
  for (const each of states) {
    if (!each.stored || (await log.contains(each.stored))) continue
    await storage.states.drop(each.fold.name)
    each.restart()
  }
}

/** Saved states of shapes that this build does not have, where no older build can still be using them. */
async function dropUnusedFolds(saved: Iterable<string>, states: readonly States[], storage: LogStorage, environment: Environment): Promise<void> {
  const used = new Set(states.map((each) => each.fold.name))
  const unused = [...saved].filter((name) => !used.has(name))
  if (unused.length > 0 && (await environment.alone())) for (const name of unused) await storage.states.drop(name)
}

/** Brings states and index from what is saved to the log's head. */
async function replayTail(
  log: Log,
  states: readonly States[],
  index: { readonly head: Checkpoint; add(record: Parameters<ReturnType<typeof createDecoder>['decode']>[0]): void },
  decode: ReturnType<typeof createDecoder>['decodeKnown'],
): Promise<void> {
  const behind = (): number => Math.min(index.head.record, ...states.map((each) => each.folded.record))
  for (let from = behind(); from < log.head.record; ) {
    const page = await log.records(from, PAGE)
    if (page.length === 0) return
    for (const record of page) {
      const events = decode(record)
      for (const each of states) if (each.folded.record < record.number) each.foldRecord(record, events)
      if (index.head.record < record.number) index.add(record)
      from = record.number
    }
  }
}

