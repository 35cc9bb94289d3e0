import { compareKeys, isKey } from '../key.ts'
import { type Checkpoint, type LogRecord, sameCheckpoint } from '../record.ts'
import type { EventStore, LogStorage, MetaStore, PersistenceStore, SavedState, SegmentStore } from '../storage.ts'
import type { MemoryHandle } from './memory-handle.ts'
import { SortedMap } from './sorted-map.ts'

export interface LogData {
  /** By number. */
  readonly records: SortedMap<LogRecord>
  /** By [fold, key]. */
  readonly states: SortedMap<SavedState>
  /** By fold. */
  readonly checkpoints: SortedMap<Checkpoint>
  /** By [index, run, block]. */
  readonly segments: SortedMap<Uint8Array>
  readonly meta: SortedMap<unknown>
  catalogue: { readonly checkpoint: Checkpoint | undefined; readonly value: unknown }
}

export const emptyLog = (): LogData => ({
  records: new SortedMap(),
  states: new SortedMap(),
  checkpoints: new SortedMap(),
  segments: new SortedMap(),
  meta: new SortedMap(),
  catalogue: { checkpoint: undefined, value: undefined },
})

export function createMemoryLog(handle: MemoryHandle, data: LogData): LogStorage {
  const log: LogStorage = {
    events: events(handle, data),
    states: states(handle, data),
    segments: segments(handle, data),
    meta: meta(handle, data),
    onClosed: undefined,
    close: () => handle.end(),
  }
  handle.onEnded = (reason) => log.onClosed?.(reason)
  return log
}

const events = (handle: MemoryHandle, { records, meta }: LogData): EventStore => ({
  last: () => handle.run('events.last', () => handle.copy(records.entries().at(-1)?.value)),

  async append(given, _durability, entries = new Map()) {
    const copies = handle.copy(given)
    const values = handle.copy(entries)
    return handle.run('events.append', () => {
      if (copies.some(({ number }) => records.get(number))) return 'conflict'
      for (const record of copies) records.set(record.number, record)
      for (const [key, value] of values)
        if (value === undefined) meta.delete(key)
        else meta.set(key, value)
      return 'appended'
    })
  },

  read: (after, limit) =>
    handle.run('events.read', () => handle.copy(valuesOf(records.entries({ lower: after, lowerOpen: true })).slice(0, limit))),

  get: (numbers) => handle.run('events.get', () => handle.copy(numbers.map((number) => records.get(number)))),
})

const states = (handle: MemoryHandle, { states, checkpoints }: LogData): PersistenceStore => ({
  checkpoints: () =>
    handle.run('states.checkpoints', () => new Map(checkpoints.entries().map(({ key, value }) => [key as string, handle.copy(value)]))),

  load: (fold, keys) =>
    handle.run('states.load', () => handle.copy({ checkpoint: checkpoints.get(fold), states: keys.map((key) => states.get([fold, key])) })),

  async save(given) {
    const writes = handle.copy(given)
    return handle.run('states.save', () => {
      if (!writes.every(({ fold, expected }) => sameCheckpoint(checkpoints.get(fold), expected))) return 'stale'
      for (const { fold, checkpoint, puts, removes } of writes) {
        for (const key of removes) states.delete([fold, key])
        for (const saved of puts) states.set([fold, saved.key], saved)
        checkpoints.set(fold, checkpoint)
      }
      return 'saved'
    })
  },

  due: (fold, limit) =>
    handle.run('states.due', () => {
      const due = valuesOf(states.entries({ lower: [fold], upper: [fold, []] }))
        .filter(hasTimer)
        .sort((a, b) => compareKeys(a.dueAt, b.dueAt))
      return handle.copy({ checkpoint: checkpoints.get(fold), states: due.slice(0, limit) })
    }),

  drop: (fold) =>
    handle.run('states.drop', () => {
      for (const { key } of states.entries({ lower: [fold], upper: [fold, []] })) states.delete(key)
      checkpoints.delete(fold)
    }),
})

const segments = (handle: MemoryHandle, data: LogData): SegmentStore => ({
  catalogue: () => handle.run('segments.catalogue', () => handle.copy(data.catalogue)),

  blocks: (keys) =>
    handle.run('segments.blocks', () => handle.copy(keys.map(({ index, run, block }) => data.segments.get([index, run, block])))),

  async save(given) {
    // A view is copied with the whole buffer under it.
    const puts = given.puts.map((put) => ({ ...put, bytes: put.bytes.slice() }))
    const { expected, checkpoint, catalogue, removes } = handle.copy({ ...given, puts: [] })
    return handle.run('segments.save', () => {
      if (!sameCheckpoint(data.catalogue.checkpoint, expected)) return 'stale'
      for (const { index, run } of removes) {
        for (const { key } of data.segments.entries({ lower: [index, run], upper: [index, run, []] })) data.segments.delete(key)
      }
      for (const { index, run, block, bytes } of puts) data.segments.set([index, run, block], bytes)
      data.catalogue = { checkpoint, value: catalogue }
      return 'saved'
    })
  },
})

const meta = (handle: MemoryHandle, { meta }: LogData): MetaStore => ({
  get: (key) => handle.run('meta.get', () => handle.copy(meta.get(key))),

  entries: (prefix) =>
    handle.run('meta.entries', () => {
      const under = meta.entries().filter(({ key }) => (key as string).startsWith(prefix))
      return new Map(under.map(({ key, value }) => [key as string, handle.copy(value)]))
    }),

  update: <T>(key: string, change: (value: T | undefined) => T | undefined) =>
    handle.run('meta.update', () => {
      const before = handle.copy(meta.get(key)) as T | undefined
      const after = change(before)
      if (after === undefined) meta.delete(key)
      else if (after !== before) meta.set(key, handle.copy(after))
      return after
    }),
})

const hasTimer = (state: SavedState): state is SavedState & { readonly dueAt: number } => isKey(state.dueAt)

const valuesOf = <V>(entries: readonly { readonly value: V }[]): V[] => entries.map(({ value }) => value)
