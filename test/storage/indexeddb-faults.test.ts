import { describe, expect, test, vi } from 'vitest'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { resultOf } from '../../src/storage/indexeddb/request.ts'
import { checkpointOf, LOG_FORMAT, type LogRecord } from '../../src/storage/record.ts'
import { commitsThenDies, connectionClosing, createFaultyBrowser, dies, isFullAtCommit } from './faulty-indexed-db.ts'

const record = (number: number, id = `record ${number}`): LogRecord => ({
  number,
  id,
  format: LOG_FORMAT,
  kind: 'commit',
  at: 0,
  position: number,
  commands: [],
  events: [],
})

const rowsOf = (number: number, id: unknown) => ({
  expected: number === 1 ? undefined : checkpointOf(record(number - 1)),
  checkpoint: checkpointOf(record(number)),
  puts: [{ id, number }],
  removes: [],
})

async function openLog() {
  const browser = createFaultyBrowser()
  const storage = createIndexedDbStorage(browser)
  const log = await storage.openLog('log')
  const closed = vi.fn<(reason: string) => void>()
  log.onClosed = closed
  await log.events.append([record(1)], 'relaxed')
  return { browser, storage, log, closed }
}

describe('a connection that the browser lost', () => {
  test('is opened again, for reads and for writes that had not begun', async () => {
    const { browser, log, closed } = await openLog()
    browser.onTransaction('records', connectionClosing)
    expect(await log.events.last()).toEqual(record(1))
    browser.onTransaction('records', connectionClosing, 2)
    expect(await log.events.append([record(2)], 'relaxed')).toBe('appended')
    expect(await log.events.read(0, 10)).toEqual([record(1), record(2)])
    expect(browser.opened('log')).toBe(4)
    expect(closed).not.toHaveBeenCalled()
  })

  test('repeats a read whose transaction died', async () => {
    const { browser, log } = await openLog()
    for (const errorName of ['UnknownError', 'AbortError']) {
      browser.onTransaction('records', dies(errorName))
      expect(await log.events.get([1])).toEqual([record(1)])
    }
    expect(browser.opened('log')).toBe(3)
  })

  test('is tried three more times, then the read fails with the cause, and the next one starts afresh', async () => {
    const { browser, log } = await openLog()
    browser.onTransaction('records', dies('UnknownError'), 4)
    await expect(log.events.last()).rejects.toMatchObject({ code: 'storage-failed', cause: { name: 'UnknownError' } })
    expect(browser.opened('log')).toBe(4)
    expect(await log.events.last()).toEqual(record(1))
    expect(browser.opened('log')).toBe(5)
  })

  test('is opened once for all calls that wait for it', async () => {
    const { browser, log } = await openLog()
    browser.onTransaction('records', dies('UnknownError'), 2)
    browser.onTransaction('records', connectionClosing)
    const answers = await Promise.all([log.events.get([1]), log.events.get([1]), log.events.append([record(2)], 'relaxed')])
    expect(answers).toEqual([[record(1)], [record(1)], 'appended'])
    expect(browser.opened('log')).toBe(2)
  })

  test('is opened again when the browser says that it closed it', async () => {
    const { browser, log, closed } = await openLog()
    browser.closeAll()
    await vi.waitFor(() => expect(browser.opened('log')).toBe(2))
    expect(await log.events.append([record(2)], 'relaxed')).toBe('appended')
    expect(closed).not.toHaveBeenCalled()
  })

  test('ends the handle where it cannot be opened again', async () => {
    const { browser, log, closed } = await openLog()
    browser.onTransaction('records', connectionClosing)
    browser.onOpening(new DOMException('Internal error opening backing store for indexedDB.open.', 'UnknownError'), Infinity)
    await expect(log.events.last()).rejects.toMatchObject({ code: 'storage-failed' })
    expect(closed).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('backing store'))
    await expect(log.events.append([record(2)], 'relaxed')).rejects.toMatchObject({ code: 'closed' })
  })

  test('lets close() end a call that waits for the next try', async () => {
    const { browser, log, closed } = await openLog()
    browser.onTransaction('records', dies('UnknownError'), 3)
    const reading = log.events.last()
    await vi.waitFor(() => expect(browser.opened('log')).toBe(2))
    log.close()
    await expect(reading).rejects.toMatchObject({ code: 'closed' })
    expect(closed).not.toHaveBeenCalled()
  })
})

describe('a write whose transaction died without an answer', () => {
  test('is in doubt and not repeated: here it had not committed', async () => {
    const { browser, log } = await openLog()
    browser.onTransaction('records', dies('UnknownError'))
    const appending = log.events.append([record(2)], 'relaxed')
    await expect(appending).rejects.toMatchObject({ code: 'storage-failed', details: { inDoubt: true } })
    expect(await log.events.last()).toEqual(record(1))
    expect(await log.events.append([record(2, 'again')], 'relaxed')).toBe('appended')
  })

  test('is in doubt and not repeated: here it had committed', async () => {
    const { browser, log } = await openLog()
    browser.onTransaction('records', commitsThenDies)
    const appending = log.events.append([record(2)], 'relaxed')
    await expect(appending).rejects.toMatchObject({ code: 'storage-failed', details: { inDoubt: true }, cause: { name: 'UnknownError' } })
    expect(await log.events.last()).toEqual(record(2))
    expect(await log.events.append([record(2, 'again')], 'relaxed')).toBe('conflict')
  })

  test('is in doubt also for meta data, which is counted once', async () => {
    const { browser, log } = await openLog()
    browser.onTransaction('meta', commitsThenDies)
    const count = () => log.meta.update<number>('count', (value = 0) => value + 1)
    await expect(count()).rejects.toMatchObject({ details: { inDoubt: true } })
    expect(await log.meta.get('count')).toBe(1)
    expect(await count()).toBe(2)
  })
})

describe('a full disk', () => {
  test('is storage-full although every request succeeded, and nothing is written', async () => {
    const { browser, log } = await openLog()
    browser.onTransaction('records', isFullAtCommit)
    const appending = log.events.append([record(2), record(3)], 'relaxed')
    await expect(appending).rejects.toMatchObject({ code: 'storage-full', cause: { name: 'QuotaExceededError' } })
    await expect(appending).rejects.not.toHaveProperty('details.inDoubt')
    expect(await log.events.read(0, 10)).toEqual([record(1)])
    expect(await log.events.append([record(2)], 'relaxed')).toBe('appended')
    expect(browser.opened('log')).toBe(1)
  })

  test('leaves rows and their checkpoint as they were', async () => {
    const { browser, storage } = await openLog()
    const store = await storage.openReadStore('read', { key: 'id', indexes: [] })
    await store.save(rowsOf(1, 'a'))
    browser.onTransaction('rows', isFullAtCommit)
    await expect(store.save(rowsOf(2, 'b'))).rejects.toMatchObject({ code: 'storage-full' })
    expect(await store.scan({})).toEqual({ checkpoint: checkpointOf(record(1)), rows: [{ id: 'a', number: 1 }] })
  })

  test('at opening is storage-full', async () => {
    const browser = createFaultyBrowser()
    browser.onOpening(new DOMException('No space left', 'QuotaExceededError'), 1)
    const storage = createIndexedDbStorage(browser)
    await expect(storage.openLog('log')).rejects.toMatchObject({ code: 'storage-full' })
    await expect(storage.openLog('log')).resolves.toBeDefined()
  })
})

describe('a database that is gone when its connection is opened again', () => {
  test('closes the handle, and is not made anew', async () => {
    const { browser, storage, log, closed } = await openLog()
    browser.evict()
    browser.closeAll()
    await vi.waitFor(() => expect(closed).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('was deleted')))
    await expect(log.events.append([record(2)], 'relaxed')).rejects.toMatchObject({ code: 'closed' })
    expect(await storage.list('')).toEqual([])
  })

  test('closes the handle also where another tab made one of that name since', async () => {
    const { browser, storage, log, closed } = await openLog()
    browser.evict()
    const anew = await storage.openLog('log')
    browser.onTransaction('records', connectionClosing)
    await expect(log.events.append([record(2)], 'relaxed')).rejects.toMatchObject({ code: 'closed' })
    expect(closed).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('made anew'))
    expect(await anew.events.last()).toBeUndefined()
  })
})

describe('opening', () => {
  test('is tried again where the backing store could not be opened', async () => {
    const browser = createFaultyBrowser()
    browser.onOpening(new DOMException('Internal error opening backing store for indexedDB.open.', 'UnknownError'), 5)
    await expect(createIndexedDbStorage(browser).openLog('log')).resolves.toBeDefined()
    expect(browser.opened('log') + browser.opened('log.saved')).toBe(7)
  })

  test('fails with its cause where it stays in vain', async () => {
    const browser = createFaultyBrowser()
    browser.onOpening(new DOMException('Internal error opening backing store for indexedDB.open.', 'UnknownError'), Infinity)
    await expect(createIndexedDbStorage(browser).openLog('log')).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('Opening "log"'),
    })
  })

  test('says so where IndexedDB does not answer, and lets go of what opens later', async () => {
    const browser = createFaultyBrowser()
    const open = browser.indexedDB.open.bind(browser.indexedDB)
    let answer: ((opened: IDBDatabase) => void) | undefined
    const opened = new Promise<IDBDatabase>((resolve) => (answer = resolve))
    let tellLate = () => {}
    // Everything happens, but that it did is told only later.
    browser.indexedDB.open = (name, version) => {
      const request = open(name, version)
      if (name !== 'log') return request
      const told = {} as { -readonly [Member in keyof IDBOpenDBRequest]: IDBOpenDBRequest[Member] }
      request.onupgradeneeded = (event) => {
        Object.assign(told, { result: request.result, transaction: request.transaction })
        told.onupgradeneeded?.call(request, event)
      }
      request.onsuccess = (event) => {
        tellLate = () => told.onsuccess?.call(request, event)
        answer?.(request.result)
      }
      return told
    }
    const storage = createIndexedDbStorage({ ...browser, openTimeoutMs: 20 })
    await expect(storage.openLog('log')).rejects.toMatchObject({ code: 'storage-failed', message: expect.stringContaining('no answer') })
    const native = await opened
    const close = vi.spyOn(native, 'close')
    tellLate()
    await vi.waitFor(() => expect(close).toHaveBeenCalled())
  })

  test('says so where a tab with an older version does not close', async () => {
    const { indexedDB, IDBKeyRange } = createFaultyBrowser()
    const older = await nativelyOpen(indexedDB, 'log', 5)
    const storage = createIndexedDbStorage({ indexedDB, IDBKeyRange, openTimeoutMs: 20 })
    await expect(storage.openLog('log')).rejects.toMatchObject({ code: 'storage-failed', message: expect.stringContaining('another tab') })
    older.close()
  })

  test('refuses what a newer build made, and leaves it as it is', async () => {
    const { indexedDB, IDBKeyRange } = createFaultyBrowser()
    const newer = await nativelyOpen(indexedDB, 'log', 20)
    newer.close()
    await expect(createIndexedDbStorage({ indexedDB, IDBKeyRange }).openLog('log')).rejects.toMatchObject({ code: 'storage-newer' })
    expect(await indexedDB.databases()).toEqual([{ name: 'log', version: 20 }])
  })

  test('refuses a read store that was made with another key', async () => {
    const { storage } = await openLog()
    await storage.openReadStore('read', { key: 'id', indexes: [] })
    await expect(storage.openReadStore('read', { key: 'sku', indexes: [] })).rejects.toMatchObject({ code: 'storage-failed' })
  })

  test('is impossible without IndexedDB', () => {
    expect(() => createIndexedDbStorage()).toThrow(expect.objectContaining({ code: 'unsupported', details: { missing: 'indexedDB' } }))
  })
})

describe('another tab', () => {
  test('that upgrades the database closes the handle', async () => {
    const { browser, log, closed } = await openLog()
    const upgraded = await nativelyOpen(browser.indexedDB, 'log', 20)
    expect(closed).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('newer build'))
    await expect(log.events.last()).rejects.toMatchObject({ code: 'closed' })
    upgraded.close()
  })

  test.each([
    ['deletes', (indexedDB: IDBFactory, name: string) => resultOf(indexedDB.deleteDatabase(name))],
    ['upgrades', (indexedDB: IDBFactory, name: string) => nativelyOpen(indexedDB, name, 30).then((upgraded) => upgraded.close())],
  ] as const)('that %s a database while it is opened is not blocked', async (_, change) => {
    for (const name of ['log', 'log.saved']) {
      const { browser, storage, log } = await openLog()
      log.close()
      let changing: Promise<unknown> | undefined
      browser.onTransaction(
        'system',
        (begin) => {
          const reading = begin()
          // What the opening reads is answered behind these, and the change has come by then.
          for (let behind = 0; behind < 50; behind++) reading.objectStore('system').count()
          if (reading.db.name === name) changing ??= change(browser.indexedDB, name)
          return reading
        },
        2,
      )
      await expect(storage.openLog('log')).rejects.toMatchObject({ code: 'closed' })
      await changing
    }
  })

  test('that does not let go of a database makes its deletion fail in time, and happen later', async () => {
    const { indexedDB, IDBKeyRange } = createFaultyBrowser()
    const deaf = await nativelyOpen(indexedDB, 'log', 10)
    const storage = createIndexedDbStorage({ indexedDB, IDBKeyRange, openTimeoutMs: 20 })
    await expect(storage.destroy('log')).rejects.toMatchObject({ code: 'storage-failed', message: expect.stringContaining('other tabs') })
    deaf.close()
    await vi.waitFor(async () => expect(await storage.list('log')).toEqual([]))
  })
})

test('no two writes of a database are under way at once, because any two have a store in common', async () => {
  const { browser, storage, log } = await openLog()
  const store = await storage.openReadStore('read', { key: 'id', indexes: [['number']] })
  const checkpoint = checkpointOf(record(1))
  await Promise.all([
    log.events.append([record(2)], 'relaxed'),
    log.events.append([record(3)], 'relaxed', new Map([['other', 1]])),
    log.meta.update('some', () => 1),
    log.states.save([{ fold: 'item', expected: undefined, checkpoint, puts: [], removes: [] }]),
    log.segments.save({ expected: undefined, checkpoint, catalogue: {}, puts: [], removes: [] }),
    log.states.drop('item'),
    store.save(rowsOf(1, 'a')),
  ])
  const { writes } = browser
  const begun = new Set(writes.map(({ database }) => database))
  expect([...begun].sort()).toEqual(['log', 'log.saved', 'read'])
  const apart = writes.filter((a) => writes.some((b) => a.database === b.database && !a.stores.some((store) => b.stores.includes(store))))
  expect(apart).toEqual([])
})

describe('a value that IndexedDB cannot store', () => {
  test('fails the whole write, which is not in doubt', async () => {
    const { log, browser } = await openLog()
    const uncloneable = { ...record(3), commands: [() => {}] } as unknown as LogRecord
    const appending = log.events.append([record(2), uncloneable], 'relaxed')
    await expect(appending).rejects.toMatchObject({ code: 'storage-failed', cause: { name: 'DataCloneError' } })
    await expect(appending).rejects.not.toHaveProperty('details.inDoubt')
    expect(await log.events.last()).toEqual(record(1))
    expect(browser.opened('log')).toBe(1)
  })

  test('is also a row without its key', async () => {
    const { storage } = await openLog()
    const store = await storage.openReadStore('read', { key: 'id', indexes: [] })
    await expect(store.save(rowsOf(1, true))).rejects.toMatchObject({ code: 'storage-failed', cause: { name: 'DataError' } })
    expect(await store.scan({})).toEqual({ checkpoint: undefined, rows: [] })
  })
})

const nativelyOpen = (indexedDB: IDBFactory, name: string, version: number): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error as DOMException)
  })
