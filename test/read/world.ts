/**
 * Tabs on one memory storage and one log, without a write side: each pulls what any of them appends, when it hears of it. From
 * `join` on the log is synced: what is appended is tentative until `confirm` or `rebase` says what the server made of it.
 */
import { Subject } from 'rxjs'
import type { AnyDomain } from '../../src/domain/infer.ts'
import type { RecordedEvent } from '../../src/domain/recorded-event.ts'
import type { QueryDescription } from '../../src/domain/query.ts'
import type { Environment, WatchedQuery } from '../../src/engine/engine.ts'
import type { EventSource } from '../../src/read/event-source.ts'
import type { ReadModelState } from '../../src/read/model-reader.ts'
import { createReadSide, type ReadSide } from '../../src/read/read-side.ts'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import {
  type Checkpoint,
  checkpointOf,
  lastPositionOf,
  LOG_START,
  type LogRecord,
  type SyncCursor,
  type SyncNote,
} from '../../src/storage/record.ts'
import type { LogStorage, Storage } from '../../src/storage/storage.ts'
import { createDecoder } from '../../src/write/decode.ts'

export interface GivenEvent {
  readonly type: string
  readonly aggregateId: string
  readonly data: unknown
  readonly schema?: number
}

/** What the server made of the pending tail, which does not begin as this does. Each list of Events is one record. */
export interface GivenRebase {
  /** Of the server's log, in its order: foreign ones, and what became of the tail's first ones. */
  readonly slice: readonly (readonly GivenEvent[])[]
  /** So many of the tail's Commands are in it. */
  readonly processed?: number
  /** What those still pending come to when they are decided again. */
  readonly again: readonly (readonly GivenEvent[])[]
}

/** Until then a tab folds its own records, also where nobody asks for them. */
export const soon = 50

export const PREFIX = 'app.space.ann'
const LOG = `${PREFIX}.log`

/** Everything that waits for storage, for messages or for promises gets its turn. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

export async function until(condition: () => boolean, what = condition.toString()): Promise<void> {
  for (let i = 0; i < 20_000; i++) {
    if (condition()) return
    await turns(1)
  }
  throw new Error(`It never came to this: ${what}`)
}

/** Time passes only when the test says so. */
export class Clock {
  now = 1_000_000
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>()

  later(delayMs: number, run: () => void): () => void {
    const timer = { at: this.now + delayMs, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      this.#timers.delete(next)
      this.now = Math.max(this.now, next.at)
      next.run()
      await turns()
    }
    this.now = end
    await turns()
  }
}

/** As Web Locks: one holder, the others wait in order. */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>()

  async exclusive(name: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const before = this.#tails.get(name) ?? Promise.resolve()
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    this.#tails.set(
      name,
      before.then(() => held),
    )
    try {
      await before
      if (!signal.aborted) await work(signal)
    } finally {
      release()
    }
  }
}

let ids = 0

export class Tab implements EventSource {
  readonly storage: MemoryStorage
  readonly side!: ReadSide
  /** Each change of the status. */
  readonly stateChanged$ = new Subject<void>()
  readonly opened = Promise.resolve()
  readonly recorded$ = new Subject<{ readonly position: number; readonly own: boolean }>()
  readonly decode: (record: LogRecord) => readonly RecordedEvent[]
  tailEpoch = 0
  settled: Checkpoint = LOG_START
  /** The records that are pending. */
  tail: readonly LogRecord[] = []
  readonly #log: LogStorage
  readonly #all: LogRecord[] = []
  readonly #void = new Set<number>()
  #cursor: SyncCursor | undefined
  head: { readonly checkpoint: Checkpoint; readonly position: number } = { checkpoint: LOG_START, position: 0 }
  isBusy = false

  private constructor(storage: MemoryStorage, log: LogStorage, domain: AnyDomain) {
    this.storage = storage
    this.#log = log
    this.decode = (record) => (this.#void.has(record.number) ? [] : createDecoder(domain).decode(record))
  }

  static async open(storage: MemoryStorage, domain: AnyDomain, environment: Environment): Promise<Tab> {
    const log = await storage.openLog(LOG)
    const tab = new Tab(storage, log, domain)
    await tab.#pull(false)
    const stateChanged = (): void => tab.stateChanged$.next()
    const side = createReadSide({ domain, source: tab, storage, meta: log.meta, prefix: PREFIX, environment, stateChanged })
    return Object.assign(tab, { side })
  }

  get meta(): LogStorage['meta'] {
    return this.#log.meta
  }

  /** In a later task, as a database answers. */
  async records(after: number, limit: number): Promise<readonly LogRecord[]> {
    await turns(1)
    return this.#all.slice(after, after + limit)
  }

  async contains({ record, id }: Checkpoint): Promise<boolean> {
    return record === 0 || this.#all[record - 1]?.id === id
  }

  async catchUp(record: number): Promise<void> {
    if (this.head.checkpoint.record < record) await this.#pull(true)
  }

  /** Hears that others may have written. */
  async hear(): Promise<void> {
    await this.#pull(true)
  }

  /** One record with these Events, appended here. */
  async append(...events: readonly GivenEvent[]): Promise<LogRecord> {
    const [record] = await this.#transact((number, position) => [recordOf(number, position, events)])
    return record as LogRecord
  }

  /** From here on the log is synced. */
  join(): Promise<unknown> {
    return this.#sync(() => [{ step: 'joined', cursor: { epoch: 'e', record: 0, clientId: 'c', sequence: 0, principal: 'ann' } }])
  }

  /** The server processed the first so many of the tail just as they stand. */
  confirm(count: number): Promise<unknown> {
    return this.#sync(() => [{ step: 'confirmed', cursor: this.#cursorAfter(count) }])
  }

  /** One transaction: the tail is void, the server's slice comes in its place, then what is still pending, decided again. */
  rebase({ slice, processed = 0, again }: GivenRebase): Promise<readonly LogRecord[]> {
    return this.#transact((first, firstPosition) => {
      const cursor = this.#cursorAfter(processed)
      const notes: readonly (SyncNote | undefined)[] = [
        ...(slice.length > 0 ? slice : [[]]).map((_, i): SyncNote => ({
          step: 'pulled',
          cursor,
          serverPosition: 1,
          ...(i === 0 && { voids: true }),
        })),
        ...again.map(() => undefined),
      ]
      let position = firstPosition
      return [...(slice.length > 0 ? slice : [[]]), ...again].map((events, i, all) => {
        const sync = notes[i]
        const record = recordOf(first + i, position, events)
        position += events.length
        return { ...record, ...(sync && { kind: 'sync' as const, sync }), ...(i < all.length - 1 && { more: true as const }) }
      })
    })
  }

  async close(): Promise<void> {
    await this.side.close()
    this.recorded$.complete()
  }

  /** Answers once, as fresh as this tab can. */
  async ask<T>(query: QueryDescription, after = this.head.position): Promise<T> {
    return (await this.side.run(query, after, 10_000)).data as T
  }

  status(name: string): ReadModelState {
    const found = this.side.status().find((model) => model.name === name)
    if (!found) throw new Error(`There is no Read Model "${name}"`)
    return found
  }

  #cursorAfter(processed: number): SyncCursor {
    if (!this.#cursor) throw new Error('Join first')
    return { ...this.#cursor, sequence: this.#cursor.sequence + processed }
  }

  #sync(notes: () => readonly SyncNote[]): Promise<unknown> {
    return this.#transact((number, position) =>
      notes().map((sync, i) => ({ ...recordOf(number + i, position, []), kind: 'sync', sync, commands: [] })),
    )
  }

  /** @param make the records that follow the head */
  async #transact(make: (number: number, position: number) => readonly LogRecord[]): Promise<readonly LogRecord[]> {
    for (;;) {
      await this.#pull(true)
      const records = make(this.head.checkpoint.record + 1, this.head.position + 1)
      if ((await this.#log.events.append(records, 'relaxed')) === 'conflict') continue
      if (this.head.checkpoint.record + 1 === records[0]?.number) this.#advance(records, true, true)
      return records
    }
  }

  async #pull(ring: boolean): Promise<void> {
    let transaction: LogRecord[] = []
    for (const record of await this.#log.events.read(this.head.checkpoint.record, 10_000)) {
      transaction.push(record)
      if (record.more) continue
      if (transaction[0]?.number === this.head.checkpoint.record + 1) this.#advance(transaction, false, ring)
      transaction = []
    }
  }

  /** Takes one transaction, whole. */
  #advance(records: readonly LogRecord[], own: boolean, ring: boolean): void {
    for (const record of records) {
      this.#all.push(record)
      this.head = { checkpoint: checkpointOf(record), position: lastPositionOf(record) }
      const { sync } = record
      if (!sync) {
        if (this.#cursor) this.tail = [...this.tail, record]
      } else if (sync.step === 'pulled' && sync.voids) {
        for (const { number } of this.tail) this.#void.add(number)
        this.tail = []
        this.tailEpoch++
      } else if (sync.step === 'confirmed') this.tail = this.tail.slice(sync.cursor.sequence - (this.#cursor?.sequence ?? 0))
      if (sync && 'cursor' in sync) this.#cursor = sync.cursor
    }
    const [pending] = this.tail
    const settled = pending ? this.#all[pending.number - 2] : this.#all.at(-1)
    this.settled = settled ? checkpointOf(settled) : LOG_START
    if (ring) this.recorded$.next({ position: this.head.position, own })
  }
}

export class World {
  readonly storage = createMemoryStorage()
  readonly #open: () => Storage
  readonly clock = new Clock()
  readonly locks = new Locks()
  readonly environment: Environment = {
    now: () => this.clock.now,
    clock: () => this.clock.now,
    clockOrigin: 0,
    alone: async () => true,
    randomId: () => `id-${++ids}`,
    random: () => ((++ids * 37) % 100) / 100,
    exclusive: (name, work, signal) => this.locks.exclusive(name, work, signal),
    later: (delayMs, run) => this.clock.later(delayMs, run),
  }

  /** @param open another tab's storage, where it is not to be in memory; there is nothing to make it fail then */
  constructor(open?: () => Storage) {
    this.#open = open ?? (() => this.storage.tab())
  }

  /** Another tab of the same browser. @param prepare what shall go wrong at its start */
  tab(domain: AnyDomain, prepare: (storage: MemoryStorage) => void = () => {}): Promise<Tab> {
    const storage = this.#open() as MemoryStorage
    prepare(storage)
    return Tab.open(storage, domain, this.environment)
  }

  /** Waits for all of these. They may wait for time: storage that failed is tried again later and later. */
  async answered(asked: readonly Promise<unknown>[]): Promise<void> {
    let isAnswered = false
    void Promise.all(asked).then(() => (isAnswered = true))
    for (let i = 0; i < 20 && !isAnswered; i++) await this.clock.advance(5_000)
    await until(() => isAnswered, 'all that was asked is answered')
  }

  /** The log loses its last records; open tabs must not be used any more. */
  losePower(records: number): void {
    this.storage.powerLoss(LOG, records)
  }
}

export function recordOf(number: number, position: number, events: readonly GivenEvent[]): LogRecord {
  const id = `record-${++ids}`
  const commandId = `command-${ids}`
  return {
    number,
    id,
    format: 1,
    kind: 'commit',
    at: 0,
    position,
    commands: [{ id: commandId, type: 'test', schema: 1, payload: {}, at: 0, correlationId: commandId, outcome: { ok: true } }],
    events: events.map((event, ordinal) => ({ schema: 1, version: 1, command: 0, ordinal, ...event })),
  }
}

/** All snapshots of a watched query: the first, then each that it was told of. */
export async function watchAll<T>(
  tab: Tab,
  query: QueryDescription,
): Promise<{ readonly frames: T[]; readonly watched: WatchedQuery; last(): T }> {
  const frames: T[] = []
  const watched = await tab.side.watch(query, () => frames.push(watched.snapshot.data as T))
  frames.unshift(watched.snapshot.data as T)
  return { frames, watched, last: () => frames.at(-1) as T }
}
