/**
 * Devices that were apart, each with two tabs, and a server that decides again: whatever is given, pushed, pulled, withdrawn,
 * restarted and cut short in whatever order, all come to the server's history, and every Command ends once.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockList } from '../fixtures/stock.ts'
import { from } from '../read/queries.ts'
import { give, message } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from '../sync/two-devices.ts'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 60)
const skus = ['x', 'y'] as const

const sku = fc.constantFrom(...skus)
const quantity = fc.integer({ min: 1, max: 6 })
const tab = fc.integer({ min: 0, max: 1 })
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('give' as const),
      tab,
      sku,
      command: fc.constantFrom('register', 'receive', 'pick', 'pick'),
      quantity,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('burst' as const), tab, sku, quantities: fc.array(quantity, { minLength: 2, maxLength: 5 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('order' as const), tab, lines: fc.dictionary(sku, quantity, { minKeys: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('push' as const), tab }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pull' as const), tab, cut: fc.constantFrom(1, 2, 100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), tab }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('save' as const), tab }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), tab }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sleep' as const), tab }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const schedule = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), step), { minLength: 20, maxLength: 80 })

/** What came of the runs, so that none of it is missing without being noticed. */
const seen = { refused: 0, changed: 0, confirmed: 0, withdrawn: 0, voided: 0, conflicts: 0 }

class Pair {
  readonly storage: MemoryStorage = createMemoryStorage()
  readonly tabs: Device[] = []
  readonly durable: string[] = []
  readonly #server: SmallServer
  readonly #clientId: string
  #orders = 0

  constructor(server: SmallServer, clientId: string) {
    this.#server = server
    this.#clientId = clientId
  }

  async open(): Promise<void> {
    for (const place of [0, 1]) this.tabs[place] = await openDevice(this.#server, this.#clientId, this.storage.tab())
  }

  async step(given: Step): Promise<void> {
    const device = this.tabs[given.tab] as Device
    const { engine, sync } = device
    switch (given.kind) {
      case 'give': {
        const { command, quantity: count } = given
        const outcome = await give(
          engine,
          `stockItem.${command}`,
          given.sku,
          command === 'register' ? { name: given.sku } : { quantity: count },
        )
        if (outcome.ok) this.durable.push(outcome.commandId)
        return
      }
      case 'burst': {
        const commands = given.quantities.map((count, i) =>
          message(`stockItem.${i === 0 ? 'receive' : 'pick'}`, given.sku, { quantity: count }),
        )
        for (const outcome of await Promise.all(engine.dispatch(commands))) if (outcome.ok) this.durable.push(outcome.commandId)
        return
      }
      case 'order': {
        const orderId = `${this.#clientId} ${++this.#orders}`
        const outcome = await give(engine, 'fulfilment.placeOrder', undefined, { orderId, lines: given.lines })
        if (outcome.ok) this.durable.push(outcome.commandId)
        return
      }
      case 'push':
        return device.push()
      case 'pull':
        return this.#pull(device, given.cut)
      case 'restart':
        await engine.close()
        this.tabs[given.tab] = await openDevice(this.#server, this.#clientId, this.storage.tab())
        return
      case 'save': {
        await engine.close() // which saves
        this.tabs[given.tab] = await openDevice(this.#server, this.#clientId, this.storage.tab())
        return
      }
      case 'withdraw': {
        const last = this.durable.at(-1)
        if (last !== undefined) await sync.withdraw(last)
        return
      }
      case 'sleep':
        return engine.catchUp()
    }
  }

  async #pull(device: Device, cut: number): Promise<void> {
    try {
      await device.pull(cut)
    } catch (error) {
      // The other tab was first: it looks again next time.
      if ((error as Error).message !== 'moved') throw error
      seen.conflicts++
      await device.engine.catchUp()
    }
  }

  /** Until nothing waits any more. */
  async settle(): Promise<void> {
    const [device, other] = this.tabs as [Device, Device]
    await device.engine.catchUp()
    while (device.sync.state.pending > 0) {
      await device.push()
      await device.pull()
    }
    await device.pull()
    await other.engine.catchUp()
  }
}

/** The stock that the server's Events come to, told apart from the domain's own folds. */
async function stockOf(server: SmallServer): Promise<Record<string, number | undefined>> {
  const stock: Record<string, number | undefined> = {}
  for (const { type, aggregateId, data } of await server.engine.readEvents(0, Infinity)) {
    const count = (data as { quantity?: number }).quantity ?? 0
    if (type === 'stockItem.registered') stock[aggregateId] = 0
    if (type === 'stockItem.received') stock[aggregateId] = (stock[aggregateId] ?? 0) + count
    if (type === 'stockItem.picked') stock[aggregateId] = (stock[aggregateId] ?? 0) - count
    expect(stock[aggregateId] ?? 0).toBeGreaterThanOrEqual(0)
  }
  return stock
}

async function check(server: SmallServer, pairs: readonly Pair[]): Promise<void> {
  for (const pair of pairs) await pair.settle()
  for (const pair of pairs) await pair.settle() // what the later ones pushed
  const stock = await stockOf(server)
  const told = (await server.engine.readEvents(0, Infinity)).map(({ id, version }) => `${id} ${version}`)
  for (const pair of pairs) {
    const fresh = await openDevice(server, 'fresh look', pair.storage.tab())
    for (const { engine } of [...pair.tabs, fresh]) {
      for (const each of skus) {
        const { state } = await engine.load('stockItem', each)
        expect((state as { onHand: number } | undefined)?.onHand).toBe(stock[each])
      }
      const { data } = await engine.run(from(stockList).description, engine.position, 10_000)
      const rows = (data as { sku: string; onHand: number }[]).map(({ sku: each, onHand }) => [each, onHand])
      expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(Object.entries(stock).filter(([, count]) => count !== undefined)))
      const here = (await engine.readEvents(0, Infinity)).filter(({ type }) => !type.startsWith('$inbox.'))
      expect(here.map(({ id, version }) => `${id} ${version}`)).toEqual(told)
    }
    for (const id of pair.durable) {
      const receipt = await (pair.tabs[0] as Device).sync.receipt(id)
      if (!receipt || receipt.state === 'durable' || receipt.state === 'pushed') throw new Error(`${id} has not ended: ${receipt?.state}`)
      seen[receipt.state]++
      if (receipt.state === 'withdrawn') continue
      // Given again, whatever it says now: its receipt counts, and it is not decided anew.
      const again = await give((pair.tabs[1] as Device).engine, 'stockItem.receive', 'x', { quantity: 1_000 }, { id })
      expect(again.ok, id).toBe(receipt.state !== 'refused')
    }
    expect(pair.tabs.map(({ sync }) => sync.state.pending)).toEqual([0, 0])
    seen.voided += (pair.tabs[0] as Device).engine.inside.log.tail.voids.length
    for (const { engine } of [...pair.tabs, fresh]) await engine.close()
  }
}

test('all devices come to the history of the server, and every Command ends once', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async (steps) => {
      const server = await SmallServer.open()
      const pairs = ['a', 'b', 'c'].map((clientId) => new Pair(server, clientId))
      for (const pair of pairs) await pair.open()
      const [first] = pairs as [Pair]
      for (const each of skus) {
        await first.step({ kind: 'give', tab: 0, sku: each, command: 'register', quantity: 1 })
        await first.step({ kind: 'give', tab: 0, sku: each, command: 'receive', quantity: 6 })
      }
      for (const pair of pairs) await pair.settle()
      for (const [device, given] of steps) await (pairs[device] as Pair).step(given)
      await check(server, pairs)
    }),
    { numRuns: runs },
  )
  if (process.env['SHOW']) console.log(seen)
  for (const [what, count] of Object.entries(seen)) if (what !== 'conflicts' && what !== 'changed') expect(count, what).toBeGreaterThan(0)
})
