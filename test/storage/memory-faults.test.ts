import { expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { checkpointOf, LOG_FORMAT, type LogRecord } from '../../src/storage/record.ts'

const record = (number: number): LogRecord => ({
  number,
  id: `record ${number}`,
  format: LOG_FORMAT,
  kind: 'commit',
  at: 0,
  position: number,
  commands: [],
  events: [],
})

const rows = { expected: undefined, checkpoint: checkpointOf(record(1)), puts: [{ id: 'a' }], removes: [] }

test('an operation that shall fail does nothing, as often as told', async () => {
  const storage = createMemoryStorage()
  const { events } = await storage.openLog('log')
  storage.faults.fail('events.append', 'QuotaExceededError', 2)
  for (let i = 0; i < 2; i++) {
    await expect(events.append([record(1)], 'relaxed')).rejects.toMatchObject({
      code: 'storage-full',
      cause: { name: 'QuotaExceededError' },
    })
    expect(await events.last()).toBeUndefined()
  }
  expect(await events.append([record(1)], 'relaxed')).toBe('appended')

  storage.faults.fail('events.read', 'UnknownError')
  await expect(events.read(0, 1)).rejects.toMatchObject({ code: 'storage-failed', cause: { name: 'UnknownError' } })
})

test('a fault strikes where its database is named, until it is lifted', async () => {
  const storage = createMemoryStorage()
  const schema = { key: 'id', indexes: [] }
  const [stock, orders] = [await storage.openReadStore('read.stock@1', schema), await storage.openReadStore('read.orders@1', schema)]
  const lift = storage.faults.fail({ operation: 'rows.save', database: 'stock' }, 'QuotaExceededError', Infinity)
  await expect(stock.save(rows)).rejects.toMatchObject({ code: 'storage-full' })
  await expect(stock.save(rows)).rejects.toMatchObject({ code: 'storage-full' })
  expect(await orders.save(rows)).toBe('saved')
  lift()
  expect(await stock.save(rows)).toBe('saved')
})

test('a write in doubt is carried out although its caller is told that it failed', async () => {
  const storage = createMemoryStorage()
  const { events } = await storage.openLog('log')
  storage.faults.failInDoubt('events.append')
  await expect(events.append([record(1)], 'relaxed')).rejects.toMatchObject({ code: 'storage-failed', details: { inDoubt: true } })
  expect(await events.last()).toEqual(record(1))
})

test('an operation held before it began lets another tab come first', async () => {
  const browser = createMemoryStorage()
  const [here, there] = [browser.tab(), browser.tab()]
  const [log, other] = [await here.openLog('log'), await there.openLog('log')]
  const pause = here.faults.pause('events.append')
  const appending = log.events.append([record(1)], 'relaxed')
  await pause.reached
  expect(await other.events.append([record(1)], 'relaxed')).toBe('appended')
  pause.release()
  expect(await appending).toBe('conflict')
})

test('an operation held after it was carried out shows to others before its caller knows', async () => {
  const browser = createMemoryStorage()
  const [here, there] = [browser.tab(), browser.tab()]
  const [log, other] = [await here.openLog('log'), await there.openLog('log')]
  const pause = here.faults.pause('events.append', 'after')
  let answered = false
  const appending = log.events.append([record(1)], 'relaxed').then((outcome) => {
    answered = true
    return outcome
  })
  await pause.reached
  expect(await other.events.last()).toEqual(record(1))
  expect(answered).toBe(false)
  pause.release()
  expect(await appending).toBe('appended')
})

test('a pause that was released before anything came holds nothing', async () => {
  const storage = createMemoryStorage()
  const { meta } = await storage.openLog('log')
  storage.faults.pause('meta.update').release()
  expect(await meta.update('key', () => 1)).toBe(1)
})

test('an operation that was held while its database was deleted is refused', async () => {
  const storage = createMemoryStorage()
  const { events } = await storage.openLog('log')
  const pause = storage.faults.pause('events.append')
  const appending = events.append([record(1)], 'relaxed')
  await pause.reached
  await storage.destroy('log')
  pause.release()
  await expect(appending).rejects.toMatchObject({ code: 'closed' })
})

test('a power loss takes the last records and leaves everything else', async () => {
  const storage = createMemoryStorage()
  const log = await storage.openLog('log')
  const store = await storage.openReadStore('read', { key: 'id', indexes: [] })
  await log.events.append([record(1), record(2), record(3)], 'relaxed')
  await store.save({ ...rows, checkpoint: checkpointOf(record(3)) })
  storage.powerLoss('log', 0)
  expect(await log.events.last()).toEqual(record(3))
  storage.powerLoss('log', 2)
  expect(await log.events.read(0, 10)).toEqual([record(1)])
  expect(await store.checkpoint()).toEqual(checkpointOf(record(3)))
  expect(() => storage.powerLoss('read', 1)).toThrow(RangeError)
})
