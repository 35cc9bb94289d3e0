import { OutpostError } from '../../errors.ts'
import type { Storage } from '../storage.ts'
import { createFaults, type MemoryFaults } from './faults.ts'
import { MemoryHandle } from './memory-handle.ts'
import { createMemoryLog, emptyLog, type LogData } from './memory-log.ts'
import { createMemoryReadStore, emptyReadStore, type ReadData } from './memory-read-store.ts'

export interface MemoryStorage extends Storage {
  /** What shall go wrong, here alone and not in other tabs. */
  readonly faults: MemoryFaults
  /** Another storage on the same data with faults of its own: another tab of the same browser. */
  tab(): MemoryStorage
  /** Takes the last records from a log and leaves everything else, as losing power may after `relaxed` writes. */
  powerLoss(log: string, records: number): void
}

type Data = { readonly kind: 'log'; readonly log: LogData } | { readonly kind: 'read'; readonly read: ReadData }

interface MemoryDatabase {
  readonly data: Data
  readonly handles: Set<MemoryHandle>
}

/** The {@link Storage} without a disk: every guarantee of the port but durability. The reference to read, and for tests. */
export const createMemoryStorage = (): MemoryStorage => tabOn(new Map())

function tabOn(databases: Map<string, MemoryDatabase>): MemoryStorage {
  const { faults, interfere } = createFaults()

  const open = (name: string, data: () => Data): { data: Data; handle: MemoryHandle } => {
    const database = databases.get(name) ?? { data: data(), handles: new Set() }
    databases.set(name, database)
    const handle = new MemoryHandle(name, interfere)
    database.handles.add(handle)
    return { data: database.data, handle }
  }
  /** Opening, listing and deleting go the way of every operation, on a handle that is never closed. */
  const once = <T>(operation: 'openLog' | 'openReadStore' | 'list' | 'destroy', name: string, body: () => T): Promise<T> =>
    new MemoryHandle(name, interfere).run(operation, body)

  return {
    faults,
    tab: () => tabOn(databases),

    openLog: (name) =>
      once('openLog', name, () => {
        const { data, handle } = open(name, () => ({ kind: 'log', log: emptyLog() }))
        if (data.kind !== 'log') throw otherKind(name)
        return createMemoryLog(handle, data.log)
      }),

    openReadStore: (name, schema) =>
      once('openReadStore', name, () => {
        const { data, handle } = open(name, () => ({ kind: 'read', read: emptyReadStore(schema) }))
        if (data.kind !== 'read' || data.read.key !== schema.key) throw otherKind(name)
        return createMemoryReadStore(handle, data.read, schema)
      }),

    list: (prefix) => once('list', prefix, () => [...databases.keys()].filter((name) => name.startsWith(prefix))),

    destroy: (name) =>
      once('destroy', name, () => {
        const database = databases.get(name)
        databases.delete(name)
        for (const handle of database?.handles ?? []) handle.end(`"${name}" was deleted`)
      }),

    powerLoss(name, records) {
      const data = databases.get(name)?.data
      if (data?.kind !== 'log') throw new RangeError(`There is no log "${name}"`)
      const all = data.log.records.entries()
      for (const { key } of all.slice(Math.max(0, all.length - records))) data.log.records.delete(key)
    },
  }
}

const otherKind = (name: string): OutpostError =>
  new OutpostError('storage-failed', `"${name}" was made with another key: give the new schema a new name.`, { database: name })
