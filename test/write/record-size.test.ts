import { aggregate, domain } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { message, openEngine } from '../support/engine.ts'

import { serialize } from 'node:v8'
test('no record grows beyond what Chromium takes as one value (133,169,152 bytes)', async () => {
  const photo = aggregate('photo', {
    state: z.object({}),
    events: { added: z.object({ data: z.string() }) },
    commands: { add: z.object({ data: z.string() }) },
    create: { added: () => ({}) },
    evolve: {},
    decide: { add: (_s, p, { emit }) => emit.added(p) },
  })
  const storage = createMemoryStorage()
  const sizes: number[] = []
  const openLog = storage.openLog.bind(storage)
  const spied = {
    ...storage,
    async openLog(name: string) {
      const log = await openLog(name)
      const append = log.events.append.bind(log.events)
      return Object.assign(log, {
        events: {
          ...log.events,
          append: (records: never, durability: never) => {
            for (const record of records as unknown[]) sizes.push(serialize(record).byteLength)
            return append(records, durability)
          },
        },
      })
    },
  }
  const engine = await openEngine(spied as never, { domain: domain('d', { aggregates: [photo] }) })
  await Promise.all(
    engine.dispatch(Array.from({ length: 128 }, (_, i) => message('photo.add', `p${i}`, { data: `${i}`.repeat(1).padEnd(550_000, 'x') }))),
  )
  expect(Math.max(...sizes)).toBeLessThan(133_169_152) // 140 MB: in Chromium all 128 fail, each of which would do alone
}, 60_000)
