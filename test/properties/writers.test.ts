/**
 * Random Commands from several writers on one log, with faults of storage and restarts in between. What must hold is
 * checked by a fold written here, which shares nothing with the domain's `evolve`.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Outcome } from '../../src/domain/infer.ts'
import type { RecordedEvent } from '../../src/domain/recorded-event.ts'
import type { MemoryFaults, MemoryOperation, Pause } from '../../src/storage/memory/faults.ts'
import { createMemoryStorage, type MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock, settle, type TestClock } from '../support/clock.ts'
import { allEvents, createRoles, give, openEngine } from '../support/engine.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

const item = fc.constantFrom('a', 'b', 'c')
const operation = fc.constantFrom<MemoryOperation>(
  'events.append',
  'events.read',
  'states.save',
  'states.load',
  'states.due',
  'segments.save',
  'segments.blocks',
  'rows.save',
  'rows.load',
  'meta.update',
)
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('receive' as const), item, quantity: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pick' as const), item, quantity: fc.integer({ min: 1, max: 9 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('order' as const),
      id: fc.integer({ min: 0, max: 20 }),
      lines: fc.dictionary(item, fc.integer({ min: 1, max: 5 }), { minKeys: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), id: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 6000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), gently: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('doubt' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('full' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('look' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), operation }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('hold' as const), operation, when: fc.constantFrom('before' as const, 'after' as const) }),
  },
)
const schedule = fc.array(fc.record({ writer: fc.nat({ max: 2 }), together: fc.boolean(), step }), { minLength: 10, maxLength: 60 })

/** The independent fold: stock, orders and open purchase orders from nothing but the Events. */
function check(events: readonly RecordedEvent[]): Record<string, { version: number; onHand: number }> {
  const stock: Record<string, { version: number; onHand: number }> = {}
  const versions = new Map<string, number>()
  const ids = new Set<string>()
  const openOrders = new Map<string, number>()
  events.forEach((event, index) => {
    expect(event.position).toBe(index + 1)
    expect(ids.has(event.id)).toBe(false)
    ids.add(event.id)
    const [aggregate = '', name = ''] = event.type.split('.')
    const stream = `${aggregate}/${event.aggregateId}`
    expect(event.version).toBe((versions.get(stream) ?? 0) + 1)
    versions.set(stream, event.version)
    const data = event.data as { quantity?: number; sku?: string }
    if (aggregate === 'stockItem') {
      const now = stock[event.aggregateId]?.onHand ?? 0
      const onHand = name === 'registered' ? 0 : name === 'received' ? now + (data.quantity ?? 0) : now - (data.quantity ?? 0)
      expect(onHand).toBeGreaterThanOrEqual(0)
      stock[event.aggregateId] = { version: event.version, onHand }
    }
    if (event.type === 'purchaseOrder.opened') {
      openOrders.set(data.sku ?? '', (openOrders.get(data.sku ?? '') ?? 0) + 1)
      expect(openOrders.get(data.sku ?? '')).toBe(1)
    }
  })
  // An order is picked whole or not at all: the lines of each placed one follow it in the same Command.
  for (const placed of events.filter(({ type }) => type === 'order.placed')) {
    const lines = (placed.data as { lines: Record<string, number> }).lines
    const picked = events.filter(({ commandId, type }) => commandId === placed.commandId && type === 'stockItem.picked')
    expect(Object.fromEntries(picked.map(({ aggregateId, data }) => [aggregateId, (data as { quantity: number }).quantity]))).toEqual(lines)
  }
  return stock
}

async function run(steps: typeof schedule extends fc.Arbitrary<infer S> ? S : never): Promise<{ conflicts: number; faults: number }> {
  const shared = createMemoryStorage()
  const clock: TestClock = createTestClock()
  const roles = createRoles()
  const tabs: MemoryStorage[] = [shared.tab(), shared.tab(), shared.tab()]
  const engines: Engine[] = []
  for (const tab of tabs) engines.push(await openEngine(tab, { clock, roles }))
  for (const sku of ['a', 'b', 'c']) await give(engines[0] as Engine, 'stockItem.register', sku, { name: sku }, { id: `register-${sku}` })
  const given: { type: string; aggregateId: string | undefined; payload: unknown; id: string }[] = []
  const acknowledged = new Map<string, Outcome>()
  let faults = 0
  let pending: Promise<unknown>[] = []
  let held: Pause[] = []
  const armed: (() => void)[] = []
  const arm = (writer: number, fault: (faulty: MemoryFaults) => () => void): unknown =>
    armed.push(fault((tabs[writer] as MemoryStorage).faults))
  const settled = async (): Promise<void> => {
    for (const pause of held) pause.release()
    held = []
    let isDone = false
    const all = Promise.all(pending).then(() => (isDone = true))
    // Some wait for what is tried again later.
    for (let tries = 0; tries < 100 && !isDone; tries++) await (tries === 0 ? settle(3) : clock.advance(1000))
    await all
    pending = []
  }

  const send = (writer: number, type: string, aggregateId: string | undefined, payload: unknown, id = `c-${given.length}`): void => {
    given.push({ type, aggregateId, payload, id })
    pending.push(
      give(engines[writer] as Engine, type, aggregateId, payload, { id }).then(
        (outcome) => {
          const before = acknowledged.get(id)
          if (before) expect(outcome).toEqual(before)
          acknowledged.set(id, outcome)
        },
        () => faults++,
      ),
    )
  }
  for (const { writer, together, step: what } of steps) {
    if (what.kind === 'receive' || what.kind === 'pick') send(writer, `stockItem.${what.kind}`, what.item, { quantity: what.quantity })
    else if (what.kind === 'order') send(writer, 'fulfilment.placeOrder', undefined, { orderId: `o-${what.id}`, lines: what.lines })
    else if (what.kind === 'cancel') send(writer, 'order.cancel', `o-${what.id}`, {})
    else if (what.kind === 'again') {
      const old = given[what.which % Math.max(1, given.length)]
      if (old) send(writer, old.type, old.aggregateId, old.payload, old.id)
    } else if (what.kind === 'wait') await clock.advance(what.ms)
    else if (what.kind === 'doubt') arm(writer, (faulty) => faulty.failInDoubt('events.append'))
    else if (what.kind === 'full') arm(writer, (faulty) => faulty.fail('events.append', 'QuotaExceededError'))
    else if (what.kind === 'fail') arm(writer, (faulty) => faulty.fail(what.operation, 'UnknownError'))
    else if (what.kind === 'hold') held.push((tabs[writer] as MemoryStorage).faults.pause(what.operation, what.when))
    else if (what.kind === 'look') pending.push((engines[writer] as Engine).catchUp().catch(() => faults++))
    else {
      await settled()
      if (what.gently) await engines[writer]?.close()
      tabs[writer] = shared.tab()
      engines[writer] = await openEngine(tabs[writer], { clock, roles })
    }
    if (!together) await settled()
  }
  await settled()
  for (const lift of armed) lift()
  await Promise.all(engines.map((engine) => engine.catchUp()))
  // What failed is tried again, later and later.
  await clock.advance(120_000)

  const [first] = engines as [Engine, ...Engine[]]
  const events = await allEvents(first)
  const stock = check(events)
  for (const engine of engines) {
    expect(await allEvents(engine)).toEqual(events)
    for (const [sku, { version, onHand }] of Object.entries(stock))
      expect(await engine.load('stockItem', sku)).toMatchObject({ version, state: { onHand } })
    const list = await engine.run(
      { kind: 'rows', model: 'stockList', where: {}, filter: {}, orderBy: [], result: 'all' },
      engine.position,
      1000,
    )
    expect(list.data).toEqual(Object.entries(stock).map(([sku, { onHand }]) => ({ sku, name: sku, onHand })))
  }
  // Whatever was acknowledged stands in the log, once, and is answered the same by a tab that opens now.
  const late = await openEngine(shared.tab(), { clock, roles })
  for (const [id, outcome] of acknowledged) {
    const { type, aggregateId, payload } = given.find((command) => command.id === id) as (typeof given)[number]
    expect(await give(late, type, aggregateId, payload, { id })).toEqual(outcome)
    if (outcome.ok)
      expect(
        events
          .filter(({ commandId }) => commandId === id)
          .map(({ type: t, aggregateId: a, version }) => ({ type: t, aggregateId: a, version })),
      ).toEqual(outcome.events)
  }
  expect(late.position).toBe(first.position)
  const conflicts = new Set(events.map(({ commandId }) => commandId)).size
  await Promise.all([...engines, late].map((engine) => engine.close()))
  return { conflicts, faults }
}

test('several writers, faults and restarts: every invariant holds, nothing acknowledged is lost or doubled', async () => {
  const runs = Number(process.env['PROPERTY_RUNS'] ?? 150)
  let faults = 0
  await fc.assert(
    fc.asyncProperty(schedule, async (steps) => {
      faults += (await run(steps)).faults
    }),
    {
      numRuns: runs,
      endOnFailure: process.env['PROPERTY_SHRINK'] === undefined,
      ...(process.env['PROPERTY_SEED'] ? { seed: Number(process.env['PROPERTY_SEED']) } : {}),
    },
  )
  expect(faults).toBeGreaterThan(0)
}, 600_000)
