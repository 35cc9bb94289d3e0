import { aggregate, domain, event } from 'outpost'
import { past } from 'outpost/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockItem } from '../fixtures/stock.ts'
import { allEvents, give, message, openEngine } from '../support/engine.ts'

const build = (v: 1 | 2) => {
  const thing = aggregate('thing', {
    state: z.object({}),
    events: {
      made: (v === 1
        ? z.object({})
        : event(z.object({ k: z.string() }), { version: 2, upcast: { 1: (data: any) => ({ k: data.missing.deep }) } })) as any,
    },
    commands: { make: z.object({}) },
    create: { made: () => ({}) },
    evolve: {},
    decide: { make: (_s, _p, { emit }) => emit.made({ k: 'x' } as any) },
  })
  return domain('d', { aggregates: [thing, stockItem] })
}

test('an upcaster that throws on one Event leaves Commands of other Aggregates working after a start', async () => {
  const disk = createMemoryStorage()
  const first = await openEngine(disk.tab(), { domain: build(1) })
  await give(first, 'thing.make', 'x', {}) // and the tab dies before it saves states
  const second = await openEngine(disk.tab(), { domain: build(2) })
  const outcome: any = await give(second, 'stockItem.register', 'other', { name: 'a' }).catch((error: unknown) => error)
  expect(outcome.ok).toBe(true) // every Command fails with a bare TypeError that names no Event
})

test('an upcaster that throws on what another tab wrote does not make this tab write wrong versions', async () => {
  const disk = createMemoryStorage()
  const old = await openEngine(disk.tab(), { domain: build(1) })
  await give(old, 'stockItem.register', 'sku', { name: 'a' })
  const two = await openEngine(disk.tab(), { domain: build(2) })
  await give(two, 'stockItem.receive', 'sku', { quantity: 1 })
  await old.catchUp()
  await Promise.all(old.dispatch([message('thing.make', 'x', {}), message('stockItem.receive', 'sku', { quantity: 10 })]))
  await give(two, 'stockItem.receive', 'sku', { quantity: 1 }).catch(() => 0)
  await give(two, 'stockItem.receive', 'sku', { quantity: 1 }).catch(() => 0)
  await old.catchUp()
  const versions = (await allEvents(old)).filter(({ aggregateId }) => aggregateId === 'sku').map(({ version }) => version)
  expect(new Set(versions).size).toBe(versions.length) // is [1, 2, 3, 3]: the head moved past a record that was not folded
})
