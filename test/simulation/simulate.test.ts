/** The simulator as its users have it. */
import { randomSchedule, shrinkSchedule, simulate, type Schedule } from 'outpost/testing'
import { describe, expect, test } from 'vitest'
import { hall } from '../fixtures/hall.ts'

const pick = { type: 'stockItem.pick', aggregateId: 'bolt', payload: { quantity: 4 } }

test('the example of the guide: both take the last ones, one is refused, and all come to the same', async () => {
  const simulation = await simulate({ domain: hall(), devices: [{ name: 'phone' }, { name: 'desk', tabs: 2 }], seed: 1 })
  await simulation.give(0, { type: 'stockItem.register', aggregateId: 'bolt', payload: { name: 'Bolt' } })
  await simulation.give(0, { type: 'stockItem.receive', aggregateId: 'bolt', payload: { quantity: 5 } })
  await simulation.settle()
  await simulation.step({ do: 'cut', device: 0, noticed: true })
  const offline = await simulation.give(0, pick)
  await simulation.give(1, pick)
  await simulation.run(1000) // the desk is first
  const settled = await simulation.settle()
  await settled.equal()
  const ended = await settled.ended()
  expect(ended.get(offline.commandId)).toBe('refused')
  expect(await simulation.rows(1, 'stockList', 1)).toEqual([{ sku: 'bolt', name: 'Bolt', onHand: 1 }])
  await simulation.close()
})

describe('a schedule', () => {
  const schedule: Schedule = [
    { do: 'give', device: 0, tab: 0, type: 'stockItem.register', aggregateId: 'bolt', payload: { name: 'Bolt' } },
    { do: 'run', ms: 3000 },
    { do: 'crashTab', device: 0, tab: 0, point: { at: 'append', strike: 'after' } },
    { do: 'give', device: 0, tab: 0, type: 'stockItem.receive', aggregateId: 'bolt', payload: { quantity: 5 } },
    { do: 'crashServer', process: 0, point: { at: 'serverAppend', strike: 'after' } },
    { do: 'crashDevice', device: 1, lose: 2, downMs: 100 },
    { do: 'run', ms: 3000 },
  ]

  test('is run before the simulation is handed out, and what it breaks is counted', async () => {
    const simulation = await simulate({ domain: hall(), schedule })
    const settled = await simulation.settle()
    await settled.equal()
    expect([...(await settled.ended()).values()]).toEqual(['confirmed', 'confirmed'])
    expect(simulation.seen.get('after append')).toBe(1)
    expect(simulation.seen.get('after serverAppend')).toBe(1)
    expect(await simulation.rows(1, 'stockList')).toEqual([{ sku: 'bolt', name: 'Bolt', onHand: 5 }])
    await simulation.close()
  })

  test('follows from its seed', () => {
    const draw = (seed: number): Schedule => randomSchedule(seed, { devices: 2, command: () => pick })
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
  })

  test('is made as small as it can be and still fail', async () => {
    const needs = (kind: string, steps: Schedule): boolean => steps.some((step) => step.do === kind)
    const small = await shrinkSchedule(schedule, async (steps) => needs('crashServer', steps) && needs('crashDevice', steps))
    expect(small.map((step) => step.do)).toEqual(['crashServer', 'crashDevice'])
  })
})

test('a tab that is being closed stands still no more: nobody would be there to thaw it', async () => {
  const simulation = await simulate({ domain: hall(), devices: 1 })
  await simulation.give(0, { type: 'stockItem.register', aggregateId: 'bolt', payload: { name: 'Bolt' } })
  // Its rows are written behind: here, by its closing.
  await simulation.step({ do: 'freezeTab', device: 0, tab: 0, point: { at: 'saveRows', strike: 'freeze' } })
  await simulation.step({ do: 'closeTab', device: 0, tab: 0 })
  expect(simulation.device(0).tabs[0]?.isOpen).toBe(false)
  await simulation.close()
})

test('what does not hold is told', async () => {
  const simulation = await simulate({ domain: hall(), devices: 1 })
  await simulation.give(0, { type: 'stockItem.register', aggregateId: 'bolt', payload: { name: 'Bolt' } })
  // Given there, and by none of the devices that the simulation knows.
  const settled = await simulation.settle()
  simulation.device(0).given.clear()
  await expect(settled.ended()).rejects.toThrow('was given by nobody')
  await simulation.close()
})
