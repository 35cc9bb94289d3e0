import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/domain/recorded-event.ts'
import type { Status } from '../../src/engine/status.ts'
import type { CommandTrace } from '../../src/engine/trace.ts'
import type { OutpostError } from '../../src/errors.ts'
import { soleTab, type TabsListener } from '../../src/worker/tabs.ts'
import { FakeStorage } from '../channel/fake-engine.ts'
import { type Realm, type RealmOptions, startRealm } from '../channel/realm.ts'
import { turns } from '../channel/turns.ts'

let realm: Realm
const start = (options?: RealmOptions): Realm => (realm = startRealm(options))
afterEach(() => realm.app.close())

const record = (count = 1): void => {
  for (let i = 0; i < count; i++) realm.storage.record({ id: `c${realm.storage.events.length}`, type: 'x' })
  realm.worker.engine.recorded$.next({ position: realm.storage.events.length, own: true })
}
const listen = (after?: number): number[] => {
  const positions: number[] = []
  realm.app.events$(after === undefined ? {} : { after }).subscribe(({ position }) => positions.push(position))
  return positions
}
const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe('recorded Events', () => {
  test('are replayed from a position, then told as they come, each once and in order', async () => {
    start()
    record(1234)
    const [all, rest] = [listen(0), listen(1000)]
    await turns(20)
    expect(all).toEqual(upTo(1234))
    expect(rest).toEqual(upTo(1234, 1001))
    record(3)
    await turns()
    expect(all).toEqual(upTo(1237))
    expect(rest).toEqual(upTo(1237, 1001))
  })

  test('are told from now on where no position is given', async () => {
    start()
    record(5)
    const positions = listen()
    const given = realm.app.commands.stockItem.pick('a', { quantity: 1 })
    await given
    await turns()
    expect(positions).toEqual([6])
  })

  test('cross a page at a time, the next one when the last was taken', async () => {
    start()
    record(2600)
    const asked: number[] = []
    const { engine } = realm.worker
    const readEvents = engine.readEvents.bind(engine)
    engine.readEvents = (after, limit) => {
      asked.push(limit)
      return readEvents(after, limit)
    }
    const positions = listen(0)
    await turns(30)
    expect(positions).toHaveLength(2600)
    expect(Math.max(...asked)).toBeLessThanOrEqual(1000)
    expect(asked.length).toBeGreaterThan(2)
  })

  test('come without gap or double, however recording, reading and the death of workers fall together', async () => {
    const step = fc.oneof(
      fc.record({ record: fc.integer({ min: 1, max: 700 }) }),
      fc.record({ turns: fc.integer({ min: 0, max: 4 }) }),
      fc.constant({ kill: true }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        start()
        record(3)
        const [all, live] = [listen(0), listen()]
        await turns(12)
        let kills = 0
        for (const one of steps) {
          if ('record' in one) record(one.record)
          else if ('turns' in one) await turns(one.turns)
          else if (kills++ < 3) {
            realm.worker.kill()
            await turns(12)
          }
        }
        record(1)
        await turns(60)
        const last = realm.storage.events.length
        expect(all).toEqual(upTo(last))
        expect(live).toEqual(upTo(last, 4))
        await realm.app.close()
      }),
      { numRuns: 40 },
    )
  })

  test('stop when nobody listens, even in the middle of a page', async () => {
    start()
    record(100)
    const seen: number[] = []
    const listening = realm.app.events$({ after: 0 }).subscribe(({ position }) => {
      seen.push(position)
      if (position === 10) listening.unsubscribe()
    })
    await turns(20)
    record(5)
    await turns()
    expect(seen).toEqual(upTo(10))
    expect(realm.worker.engine.recorded$.observed).toBe(true) // by the host, for other tabs
    expect(realm.worker.messagesOf('unsubscribe')).toHaveLength(1)
  })

  test('end with an error where the log was replaced by another', async () => {
    start()
    record(3)
    const codes: string[] = []
    realm.app.events$({ after: 0 }).subscribe({ error: ({ code }: OutpostError) => codes.push(code) })
    await turns()
    realm.storage.epoch = 'epoch-2'
    realm.worker.kill()
    await turns()
    expect(codes).toEqual(['closed'])
  })

  test('that cannot be read end with the error', async () => {
    start()
    await realm.app.aggregates.order.load('a')
    realm.worker.engine.readEvents = async () => {
      throw new RangeError('unreadable')
    }
    record(1)
    const names: string[] = []
    realm.app.events$({ after: 0 }).subscribe({ error: ({ name }: Error) => names.push(name) })
    await turns()
    expect(names).toEqual(['RangeError'])
  })
})

describe('traces', () => {
  const trace = (commandId: string) => ({ commandId, spans: [] }) as unknown as CommandTrace

  test('are taken only while somebody watches, and come complete and in order', async () => {
    start()
    await turns()
    const { engine } = realm.worker
    expect(engine.trace$.observed).toBe(false)
    const ids: string[] = []
    const watching = realm.app.trace$.subscribe(({ commandId }) => ids.push(commandId))
    await turns()
    for (let i = 0; i < 50; i++) engine.trace$.next(trace(`c${i}`))
    await turns()
    expect(ids).toEqual(Array.from({ length: 50 }, (_, i) => `c${i}`))
    watching.unsubscribe()
    await turns()
    expect(engine.trace$.observed).toBe(false)
  })
})

describe('the status', () => {
  const handler = { name: 'reorder', kind: 'processManager', state: 'live', position: 7, parked: [] } as const
  const watchStatus = (): Status[] => {
    const statuses: Status[] = []
    realm.app.status$.subscribe((status) => statuses.push(status))
    return statuses
  }

  test('is there at once, and joins what engine, tabs and page tell', async () => {
    let tabs: TabsListener | undefined
    start({ tabs: { ...soleTab, listen: (listener) => (tabs = listener) } })
    const statuses = watchStatus()
    expect(statuses[0]).toMatchObject({ worker: 'starting', position: 0, tabs: 1, storage: { state: 'ok' } })
    await turns()
    expect(statuses.at(-1)).toMatchObject({ worker: 'ready', position: 0 })
    realm.worker.engine.status$.next({ position: 7, storage: 'full', readModels: [], handlers: [] })
    tabs?.counted(3)
    await turns()
    expect(statuses.at(-1)).toEqual({
      worker: 'ready',
      position: 7,
      tabs: 3,
      storage: { persisted: undefined, usage: undefined, quota: undefined, private: undefined, state: 'full' },
      readModels: [],
      handlers: [],
    })
  })

  test('is never that of an empty log before the worker has told how its log stands', async () => {
    start({ prepare: ({ engine }) => engine.status$.next({ position: 7, storage: 'ok', readModels: [], handlers: [handler] }) })
    const [early, late] = [watchStatus(), [] as Status[]]
    // The worker may be long ready before anybody asks how it is.
    await realm.app.commands.stockItem.pick('a', { quantity: 1 })
    realm.app.status$.subscribe((status) => late.push(status))
    await turns()
    const inShort = (statuses: readonly Status[]) =>
      new Set(statuses.map(({ worker, position, handlers: { length } }) => `${worker}, ${position} Events, ${length} handlers`))
    expect([...inShort(early)]).toEqual(['starting, 0 Events, 0 handlers', 'ready, 7 Events, 1 handlers'])
    expect([...inShort(late)]).toEqual(['ready, 7 Events, 1 handlers'])
  })

  test('costs the worker nothing while nobody watches', async () => {
    start()
    const watching = realm.app.status$.subscribe()
    await turns()
    expect(realm.worker.engine.status$.observed).toBe(true)
    watching.unsubscribe()
    await turns()
    expect(realm.worker.engine.status$.observed).toBe(false)
  })

  test('is never an earlier one to who listens again', async () => {
    start()
    const first = realm.app.status$.subscribe()
    await turns()
    first.unsubscribe()
    realm.worker.engine.status$.next({ position: 7, storage: 'ok', readModels: [], handlers: [] })
    const statuses = watchStatus()
    await turns()
    expect(statuses.map(({ position }) => position)).toEqual([7])
  })

  test('tells the latest to whoever comes later', async () => {
    start()
    watchStatus()
    await turns()
    realm.worker.engine.status$.next({ position: 7, storage: 'ok', readModels: [], handlers: [] })
    await turns()
    expect(watchStatus()).toMatchObject([{ position: 7, worker: 'ready' }])
  })
})

describe('other tabs', () => {
  const withTabs = (): { listener: TabsListener; told: unknown[] } => {
    const told: unknown[] = []
    const tabs = { told, listener: undefined as unknown as TabsListener }
    start({
      tabs: {
        ...soleTab,
        listen: (listener) => (tabs.listener = listener),
        recorded: (position) => told.push(position),
        destroyed: () => told.push('destroyed'),
        close: async () => void told.push('closed'),
      },
    })
    return tabs
  }

  test('are told how far this one’s log reaches, but not what they told it', async () => {
    const { told } = withTabs()
    await realm.app.commands.stockItem.pick('a', { quantity: 1 })
    realm.worker.engine.recorded$.next({ position: 5, own: false })
    expect(told).toEqual([1])
  })

  test('are caught up with where they are ahead', async () => {
    const tabs = withTabs()
    await realm.app.commands.stockItem.pick('a', { quantity: 1 })
    const before = realm.worker.engine.catchUps
    tabs.listener.recorded(1)
    await turns()
    expect(realm.worker.engine.catchUps).toBe(before)
    for (let i = 0; i < 10; i++) tabs.listener.recorded(2)
    await turns()
    expect(realm.worker.engine.catchUps).toBe(before + 2)
  })

  test('that destroy the log close this one', async () => {
    const tabs = withTabs()
    const ends: string[] = []
    realm.app.read.stockList.watch().subscribe({ error: ({ code }: OutpostError) => ends.push(code) })
    await realm.app.commands.stockItem.pick('a', { quantity: 1 })
    tabs.listener.destroyed()
    await turns()
    expect(ends).toEqual(['closed'])
    await expect(realm.app.commands.stockItem.pick('a', { quantity: 1 })).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringContaining('Another tab'),
    })
    expect(realm.worker.engine.closed).toBe(true)
  })

  test('hear first when this one destroys it', async () => {
    const { told } = withTabs()
    const { engine } = (await realm.app.commands.stockItem.pick('a', { quantity: 1 }), realm.worker)
    engine.destroy = async () => void told.push('deleted')
    await realm.app.destroy()
    expect(told).toEqual([1, 'destroyed', 'deleted', 'closed'])
    await expect(realm.app.export().getReader().read()).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('after the log was replaced', () => {
  test('queries and watches no longer wait for positions of the old one', async () => {
    const storage = new FakeStorage()
    start({ storage })
    for (let i = 0; i < 5; i++) await realm.app.commands.stockItem.pick('a', { quantity: 1 })
    storage.epoch = 'epoch-2'
    storage.events.length = 2
    realm.worker.kill()
    await turns()
    await realm.app.read.stockList.first()
    realm.app.read.stockList.watch().subscribe()
    await turns()
    expect(realm.worker.engine.runs.map(({ after }) => after)).toEqual([2])
  })
})

describe('reads of the write side', () => {
  test('go by Aggregate and id, now, at a moment, or as a history', async () => {
    start()
    const { stockItem } = realm.app.aggregates
    expect(await stockItem.load('a')).toEqual({ state: { aggregate: 'stockItem', id: 'a' }, version: 1 })
    expect((await stockItem.loadAt('a', { version: 3 })).state).toMatchObject({ moment: { version: 3 } })
    expect((await stockItem.loadAt('a', { at: new Date(9000) })).state).toMatchObject({ moment: { at: 9000 } })
    record(2)
    expect((await stockItem.history('a')).map(({ position }: RecordedEvent) => position)).toEqual([1, 2])
  })

  test('and other calls reject with what the engine threw', async () => {
    start()
    await expect(realm.app.retry('reorder')).rejects.toMatchObject({
      code: 'unknown-handler',
      details: { handler: 'reorder' },
      cause: { name: 'RangeError' },
    })
  })
})
