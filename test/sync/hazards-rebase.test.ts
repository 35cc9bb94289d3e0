/** Hazards 23 to 26, 33 and 34: a rebase beside everything else that goes on. */
import { afterEach, expect, test } from 'vitest'
import type { Step } from 'outpost/testing'
import { checkHalls, Hall } from './support/hall.ts'

afterEach(checkHalls)

test('hazard 23, starved rebase: a long one comes through while another tab writes without a pause', async () => {
  const made = await Hall.open()
  const { simulation } = made
  await made.cut(0)
  const receive = (): Promise<void> =>
    simulation.step({ do: 'give', device: 0, tab: 0, type: 'stockItem.receive', aggregateId: 'bolt', payload: { quantity: 1 } })
  for (let i = 0; i < 300; i++) await receive()
  await simulation.run(5000)
  await made.pick(1, 1)
  await simulation.run(5000)
  const before = simulation.device(0).tabs[0]?.worker?.log.state.cursor?.record ?? 0
  await simulation.step({ do: 'join', device: 0, noticed: true })
  const writer = simulation.device(0).tabs.findIndex((tab) => tab !== simulation.device(0).holder)
  for (let i = 0; i < 600; i++) {
    await simulation.step({ do: 'give', device: 0, tab: writer, type: 'stockItem.receive', aggregateId: 'bolt', payload: { quantity: 1 } })
    await simulation.run(5)
  }
  expect(simulation.device(0).tabs[0]?.worker?.log.state.cursor?.record).toBeGreaterThan(before)
  await simulation.settle()
  expect(await made.bolts(1)).toBe(12 + 900 - 1)
})

test('hazard 25, rebuild beside during a rebase: what is built anew holds nothing that was made void meanwhile', async () => {
  const made = await Hall.open()
  await made.cut(0)
  await made.pick(0, 1)
  await made.pick(0, 2)
  await made.receive(1, 7)
  await made.simulation.run(5000)
  const rebuilding = made.simulation.device(0).tabs[1]?.worker?.engine.rebuild('stockList')
  await made.simulation.step({ do: 'join', device: 0, noticed: true })
  await made.simulation.run(10_000)
  await rebuilding
  expect([await made.bolts(0), await made.bolts(0, 1)]).toEqual([16, 16])
})

test('hazard 26, mixed flush: of a row that a confirmed and a pending Command changed, what is confirmed alone is kept', async () => {
  const made = await Hall.open()
  await made.simulation.step({ do: 'link', device: 0, quality: { lost: 0, unanswered: 1 } })
  await made.pick(0, 1)
  await made.receive(1, 5)
  await made.simulation.run(120_000)
  await made.cut(0)
  await made.simulation.step({ do: 'crashDevice', device: 0, lose: 0, downMs: 100 })
  await made.simulation.run(10_000)
  const shown = await made.bolts(0)
  await made.simulation.settle()
  expect([11, 16]).toContain(shown)
  expect(await made.bolts(0)).toBe(16)
})

test('hazard 33, snapshot on a survivor: a state that was saved at a refusal’s record is not used when what stood before it is void', async () => {
  const made = await Hall.open()
  await made.cut(0)
  await made.pick(0, 5)
  expect(await made.pick(0, 8)).toMatchObject({ ok: false })
  await made.simulation.run(60_000) // states are saved
  await made.pick(1, 10)
  await made.simulation.run(5000)
  await made.join(0)
  await made.simulation.step({ do: 'crashDevice', device: 0, lose: 0, downMs: 100 })
  await made.simulation.run(10_000)
  expect(await made.pick(0, 3)).toMatchObject({ ok: false, refusal: 'outOfStock', details: { onHand: 2 } })
})

test('hazard 34, flush across the base: no tab is ever shown the server’s state without its own Commands', async () => {
  const made = await Hall.open()
  await made.cut(0)
  await made.pick(0, 1)
  await made.receive(1, 5)
  await made.simulation.run(5000)
  const steps: readonly Step[] = [
    { do: 'join', device: 0, noticed: true },
    { do: 'run', ms: 120_000 },
  ]
  await made.simulation.steps(steps)
  const shown = made.simulation.device(0).tabs.flatMap((tab) => tab.shown.flatMap(({ frames }) => frames))
  const counts = new Set(shown.map(({ rows }) => rows.find(({ sku }) => sku === 'bolt')?.['onHand']))
  expect(counts).toContain(16)
  expect([...counts].filter((count) => ![undefined, 0, 12, 11, 16].includes(count as number))).toEqual([])
})
