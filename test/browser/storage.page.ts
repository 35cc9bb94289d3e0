/** What the page of storage.test.ts offers to it. */
import { isOutpostError } from '../../src/errors.ts'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { LOG_FORMAT, type LogRecord } from '../../src/storage/record.ts'
import type { LogStorage } from '../../src/storage/storage.ts'
import { storageContract } from '../../src/testing/storage-contract.ts'

const storage = createIndexedDbStorage()
const logs = new Map<string, { readonly log: LogStorage; readonly closed: Promise<string> }>()

const record = (number: number, id: string, payload?: unknown): LogRecord => ({
  number,
  id,
  format: LOG_FORMAT,
  kind: 'commit',
  at: 0,
  position: number,
  commands: [{ id, type: 'sample.command', schema: 1, payload, at: 0, correlationId: id, outcome: { ok: true } }],
  events: [],
})

const logOf = (name: string) => {
  const opened = logs.get(name)
  if (!opened) throw new Error(`${name} is not open`)
  return opened
}

/** Errors as data: Playwright keeps only their message. */
const codeOf = async (work: Promise<unknown>) => {
  try {
    return await work
  } catch (error) {
    if (isOutpostError(error)) return { code: error.code, cause: error.cause instanceof Error ? error.cause.name : undefined }
    throw error
  }
}

const api = {
  async runCase(name: string) {
    const found = storageContract.find((one) => one.name === name)
    if (!found) throw new Error(`There is no case "${name}"`)
    await found.run(() => createIndexedDbStorage())
  },

  async open(name: string) {
    const log = await storage.openLog(name)
    logs.set(name, { log, closed: new Promise((resolve) => (log.onClosed = resolve)) })
  },
  /** Why a log was closed, once it is. */
  closed: (name: string) => logOf(name).closed,
  destroy: (name: string) => storage.destroy(name),
  list: (prefix: string) => storage.list(prefix),

  append: (name: string, number: number, id: string) => codeOf(logOf(name).log.events.append([record(number, id)], 'relaxed')),
  last: (name: string) =>
    codeOf(
      logOf(name)
        .log.events.last()
        .then((last) => last?.number ?? 0),
    ),
  ids: async (name: string) => (await logOf(name).log.events.read(0, 100_000)).map(({ number, id }) => [number, id] as const),

  /** Appends records one after another, each at the number that is free, and counts each in the meta data. */
  async race(name: string, page: string, records: number) {
    const { events, meta } = logOf(name).log
    let conflicts = 0
    let head = 0
    for (let i = 0; i < records; i++) {
      while ((await events.append([record(head + 1, `${page}/${i}`)], 'relaxed')) === 'conflict') {
        conflicts++
        head = (await events.last())?.number ?? 0
      }
      head++
      await meta.update<number>('count', (count = 0) => count + 1)
    }
    return conflicts
  },
  count: (name: string) => logOf(name).log.meta.get('count'),

  /** Appends records of `bytes` random bytes until one fails; gives how many were taken, and what ended it. */
  async fill(name: string, bytes: number, atMost: number) {
    const { events } = logOf(name).log
    for (let number = 1; number <= atMost; number++) {
      const noise = new Uint8Array(bytes)
      for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536))
      const outcome = await codeOf(events.append([record(number, `record ${number}`, noise)], 'relaxed'))
      if (outcome !== 'appended') return { appended: number - 1, outcome }
    }
    return { appended: atMost, outcome: 'appended' }
  },
}

export type StoragePage = typeof api
declare global {
  var storagePage: StoragePage
}
globalThis.storagePage = api
