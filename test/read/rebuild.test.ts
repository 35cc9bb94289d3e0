import { expect, test, vi } from 'vitest'
import type { AnyDomain } from '../../src/domain/infer.ts'
import { domain, readModel } from 'outpost'
import { z } from 'zod'
import type { Pause } from '../../src/storage/memory/faults.ts'
import { stockItem } from '../fixtures/stock.ts'
import { from } from './queries.ts'
import { picked, received, registered, type StockRow } from './stock-events.ts'
import { Tab, soon, turns, until, watchAll, World } from './world.ts'

/** @param step what one received unit counts: the versions differ in it */
const listOf = (version: number, step: number, onRegistered: (name: string) => void = () => {}) =>
  readModel('list', {
    version,
    from: [stockItem],
    row: z.object({ sku: z.string(), onHand: z.number() }),
    key: 'sku',
    indexes: ['onHand'],
    on: {
      'stockItem.registered': ({ aggregateId, data }, rows) => {
        onRegistered(data.name)
        rows.put({ sku: aggregateId, onHand: 0 })
      },
      'stockItem.received': ({ aggregateId, data }, rows) =>
        rows.update(aggregateId, (row) => ({ ...row, onHand: row.onHand + step * data.quantity })),
      'stockItem.picked': ({ aggregateId, data }, rows) =>
        rows.update(aggregateId, (row) => ({ ...row, onHand: row.onHand - step * data.quantity })),
    },
  })
const stockOf = (list: ReturnType<typeof listOf>): AnyDomain => domain('stock', { aggregates: [stockItem], readModels: [list] })
const first = stockOf(listOf(1, 1))
const second = stockOf(listOf(2, 100))

const all = from(listOf(1, 1)).description
const rows = (tab: Tab): Promise<readonly Pick<StockRow, 'sku' | 'onHand'>[]> => tab.ask(all)
const list = (tab: Tab) => tab.status('list')
const isLive = (tab: Tab) => (): boolean => list(tab).state === 'live' && list(tab).lag === 0
const databases = async (world: World): Promise<readonly string[]> =>
  [...(await world.storage.list('app.space.ann.read.'))].map((name) => name.slice('app.space.ann.read.'.length)).sort()

/** A log of so many records, each with a new item of 1 unit, its rows stored. */
async function filled(world: World, records: number, in_: AnyDomain = first): Promise<Tab> {
  const tab = await world.tab(in_)
  for (let i = 0; i < records; i++) await tab.append(registered(`s${i}`), received(`s${i}`, 1))
  await tab.side.flush()
  return tab
}

test('on an empty log a Read Model is live at once', async () => {
  const tab = await new World().tab(first)
  expect(await tab.side.run(all, 0, 1_000)).toEqual({ data: [], position: 0, stale: false })
  expect(list(tab)).toMatchObject({ state: 'live' })
})

test('a log whose last record holds no Events is built to its end, and the thread let go of meanwhile', async () => {
  const world = new World()
  await (await world.tab(domain('stock', { aggregates: [stockItem] }))).append() // a refused Command leaves such a record
  // A loop that awaits nothing but promises starves every timer, also that of the test: it is ended by how often it looks.
  let looks = 0
  const { exclusive } = world.environment
  const ending = (signal: AbortSignal): AbortSignal =>
    Object.defineProperty(AbortSignal.any([signal]), 'aborted', { get: () => ++looks > 10_000 || signal.aborted })
  Object.assign(world.environment, {
    exclusive: ((name, work, signal) => exclusive(name, (held) => work(ending(held)), signal)) satisfies typeof exclusive,
  })
  let isStored = false
  await world.tab(first, ({ faults }) => void faults.pause('rows.save').reached.then(() => (isStored = true)))
  await until(() => isStored)
  expect(looks).toBeLessThan(1_000)
})

test('a new version is built beside the old one, which answers meanwhile, marked stale, and is then replaced', async () => {
  const world = new World()
  await (await filled(world, 3)).close()
  const tab = await world.tab(second)
  const pause = tab.storage.faults.pause({ operation: 'rows.save', database: '@2#1' })
  const { frames, watched, last } = await watchAll<{ onHand: number }[]>(tab, all)
  await pause.reached
  expect(await tab.side.run(all, 0, 1_000)).toMatchObject({ data: [{ onHand: 1 }, { onHand: 1 }, { onHand: 1 }], stale: true, position: 6 })
  expect(watched.snapshot.stale).toBe(true)
  expect(list(tab)).toMatchObject({ state: 'rebuilding', version: 2, rebuild: { position: 6, target: 6, eventsRead: 6 } })
  pause.release()
  await until(isLive(tab))
  await until(() => !watched.snapshot.stale)
  expect(last().map(({ onHand }) => onHand)).toEqual([100, 100, 100])
  expect(await tab.side.run(all, 0, 1_000)).toMatchObject({ stale: false, data: [{ onHand: 100 }, { onHand: 100 }, { onHand: 100 }] })
  expect(frames.map((frame) => frame.map(({ onHand }) => onHand))).toEqual([
    [1, 1, 1],
    [100, 100, 100],
  ])
})

test('where the rows of the old version look different, the half-built ones answer, marked stale', async () => {
  const world = new World()
  await (await filled(world, 3)).close()
  const other = readModel('list', {
    version: 2,
    from: [stockItem],
    row: z.object({ sku: z.string(), name: z.string() }),
    key: 'sku',
    ignores: ['stockItem.received', 'stockItem.picked'],
    on: { 'stockItem.registered': ({ aggregateId, data }, rows) => rows.put({ sku: aggregateId, name: data.name }) },
  })
  const tab = await world.tab(domain('stock', { aggregates: [stockItem], readModels: [other] }))
  const pause = tab.storage.faults.pause({ operation: 'rows.save', database: '@2#1' })
  await pause.reached
  expect(await tab.side.run(all, 0, 1_000)).toMatchObject({ stale: true, data: [{ name: 's0' }, { name: 's1' }, { name: 's2' }] })
  pause.release()
  await until(isLive(tab))
  expect(await tab.side.run(all, 0, 1_000)).toMatchObject({ stale: false })
})

test('writes are recorded and read while a new version is built', async () => {
  const world = new World()
  const old = await filled(world, 3)
  const tab = await world.tab(second)
  const pause = tab.storage.faults.pause({ operation: 'rows.save', database: '@2#1' })
  await pause.reached
  await tab.append(registered('later'), received('later', 2))
  await old.hear()
  expect(await rows(old)).toContainEqual({ sku: 'later', onHand: 2 })
  pause.release()
  await until(isLive(tab))
  expect(await rows(tab)).toContainEqual({ sku: 'later', onHand: 200 })
})

test("as long as Commands come a build takes short turns: a few records of many Events, then the others' time", async () => {
  const world = new World()
  const old = await world.tab(first)
  for (let record = 0; record < 20; record++) {
    const items = Array.from({ length: 1_000 }, (_, i) => registered(`s${record}-${i}`))
    await old.append(...items)
  }
  await old.side.flush()
  await old.close()
  let folded = 0
  const slow = listOf(2, 1, () => {
    folded++
    world.clock.now += 0.01
  })
  const pulls = vi.spyOn(Tab.prototype, 'records')
  const tab = await world.tab(stockOf(slow))
  tab.isBusy = true
  await until(() => folded === 2_000)
  await turns(50)
  expect(folded).toBe(2_000)
  await world.clock.advance(16)
  await until(() => folded === 4_000)
  await turns(50)
  expect(folded).toBe(4_000)
  tab.isBusy = false
  await world.clock.advance(100)
  await until(() => folded === 20_000)
  expect(Math.max(...pulls.mock.calls.slice(1).map(([, limit]) => limit))).toBe(2)
  pulls.mockRestore()
  await world.clock.advance(16_000)
  await until(isLive(tab))
})

test('an old tab keeps its version', async () => {
  const world = new World()
  const old = await filled(world, 2)
  const tab = await world.tab(second)
  await until(isLive(tab))
  await world.clock.advance(60_000)
  await old.append(picked('s0', 1))
  await tab.hear()
  expect(await rows(old)).toEqual([
    { sku: 's0', onHand: 0 },
    { sku: 's1', onHand: 1 },
  ])
  expect(await rows(tab)).toEqual([
    { sku: 's0', onHand: 0 },
    { sku: 's1', onHand: 100 },
  ])
  expect(await databases(world)).toEqual(['list@1#1', 'list@2#1'])
})

test('the rows of a version are deleted when no tab of a build that declares it is open', async () => {
  const world = new World()
  const old = await filled(world, 2)
  await world.clock.advance(20_000) // by then it has said which versions it declares
  const tab = await world.tab(second)
  await until(isLive(tab))
  await world.clock.advance(60_000)
  expect(await databases(world)).toEqual(['list@1#1', 'list@2#1'])
  await old.close()
  await turns(20)
  expect(await databases(world)).toEqual(['list@2#1'])
  await tab.close()
  const back = await world.tab(first)
  await until(isLive(back))
  expect(await databases(world)).toEqual(['list@1#2', 'list@2#1'])
})

test('a rebuild killed half-way goes on from its checkpoint: it reads only the Events that were not stored', async () => {
  const world = new World()
  const tab = await world.tab(first)
  for (let i = 0; i < 10; i++) await tab.append(...Array.from({ length: 1_000 }, (_, j) => registered(`${i}-${j}`)))
  await tab.side.flush()
  await tab.close()

  let seen = 0
  const killed = await world.tab(stockOf(listOf(2, 1, () => seen++)))
  const save = killed.storage.faults.pause({ operation: 'rows.save', database: '@2#1' }, 'after')
  await save.reached // what was folded first is stored; the rest never will be
  const folded = seen
  await killed.close()
  save.release()
  expect(folded).toBeGreaterThan(0)

  let seenAgain = 0
  const next = await world.tab(stockOf(listOf(2, 1, () => seenAgain++)))
  const eventsRead: number[] = []
  next.stateChanged$.subscribe(() => {
    const [status] = next.side.status()
    if (status?.rebuild) eventsRead.push(status.rebuild.eventsRead)
  })
  await until(isLive(next))
  expect(seenAgain).toBeLessThan(10_000)
  expect(seenAgain).toBeGreaterThanOrEqual(10_000 - folded)
  expect(Math.max(...eventsRead)).toBeLessThanOrEqual(seenAgain)
  expect(await next.ask<number>(from(listOf(2, 1)).count().description)).toBe(10_000)
})

test('one tab builds at a time; the other takes over what it built', async () => {
  const world = new World()
  await (await filled(world, 50)).close()
  let seen = 0
  const counted = stockOf(listOf(2, 100, () => seen++))
  const tabs = [await world.tab(counted), await world.tab(counted)] as const
  for (const tab of tabs) await until(isLive(tab))
  expect(seen).toBe(50)
  for (const tab of tabs) expect((await rows(tab))[0]).toEqual({ sku: 's0', onHand: 100 })
})

test('when the tab that builds is closed, another goes on', async () => {
  const world = new World()
  await (await filled(world, 50)).close()
  const a = await world.tab(second)
  const pause = a.storage.faults.pause({ operation: 'rows.save', database: '@2#1' })
  await pause.reached
  const b = await world.tab(second)
  await turns(10)
  expect(list(b)).toMatchObject({ state: 'rebuilding' })
  await a.close()
  pause.release()
  await until(isLive(b))
  expect((await rows(b))[0]).toEqual({ sku: 's0', onHand: 100 })
})

test('closed while rows are being opened, it leaves none of them open', async () => {
  const world = new World()
  await (await filled(world, 3)).close()
  let open = 0
  let opening!: Pause
  const tab = await world.tab(first, (storage) => {
    opening = storage.faults.pause({ operation: 'rows.checkpoint', database: '@1#1' })
    const openReadStore = storage.openReadStore.bind(storage)
    vi.spyOn(storage, 'openReadStore').mockImplementation(async (...name) => {
      const store = await openReadStore(...name)
      open++
      const close = store.close.bind(store)
      return Object.assign(store, {
        close() {
          open--
          close()
        },
      })
    })
  })
  await opening.reached
  expect(open).toBe(1)
  await tab.close()
  opening.release()
  await turns(10)
  expect(open).toBe(0)
})

test('`rebuild` builds the same version anew; meanwhile it is live, and all tabs of the build go over to the new rows', async () => {
  const world = new World()
  const tab = await filled(world, 3)
  const other = await world.tab(first)
  const watchedHere = await watchAll<{ onHand: number }[]>(tab, all)
  const watchedThere = await watchAll<{ onHand: number }[]>(other, all)
  const pause = tab.storage.faults.pause({ operation: 'rows.save', database: '@1#2' })
  await tab.side.rebuild('list')
  expect(list(tab)).toMatchObject({ state: 'rebuilding' })
  await pause.reached
  await tab.append(received('s0', 4))
  await other.hear()
  expect(await tab.side.run(all, 7, 1_000)).toMatchObject({ stale: false, position: 7 })
  await until(() => watchedHere.last()[0]?.onHand === 5 && watchedThere.last()[0]?.onHand === 5)
  pause.release()
  await until(isLive(tab))
  expect(await databases(world)).toEqual(['list@1#2'])
  await tab.append(received('s1', 6))
  await other.hear()
  await until(() => watchedHere.last()[1]?.onHand === 7 && watchedThere.last()[1]?.onHand === 7)
  expect(list(other)).toMatchObject({ state: 'live', lag: 0 })
  for (const { frames, watched } of [watchedHere, watchedThere]) {
    expect(frames.map((frame) => frame.map(({ onHand }) => onHand))).toEqual([
      [1, 1, 1],
      [5, 1, 1],
      [5, 7, 1],
    ])
    expect(watched.snapshot.stale).toBe(false)
  }
})

test('an answer that was read from rows that were replaced meanwhile is read again', async () => {
  const world = new World()
  const tab = await filled(world, 3)
  const pause = tab.storage.faults.pause({ operation: 'rows.scan', database: '@1#1' }, 'after')
  const asked = tab.side.run(all, 0, 1_000)
  await pause.reached
  await tab.side.rebuild('list')
  await until(isLive(tab))
  await tab.append(received('s0', 4))
  await world.clock.advance(soon)
  pause.release()
  expect(await asked).toMatchObject({ position: 7, data: [{ onHand: 5 }, { onHand: 1 }, { onHand: 1 }] })
})

test('the pointer is durable, strictly, before the old rows are deleted', async () => {
  const world = new World()
  const tab = await filled(world, 3)
  const order: string[] = []
  const { update } = tab.meta
  Object.assign(tab.meta, {
    update: async (...[key, change, durability]: Parameters<typeof update>) => {
      const value = await update(key, change, durability)
      if (key.startsWith('read.')) order.push(`${key} ${durability ?? 'relaxed'}`)
      return value
    },
  })
  const { destroy } = tab.storage
  Object.assign(tab.storage, {
    destroy: (name: string) => {
      order.push(`destroy ${name}`)
      return destroy(name)
    },
  })
  await tab.side.rebuild('list')
  await until(() => order.some((entry) => entry.startsWith('destroy')))
  expect(order).toEqual(['read.list@1 relaxed', 'read.list@1 strict', 'destroy app.space.ann.read.list@1#1'])
  await tab.close()
})

test('rows deleted under a tab are built again', async () => {
  const world = new World()
  const tab = await filled(world, 3)
  const { frames } = await watchAll<unknown[]>(tab, all)
  await world.storage.destroy('app.space.ann.read.list@1#1')
  await tab.append(received('s0', 1))
  await until(isLive(tab))
  expect((await rows(tab))[0]).toEqual({ sku: 's0', onHand: 2 })
  await until(() => (frames.at(-1)?.[0] as { onHand?: number } | undefined)?.onHand === 2)
})

test('rows deleted while no tab was open are built again', async () => {
  const world = new World()
  const tab = await filled(world, 3)
  await tab.side.rebuild('list')
  await until(isLive(tab))
  await tab.close()
  await world.storage.destroy('app.space.ann.read.list@1#2')
  const again = await world.tab(first)
  await until(isLive(again))
  expect(await rows(again)).toHaveLength(3)
  expect(await databases(world)).toEqual(['list@1#3'])
})

test('a build that stops at an Event keeps the old rows, and goes on when the Event passes', async () => {
  const world = new World()
  await (await filled(world, 3)).close()
  let isMended = false
  const flaky = listOf(2, 100, (name) => {
    if (name === 's1' && !isMended) throw new Error('not this one')
  })
  const tab = await world.tab(stockOf(flaky))
  await until(() => list(tab).state === 'parked')
  expect(list(tab)).toMatchObject({ parked: { position: 3, error: 'not this one' }, rebuild: { position: 2 } })
  expect(await tab.side.run(all, 0, 1_000)).toMatchObject({ stale: true, data: [{ onHand: 1 }, { onHand: 1 }, { onHand: 1 }] })
  isMended = true
  await tab.side.retry('list')
  await until(isLive(tab))
  expect((await rows(tab)).map(({ onHand }) => onHand)).toEqual([100, 100, 100])
})

test('where the rows that were replaced cannot be deleted, the new ones are followed all the same', async () => {
  const world = new World()
  const tab = await filled(world, 2)
  tab.storage.faults.fail('destroy', 'UnknownError')
  await tab.side.rebuild('list')
  await world.clock.advance(5_000)
  await until(isLive(tab))
  expect(await databases(world)).toEqual(['list@1#1', 'list@1#2'])
  await tab.append(received('s0', 1))
  expect((await rows(tab))[0]).toEqual({ sku: 's0', onHand: 2 })
  expect(list(tab)).toMatchObject({ state: 'live', lag: 0 })
})

test('what a tab could not delete when it died is deleted later', async () => {
  const world = new World()
  const tab = await filled(world, 2)
  const pause = tab.storage.faults.pause('destroy')
  await tab.side.rebuild('list')
  await pause.reached // it is swapped, and dies
  await tab.close()
  const next = await world.tab(first)
  await until(isLive(next))
  expect(await databases(world)).toEqual(['list@1#1', 'list@1#2'])
  await world.clock.advance(60_000)
  expect(await databases(world)).toEqual(['list@1#2'])
})

test('rows of another shape under the same version are not mixed: the start that finds them builds anew', async () => {
  const world = new World()
  const old = await filled(world, 2)
  const changed = readModel('list', {
    version: 1,
    from: [stockItem],
    row: z.object({ sku: z.string(), name: z.string() }),
    key: 'sku',
    ignores: ['stockItem.received', 'stockItem.picked'],
    on: { 'stockItem.registered': ({ aggregateId, data }, rows) => rows.put({ sku: aggregateId, name: data.name }) },
  })
  const tab = await world.tab(domain('stock', { aggregates: [stockItem], readModels: [changed] }))
  await until(isLive(tab))
  expect(await tab.ask(all)).toEqual([
    { sku: 's0', name: 's0' },
    { sku: 's1', name: 's1' },
  ])
  await turns(20)
  await expect(rows(old)).rejects.toMatchObject({ code: 'outdated', message: expect.stringContaining('raise `version`') })
})

test('status of a Read Model that cannot be opened says why, and it is tried again', async () => {
  const world = new World()
  const tab = await filled(world, 1)
  await tab.close()
  const again = await world.tab(first, (storage) => storage.faults.fail('openReadStore', 'UnknownError', 2))
  await expect(again.ask(all)).rejects.toMatchObject({ code: 'storage-failed' })
  expect(list(again).problem).toContain('A fault of this test')
  await world.clock.advance(5_000)
  expect(await rows(again)).toHaveLength(1)
  expect(list(again)).not.toHaveProperty('problem')
})
