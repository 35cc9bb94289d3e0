/**
 * Whatever is given, pushed, pulled and withdrawn in two tabs of a device, and whatever others do meanwhile, workers that die
 * included: what a page makes of `events$({ tentative: true })` is the log as it is, whenever that is at rest.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/domain/recorded-event.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { Counting } from '../simulation/oracle.ts'
import { give, message } from '../support/engine.ts'
import { type Fold, quiet, Tab } from '../sync/support/follower.ts'
import { type Device, openDevice, SmallServer } from '../sync/two-devices.ts'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 40)
const skus = ['x', 'y'] as const

const tab = fc.integer({ min: 0, max: 1 })
const sku = fc.constantFrom(...skus)
const quantity = fc.integer({ min: 1, max: 6 })
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('give' as const), tab, sku, command: fc.constantFrom('receive', 'pick', 'pick'), quantity }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('burst' as const), tab, sku, count: fc.integer({ min: 2, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('order' as const), tab, lines: fc.dictionary(sku, quantity, { minKeys: 1 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('foreign' as const), sku, command: fc.constantFrom('receive', 'pick'), quantity }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('push' as const, 'withdraw' as const, 'hear' as const), tab }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pull' as const), tab, cut: fc.constantFrom(1, 2, 100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), tab }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('follow' as const), tab, share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turns' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rest' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What came of the runs, so that none of it is missing without being noticed. */
const seen = { 'tentative': 0, 'withdrawn': 0, 'confirmed': 0, 'with a tail at rest': 0, 'a worker replaced over a tail': 0 }

interface Following {
  readonly fold: Fold
  /** The confirmed Events that a plain subscriber of the same place was told. */
  readonly plain: readonly RecordedEvent[]
  readonly after: number
}

class World {
  readonly storage = createMemoryStorage()
  readonly tabs: { readonly tab: Tab; readonly following: Following[] }[] = []
  readonly #server: SmallServer
  readonly #other: Device
  readonly #given: string[] = []
  #orders = 0

  constructor(server: SmallServer, other: Device) {
    this.#server = server
    this.#other = other
  }

  async open(): Promise<void> {
    for (const _ of [0, 1]) {
      const opened = await Tab.open(() => openDevice(this.#server, 'a', this.storage.tab()))
      this.tabs.push({ tab: opened, following: [] })
    }
    for (const place of [0, 1]) this.#follow(place, 0)
  }

  #device(place: number): Device {
    return (this.tabs[place] as World['tabs'][number]).tab.device
  }

  #follow(place: number, after: number): void {
    const { tab: followed, following } = this.tabs[place] as World['tabs'][number]
    following.push({ fold: followed.follow(after), plain: followed.confirmed(after), after })
  }

  async step(given: Step): Promise<void> {
    switch (given.kind) {
      case 'give':
        return this.#give(given.tab, `stockItem.${given.command}`, given.sku, { quantity: given.quantity })
      case 'burst': {
        const { engine } = this.#device(given.tab)
        const commands = Array.from({ length: given.count }, () => message('stockItem.pick', given.sku, { quantity: 1 }))
        for (const outcome of await Promise.all(engine.dispatch(commands))) if (outcome.ok) this.#given.push(outcome.commandId)
        return
      }
      case 'order':
        return this.#give(given.tab, 'fulfilment.placeOrder', undefined, { orderId: `o ${++this.#orders}`, lines: given.lines })
      case 'foreign':
        await this.#other.pull()
        await give(this.#other.engine, `stockItem.${given.command}`, given.sku, { quantity: given.quantity })
        return this.#other.push()
      case 'push':
        return this.#device(given.tab).push()
      case 'pull':
        return this.#pull(this.#device(given.tab), given.cut)
      case 'withdraw': {
        const last = this.#given.at(-1)
        if (last !== undefined) await this.#device(given.tab).sync.withdraw(last)
        return
      }
      case 'hear':
        return this.#device(given.tab).engine.catchUp()
      case 'replace':
        if (this.#device(given.tab).sync.state.pending > 0) seen['a worker replaced over a tail']++
        return (this.tabs[given.tab] as World['tabs'][number]).tab.replaceWorker()
      case 'follow': {
        const { engine } = this.#device(given.tab)
        return this.#follow(given.tab, Math.floor(given.share * engine.confirmed))
      }
      case 'turns':
        await new Promise((resolve) => setImmediate(resolve))
        return
      case 'rest':
        return this.rest()
    }
  }

  async #give(place: number, type: string, aggregateId: string | undefined, payload: object): Promise<void> {
    const outcome = await give(this.#device(place).engine, type, aggregateId, payload)
    if (outcome.ok) this.#given.push(outcome.commandId)
  }

  async #pull(device: Device, cut: number): Promise<void> {
    try {
      await device.pull(cut)
    } catch (error) {
      // The other tab was first: it looks again next time.
      if ((error as Error).message !== 'moved') throw error
      await device.engine.catchUp()
    }
  }

  /** Nothing is on its way any more: what was told comes to what is in the log. */
  async rest(): Promise<void> {
    for (const place of [0, 1]) await this.#device(place).engine.catchUp()
    await quiet()
    const { log, decoder } = this.#device(0).engine.inside
    const records = await log.records(0, Infinity)
    const counting = new Counting()
    for (const record of records) counting.add(record)
    const { confirmed } = this.#device(0).engine
    const positions = new Map(records.flatMap((record) => decoder.decode(record).map(({ id, position }) => [id, position] as const)))
    const isOwnRemark = ({ type }: { readonly type: string }): boolean => type.startsWith('$inbox.')
    const pending = counting.pending.map(({ id, type, data }) => ({ id, type, data }))
    if (pending.length > 0) seen['with a tail at rest']++
    for (const { following } of this.tabs)
      for (const { fold, plain, after } of following) {
        for (const news of fold.told()) seen[news.split(' ')[0] as 'tentative']++
        expect(fold.confirmed, 'the order of the confirmed ones is that of who hears of them alone').toEqual(plain)
        const told = fold.confirmed.filter((event) => !isOwnRemark(event))
        expect(told.map(({ id }) => id)).toEqual(
          counting.confirmed.map(({ id }) => id).filter((id) => (positions.get(id) as number) > after),
        )
        expect(told.every(({ id, position }) => positions.get(id) === position && position <= confirmed)).toBe(true)
        const waiting = [...fold.tentative.values()].filter((event) => !isOwnRemark(event))
        expect(new Map(waiting.map(({ id, type, data }) => [id, { id, type, data }]))).toEqual(
          new Map(pending.map((each) => [each.id, each])),
        )
      }
  }

  /** Until nothing waits any more: then nothing is tentative. */
  async settle(): Promise<void> {
    const [one, two] = [this.#device(0), this.#device(1)]
    await one.engine.catchUp()
    while (one.sync.state.pending > 0) {
      await one.push()
      await one.pull()
    }
    await two.engine.catchUp()
    await this.rest()
    for (const { following } of this.tabs) for (const { fold } of following) expect([...fold.tentative.values()]).toEqual([])
  }
}

test('what a page makes of the stream is the log, whenever that is at rest', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const server = await SmallServer.open()
      const world = new World(server, await openDevice(server, 'b'))
      await world.open()
      try {
        for (const each of skus) {
          await give(world.tabs[0]?.tab.device.engine as Device['engine'], 'stockItem.register', each, { name: each })
          await world.step({ kind: 'give', tab: 0, sku: each, command: 'receive', quantity: 6 })
        }
        for (const each of steps) await world.step(each)
        await world.settle()
      } finally {
        for (const { tab: opened } of world.tabs) await opened.close()
      }
    }),
    { numRuns: runs },
  )
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0)
})
