/** How many Commands share a record of the log. */
import { aggregate, domain } from 'outpost'
import { serialize } from 'node:v8'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { message, openEngine } from '../support/engine.ts'

/** Chromium stores no value that takes more when serialized. */
const CHROMIUM_LIMIT = 133_169_152

test('no record of many large Commands is larger than Chromium can store, which takes each of them alone', async () => {
  const photo = aggregate('photo', {
    state: z.object({}),
    events: { added: z.object({ pixels: z.string() }) },
    commands: { add: z.object({ pixels: z.string() }) },
    create: { added: () => ({}) },
    evolve: {},
    decide: { add: (_, payload, { emit }) => emit.added(payload) },
  })
  const storage = createMemoryStorage()
  const engine = await openEngine(storage, { domain: domain('album', { aggregates: [photo] }) })
  // Each is kept twice, in its Command and in its Event: 140 MB, given at once.
  const photos = Array.from({ length: 128 }, (_, n) => message('photo.add', `p${n}`, { pixels: `${n}`.padEnd(550_000, 'x') }))
  const outcomes = await Promise.all(engine.dispatch(photos))
  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(128)
  const { events } = await storage.tab().openLog('album.hall-7.ann.log')
  const sizes = (await events.read(0, 1_000)).map((record) => serialize(record).byteLength)
  expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(CHROMIUM_LIMIT)
  expect(Math.max(...sizes)).toBeLessThan(CHROMIUM_LIMIT)
})
