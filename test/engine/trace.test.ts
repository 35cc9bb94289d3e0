/** The way of a Command, told step by step. */
import { expect, test } from 'vitest'
import type { CommandTrace } from '../../src/engine/trace.ts'
import { steps } from '../../src/engine/trace.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { give, openEngine } from '../support/engine.ts'

async function traced(
  run: (engine: Awaited<ReturnType<typeof openEngine>>) => Promise<unknown>,
  count = 1,
  storage = createMemoryStorage(),
): Promise<readonly CommandTrace[]> {
  const engine = await openEngine(storage)
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

test('one whose id stands in the log already ends where that is found, with the outcome recorded then', async () => {
  const traces = await traced(async (engine) => {
    for (let n = 0; n < 2; n++) await give(engine, 'stockItem.receive', 'a', { quantity: 1 }, { id: 'c-1' })
  }, 2)
  const [again, first] = [...traces].sort((a, b) => a.spans.length - b.spans.length)
  expect(first?.spans).toHaveLength(11)
  expect(again).toMatchObject({ commandId: 'c-1', outcome: 'accepted', position: first?.position })
  expect(again?.spans.map(({ step }) => step)).toEqual(['request', 'command', 'commandHandler'])
})

test('one that was taken back, or that the storage refused, is told as failed', async () => {
  const storage = createMemoryStorage()
  const [refused, taken] = await traced(
    async (engine) => {
      const append = storage.faults.pause('events.append')
      storage.faults.fail('events.append', 'QuotaExceededError')
      const refusing = give(engine, 'stockItem.receive', 'a', { quantity: 1 }, { id: 'refused' }).catch(() => undefined)
      await append.reached
      const taking = give(engine, 'stockItem.receive', 'a', { quantity: 1 }, { id: 'taken', call: 1 }).catch(() => undefined)
      engine.cancel(1)
      append.release()
      await Promise.all([refusing, taking])
    },
    2,
    storage,
  ).then((traces) => [...traces].sort((a, b) => (a.commandId < b.commandId ? -1 : 1)))
  expect(refused).toMatchObject({ commandId: 'refused', outcome: 'failed', position: undefined })
  expect(taken).toMatchObject({ commandId: 'taken', outcome: 'failed', position: undefined })
})
