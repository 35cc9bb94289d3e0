/**
 * Hazards 1 to 10 again, with sync on: the tail is made void under tabs that stand in its middle. Each test ends with all devices
 * and tabs equal, and every Command ended once (`checkHalls`).
 */
import { afterEach, expect, test } from 'vitest'
import { checkHalls, Hall } from './support/hall.ts'

afterEach(checkHalls)

/** The first device gives in its tail, another one comes before it, and the first one's second tab misses it all. */
async function rebaseUnderAFrozenTab(): Promise<Hall> {
  const made = await Hall.open()
  const { simulation } = made
  await made.cut(0)
  await made.pick(0, 1)
  await made.pick(0, 2, 1)
  await simulation.step({ do: 'freezeTab', device: 0, tab: 1 })
  await made.pick(0, 3)
  await made.pick(1, 4)
  await simulation.run(5000)
  await made.join(0)
  return made
}

test('hazard 1, freed key: what a tab appends that stood in the middle of a tail made void is kept, and seen by all', async () => {
  const made = await rebaseUnderAFrozenTab()
  expect(made.simulation.seen.get('apply')).toBeGreaterThan(0)
  await made.simulation.step({ do: 'showTab', device: 0, tab: 1 })
  expect(await made.pick(0, 1, 1)).toMatchObject({ ok: true })
  await made.simulation.settle()
  expect([await made.bolts(0), await made.bolts(1)]).toEqual([1, 1])
  const numbers = made.simulation.device(0).transactions(0).flat()
  expect(numbers.map(({ number }) => number)).toEqual(numbers.map((_, i) => i + 1))
})

test('hazard 2, record without Events: refusals, no-ops and confirmations stand one after another at the same position', async () => {
  const made = await Hall.open()
  for (let i = 0; i < 3; i++) {
    expect(await made.pick(0, 100)).toMatchObject({ ok: false, refusal: 'outOfStock' })
    expect(await made.give(0, 'register', 'bolt', { name: 'again' })).toMatchObject({ ok: true })
    await made.simulation.settle()
  }
  const records = made.simulation.device(0).transactions(0).flat()
  expect(records.filter(({ sync }) => sync?.step === 'confirmed').length).toBeGreaterThanOrEqual(3)
  expect(new Set(records.slice(-6).map(({ position }) => position)).size).toBe(1)
})

test.each(['append', 'apply'] as const)(
  'hazard 3, append in doubt: a transaction (%s) whose answer was lost is not done again',
  async (at) => {
    const made = await Hall.open()
    await made.cut(0)
    await made.pick(0, 1)
    await made.pick(1, 2)
    for (const tab of [0, 1]) await made.simulation.step({ do: 'failStorage', device: 0, tab, point: { at, strike: 'inDoubt' } })
    expect(await made.pick(0, 3)).toMatchObject({ ok: true })
    await made.join(0)
    expect(made.simulation.seen.get(`inDoubt ${at}`)).toBe(1)
    await made.simulation.settle()
    expect(await made.bolts(1)).toBe(6)
  },
)

test('hazard 3: a worker that died after its commit is asked again, and answers from the log', async () => {
  const made = await Hall.open()
  await made.simulation.step({ do: 'crashTab', device: 0, tab: 0, point: { at: 'append', strike: 'after' } })
  expect(await made.pick(0, 1)).toMatchObject({ ok: true })
  expect(made.simulation.seen.get('after append')).toBe(1)
  await made.simulation.settle()
  expect(await made.bolts(1)).toBe(11)
})

test('hazard 4, receipt of a voided Command: a consequence whose id was in the void tail is brought about again', async () => {
  const made = await Hall.open()
  await made.cut(0)
  await made.pick(0, 8) // below the point at which more is ordered
  expect(await made.simulation.rows(0, 'purchaseOrderList')).toHaveLength(1)
  await made.pick(1, 1)
  await made.simulation.run(5000)
  await made.join(0)
  expect(await made.simulation.rows(0, 'purchaseOrderList')).toHaveLength(1)
  await made.simulation.settle()
  expect(await made.simulation.rows(1, 'purchaseOrderList')).toHaveLength(1)
  expect(made.countOf('purchaseOrder.opened')).toBe(1)
})

test('hazard 5, old id: given again after it was confirmed and much else came, it is answered from the log and sent nowhere', async () => {
  const made = await Hall.open()
  const first = await made.give(0, 'receive', 'bolt', { quantity: 1 }, 0, 'an old id')
  for (let i = 0; i < 20; i++) await made.receive(1, 1)
  await made.simulation.settle()
  const before = made.simulation.serverRecords.length
  expect(await made.give(0, 'receive', 'bolt', { quantity: 1 }, 1, 'an old id')).toMatchObject({ ok: true, commandId: first.commandId })
  await made.simulation.settle()
  expect(made.simulation.serverRecords).toHaveLength(before)
  expect(await made.bolts(0)).toBe(33)
})

test('hazards 6 and 7, stale flush and future row: a tab that slept over rebase and flush counts nothing twice', async () => {
  const made = await rebaseUnderAFrozenTab()
  await made.simulation.run(60_000) // the other one has written rows and states by now
  expect(made.simulation.seen.get('saveRows')).toBeGreaterThan(0)
  await made.simulation.step({ do: 'showTab', device: 0, tab: 1 })
  await made.simulation.run(60_000)
  expect(await made.bolts(0, 1)).toBe(2)
})

test('hazard 8, late state: a tab that slept over a rebase decides on what is true now', async () => {
  const made = await rebaseUnderAFrozenTab()
  await made.simulation.step({ do: 'showTab', device: 0, tab: 1 })
  expect(await made.pick(0, 3, 1)).toMatchObject({ ok: false, refusal: 'outOfStock', details: { onHand: 2 } })
  expect(await made.pick(0, 2, 1)).toMatchObject({ ok: true })
})

test('hazard 9, power loss: rows and states that are ahead of the log are made anew, and what had reached the server comes back', async () => {
  const made = await Hall.open()
  await made.pick(0, 1)
  await made.simulation.run(60_000)
  await made.simulation.step({ do: 'crashDevice', device: 0, lose: 3, downMs: 1000 })
  expect(made.simulation.seen.get('power loss')).toBe(1)
  await made.simulation.settle()
  expect(await made.bolts(0)).toBe(11)
  expect(await made.pick(0, 11)).toMatchObject({ ok: true })
})
