import { aggregate, domain, event, processManager } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { give, openEngine } from '../support/engine.ts'

test('a process manager folded anew sees Events that were recorded under a former name', async () => {
  const build = (name: 'created' | 'registered', version: number) => {
    const thing: any = aggregate('thing', {
      state: z.object({}),
      events: { [name]: name === 'created' ? z.object({}) : event(z.object({}), { aliases: ['created'] }), poked: z.object({}) } as any,
      commands: { make: z.object({}), poke: z.object({}) },
      create: { [name]: () => ({}) } as any,
      evolve: { poked: (s: any) => s } as any,
      decide: { make: (_s: any, _p: any, { emit }: any) => emit[name]({}), poke: (_s: any, _p: any, { emit }: any) => emit.poked({}) },
    } as any)
    const seen: unknown[] = []
    const manager = processManager('pm', {
      version,
      state: z.object({ n: z.number() }),
      from: [thing],
      on: {
        [`thing.${name}`]: { key: (e: any) => e.aggregateId, handle: () => ({ state: { n: 1 } }) },
        'thing.poked': {
          key: (e: any) => e.aggregateId,
          handle: (s: any) => {
            seen.push(s)
            return undefined
          },
        },
      } as any,
    })
    return { seen, domain: domain('d', { aggregates: [thing], processManagers: [manager] }) }
  }
  const storage = createMemoryStorage()
  const one = await openEngine(storage, { domain: build('created', 1).domain })
  await give(one, 'thing.make', 'x', {})
  await one.close()
  const renamed = build('registered', 2)
  const two = await openEngine(storage, { domain: renamed.domain })
  await give(two, 'thing.poke', 'x', {})
  expect(renamed.seen).toEqual([{ n: 1 }]) // is [undefined]
})
