/** Hazards 11 to 15 and 38: what process managers, reactors and subscribers make of Events that are pulled, void and decided again. */
import { afterEach, expect, test } from 'vitest'
import type { AnyDomain } from '../../src/domain/infer.ts'
import { give } from '../support/engine.ts'
import { reorder, stock } from '../fixtures/stock.ts'
import { checkHalls, Hall } from './support/hall.ts'
import { openDevice, SmallServer } from './two-devices.ts'

afterEach(checkHalls)

test('hazard 11, pulled cause: who pulls a cause page by page does not react to it, for its consequence comes with it', async () => {
  const made = await Hall.open({ server: { limits: { pullRecords: 1 } } })
  await made.pick(0, 8)
  await made.simulation.settle()
  expect(made.countOf('purchaseOrder.opened')).toBe(1)
  const own = made.simulation.device(1).transactions(0).flat()
  expect(own.filter(({ kind }) => kind === 'commit')).toEqual([])
})

test('hazard 14, confirmed behind the checkpoint: what was given before the first sync is told once, when it is confirmed, and so is all else', async () => {
  const made = await Hall.open()
  await made.cut(0)
  await made.simulation.give(0, { type: 'fulfilment.placeOrder', payload: { orderId: 'offline', lines: { bolt: 1 } } })
  await made.simulation.run(10_000)
  expect(made.told).toEqual([]) // nobody's word yet but its own
  await made.join(0)
  await made.simulation.settle()
  expect(made.told).toHaveLength(2) // on each device
  expect(new Set(made.told).size).toBe(1)
})

test('hazards 15 and 38: an Event that was void and decided again has the same id, and is told once to who reads', async () => {
  const made = await Hall.open()
  await made.cut(0)
  const placed = await made.simulation.give(0, { type: 'fulfilment.placeOrder', payload: { orderId: 'mine', lines: { bolt: 2 } } })
  await made.receive(1, 5)
  await made.simulation.run(5000)
  await made.join(0)
  await made.simulation.settle()
  const { engine } = made.simulation.device(0).tabs[0]?.worker ?? {}
  const events = (await made.simulation.clock.until(engine?.readEvents(0, 1000) ?? Promise.resolve([]), 60_000, 'Reading')).map(
    ({ id }) => id,
  )
  expect(events.filter((id) => id.startsWith(placed.commandId))).toEqual([`${placed.commandId}.0`, `${placed.commandId}.1`])
  expect(new Set(events).size).toBe(events.length)
  expect(made.told.every((id) => id === `${placed.commandId}.0`)).toBe(true)
  expect(made.told).toHaveLength(2)
})

test('hazard 31, confirmed by half: a root whose process manager parked here is not confirmed without its consequence', async () => {
  let isBroken = false
  const picked = reorder.on['stockItem.picked'] as (typeof reorder.on)[string]
  const on: typeof reorder.on = {
    ...reorder.on,
    'stockItem.picked': {
      ...picked,
      handle(...given) {
        if (isBroken) throw new Error('A fault of this build')
        return picked.handle(...given)
      },
    },
  }
  const domain: AnyDomain = { ...stock, processManagers: new Map([['reorder', { ...reorder, on }]]) }
  const server = await SmallServer.open(domain)
  const device = await openDevice(server, 'a', undefined, { domain })
  await give(device.engine, 'stockItem.register', 'x', { name: 'x' })
  await give(device.engine, 'stockItem.receive', 'x', { quantity: 6 })
  isBroken = true
  await give(device.engine, 'stockItem.pick', 'x', { quantity: 3 })
  isBroken = false
  await device.push()
  await device.pull()
  expect((await device.engine.readEvents(0, 100)).map(({ type }) => type)).toContain('purchaseOrder.opened')
  expect(device.sync.state.pending).toBe(0)
})
