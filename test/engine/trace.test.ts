/** The way of a Command, told step by step. */
import { expect, test } from 'vitest'
import type { CommandTrace } from '../../src/engine/trace.ts'
import { steps } from '../../src/engine/trace.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { give, openEngine } from '../support/engine.ts'

async function traced(
  run: (engine: Awaited<ReturnType<typeof openEngine>>) => Promise<unknown>,
  count = 1,
): Promise<readonly CommandTrace[]> {
  const engine = await openEngine(createMemoryStorage())
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  const traces: CommandTrace[] = []
  const enough = new Promise<void>((resolve) => {
    engine.trace$.subscribe((trace) => {
      traces.push(trace)
      if (traces.length === count) resolve()
    })
  })
  await run(engine)
  await enough
  await engine.close()
  return traces
}

test('an accepted Command goes all eleven steps, in order, each beginning after the one before', async () => {
  const requestedAt = performance.timeOrigin + performance.now()
  const [trace] = await traced((engine) =>
    give(
      engine,
      'stockItem.receive',
      'a',
      { quantity: 1 },
      { id: 'c-1', correlationId: 'walk', causationId: 'why', requestedAt, receivedAt: requestedAt + 0.1 },
    ),
  )
  expect(trace).toMatchObject({
    commandId: 'c-1',
    type: 'stockItem.receive',
    aggregateId: 'a',
    correlationId: 'walk',
    causationId: 'why',
    outcome: 'accepted',
    position: 2,
  })
  expect(trace?.spans.map(({ number, step }) => [number, step])).toEqual(steps.map((step, i) => [i + 1, step]))
  const starts = trace?.spans.map(({ startedAt }) => startedAt) ?? []
  expect(starts).toEqual([...starts].sort((a, b) => a - b))
  expect(trace?.spans[0]?.startedAt).toBeCloseTo(requestedAt, 3)
  expect(trace?.spans.every(({ durationMs }) => durationMs >= 0)).toBe(true)
})

test('a use case does so too', async () => {
  const [trace] = await traced((engine) => give(engine, 'fulfilment.placeOrder', undefined, { orderId: 'o', lines: { a: 1 } }))
  expect(trace?.spans).toHaveLength(11)
})

test('a refused one ends where its refusal is stored, a faulty one where it failed', async () => {
  const [refused] = await traced((engine) => give(engine, 'stockItem.pick', 'a', { quantity: 5 }))
  expect(refused).toMatchObject({ outcome: 'refused', position: undefined })
  expect(refused?.spans.at(-1)?.step).toBe('eventStore')
  const [failed] = await traced((engine) => give(engine, 'stockItem.pick', 'a', { quantity: 'x' }).catch(() => undefined))
  expect(failed?.outcome).toBe('failed')
  expect(failed?.spans.length).toBeLessThan(7)
})
