import { expect, test } from 'vitest'
import { simulate } from '../../src/testing/simulate.ts'
import { stock } from '../fixtures/stock.ts'

test('two devices', { timeout: 60000 }, async () => {
  const t0 = performance.now()
  const sim = await simulate({ domain: stock, devices: 2, seed: 1 })
  console.log(await sim.give(0, { type: 'stockItem.register', aggregateId: 'x', payload: { name: 'x' } }))
  console.log(await sim.give(0, { type: 'stockItem.receive', aggregateId: 'x', payload: { quantity: 5 } }))
  const settled = await sim.settle()
  console.log(sim.clock.now(), performance.now() - t0)
  console.log(await sim.rows(1, 'stockList'))
  console.log(sim.devices.map((d) => d.faults), sim.servers.faults)
  console.log(await settled.ended())
  await settled.equal()
  console.log(sim.seen, performance.now() - t0)
  await sim.close()
})
