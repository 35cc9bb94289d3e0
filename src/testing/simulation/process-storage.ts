/** The storage of a machine as one process on it has it: it takes time, and dies with the process. */
import { memoryError } from '../../storage/memory/faults.ts'
import type {
  Durability,
  EventStore,
  LogStorage,
  MetaStore,
  PersistenceStore,
  ReadStore,
  SegmentStore,
  Storage,
} from '../../storage/storage.ts'
import { type CrashPoints, type Transaction, transactionOf, transactionOfMeta } from './crash-points.ts'
import type { Disk, Written } from './disk.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'

export interface ProcessStorageOptions {
  readonly process: Process
  readonly disk: Disk
  readonly random: Random
  readonly points: CrashPoints
  readonly isServer: boolean
  /** Hears of every transaction of such a kind that was carried out, and of each that struck. */
  readonly seen: (what: string) => void
}

/** An operation takes so long at most: ms. Often it takes none, so that several tabs' operations mix in every order. */
const LONGEST_MS = 3

export function processStorage({ process, disk, random, points, isServer, seen }: ProcessStorageOptions): Storage {
  const storage = disk.open()
  const { clock } = process

  async function run<T>(work: () => Promise<T>, at?: Transaction): Promise<T> {
    await new Promise<void>((resolve) => clock.later(Math.max(0, random.whole(-LONGEST_MS, LONGEST_MS)), resolve))
    if (process.isDead) return never()
    const strike = points.take(at)
    if (strike) seen(`${strike} ${at}`)
    if (strike === 'before') return die()
    if (strike === 'freeze') {
      process.freeze()
      await new Promise<void>((resolve) => process.deliver(resolve))
    }
    if (strike === 'full') return process.brought(Promise.reject(memoryError(`${at}`, 'QuotaExceededError', 'The simulated disk is full')))
    const done = clock.work(work())
    if (strike === 'after') {
      await done
      return die()
    }
    if (strike === 'inDoubt') {
      await done
      return process.brought(Promise.reject(memoryError(`${at}`, 'UnknownError', 'The connection died', { inDoubt: true })))
    }
    const result = await process.brought(done)
    if (at) seen(at)
    return result
  }
  /** A browser closes what a dead thread had open. */
  const opened = <T extends { close(): void }, U>(open: () => Promise<T>, as: (handle: T) => U): Promise<U> =>
    run(async () => {
      const handle = await open()
      if (process.isDead) handle.close()
      else process.onKilled(() => handle.close())
      return as(handle)
    })
  function die(): Promise<never> {
    process.kill()
    return never()
  }

  const logOf = (name: string, inner: LogStorage): LogStorage => {
    const write = <T>(
      entry: Omit<Written, 'again'>,
      work: () => Promise<T>,
      again: (result: T) => Written['again'] | undefined,
      at?: Transaction,
    ) =>
      run(async () => {
        const result = await work()
        const redo = again(result)
        if (redo) disk.written(name, { ...entry, again: redo })
        return result
      }, at)
    const saved = { part: 'saved', strict: false, records: [] } as const

    const events: EventStore = {
      last: () => run(() => inner.events.last()),
      read: (after, limit) => run(() => inner.events.read(after, limit)),
      get: (numbers) => run(() => inner.events.get(numbers)),
      append: (given, durability, entries) => {
        const [records, meta] = structuredClone([given, entries] as const)
        return write(
          { part: 'log', strict: durability === 'strict', records },
          () => inner.events.append(records, durability, meta),
          (result) => (result === 'appended' ? (log) => log.events.append(records, durability, meta) : undefined),
          transactionOf(records, isServer),
        )
      },
    }
    const states: PersistenceStore = {
      checkpoints: () => run(() => inner.states.checkpoints()),
      load: (fold, keys) => run(() => inner.states.load(fold, keys)),
      due: (fold, limit) => run(() => inner.states.due(fold, limit)),
      save: (given) => {
        const writes = structuredClone(given)
        return write(
          saved,
          () => inner.states.save(writes),
          (result) => (result === 'saved' ? (log) => log.states.save(writes) : undefined),
          isServer ? undefined : 'saveStates',
        )
      },
      drop: (fold) =>
        write(
          saved,
          () => inner.states.drop(fold),
          () => (log) => log.states.drop(fold),
        ),
    }
    const segments: SegmentStore = {
      catalogue: () => run(() => inner.segments.catalogue()),
      blocks: (keys) => run(() => inner.segments.blocks(keys)),
      save: (given) => {
        const copy = structuredClone(given)
        return write(
          saved,
          () => inner.segments.save(copy),
          (result) => (result === 'saved' ? (log) => log.segments.save(copy) : undefined),
        )
      },
    }
    const meta: MetaStore = {
      get: (key) => run(() => inner.meta.get(key)),
      entries: (prefix) => run(() => inner.meta.entries(prefix)),
      update: <T>(key: string, change: (value: T | undefined) => T | undefined, durability?: Durability) => {
        let isChanged = false
        return write(
          { part: 'log', strict: durability === 'strict', records: [] },
          () =>
            inner.meta.update<T>(
              key,
              (before) => {
                const after = change(before)
                isChanged = after !== before
                return after
              },
              durability,
            ),
          (after) => {
            const kept = structuredClone(after)
            return isChanged ? (log) => log.meta.update<T>(key, () => kept) : undefined
          },
          isServer ? undefined : transactionOfMeta(key),
        )
      },
    }
    const log: LogStorage = { events, states, segments, meta, onClosed: undefined, close: () => inner.close() }
    inner.onClosed = (reason) => process.deliver(() => log.onClosed?.(reason))
    return log
  }

  const readStoreOf = (inner: ReadStore): ReadStore => {
    const store: ReadStore = {
      checkpoint: () => run(() => inner.checkpoint()),
      load: (keys) => run(() => inner.load(keys)),
      scan: (scan) => run(() => inner.scan(scan)),
      count: (scan) => run(() => inner.count(scan)),
      save: (write, isBusy) => {
        const copy = structuredClone(write)
        return run(() => inner.save(copy, isBusy), 'saveRows')
      },
      onClosed: undefined,
      close: () => inner.close(),
    }
    inner.onClosed = (reason) => process.deliver(() => store.onClosed?.(reason))
    return store
  }

  return {
    openLog: (name) =>
      opened(
        () => storage.openLog(name),
        (log) => logOf(name, log),
      ),
    openReadStore: (name, schema) => opened(() => storage.openReadStore(name, schema), readStoreOf),
    list: (prefix) => run(() => storage.list(prefix)),
    destroy: (name) =>
      run(async () => {
        await storage.destroy(name)
        disk.destroyed(name)
      }),
  }
}

/** Nobody is there any more to hear of it. */
const never = (): Promise<never> => new Promise(() => undefined)
