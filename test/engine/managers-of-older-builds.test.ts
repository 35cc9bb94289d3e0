import { aggregate, domain, event, processManager } from 'outpost'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'

const build = (v: 1 | 2) => {
  const seen: number[] = []
  const events: any = { made: z.object({}), ...(v === 2 ? { bonus: z.object({}) } : {}) }
  const thing = aggregate('thing', {
    state: z.object({}),
    events,
    commands: { make: z.object({}), ...(v === 2 ? { bonus: z.object({}) } : {}) } as any,
    create: { made: () => ({}) } as any,
    evolve: { made: (s: any) => s, ...(v === 2 ? { bonus: (s: any) => s } : {}) } as any,
    decide: {
      make: (_s: any, _p: any, { emit }: any) => emit.made({}),
      ...(v === 2 ? { bonus: (_s: any, _p: any, { emit }: any) => emit.bonus({}) } : {}),
    } as any,
  })
  const count = {
    key: () => 'all',
    handle: (s: any) => {
      seen.push(s?.n ?? 0)
      return { state: { n: (s?.n ?? 0) + 1 } }
    },
  }
  const manager = processManager('pm', {
    version: 1,
    state: z.object({ n: z.number() }),
    from: [thing as any],
    on: { 'thing.made': count, ...(v === 2 ? { 'thing.bonus': count } : {}) } as any,
  })
  return { seen, domain: domain('d', { aggregates: [thing as any], processManagers: [manager] }) }
}

test('an older build neither reacts on, nor saves, a process manager state that skipped an Event it does not know', async () => {
  const disk = createMemoryStorage()
  const clock = createTestClock()
  const old = await openEngine(disk.tab(), { domain: build(1).domain, clock })
  const newTab = disk.tab()
  const newer = await openEngine(newTab, { domain: build(2).domain, clock })
  newTab.faults.fail('states.save', 'UnknownError', Infinity) // it dies before it writes its states behind
  await give(newer, 'thing.make', 'x', {})
  await give(newer, 'thing.bonus', 'x', {})
  await old.catchUp()
  await give(old, 'thing.make', 'y', {}) // reacts on 1 where 2 were counted
  await clock.advance(30_000)
  await old.close()
  const again = build(2)
  const b = await openEngine(disk.tab(), { domain: again.domain, clock })
  await give(b, 'thing.make', 'z', {})
  await vi.waitFor(() => expect(again.seen.at(-1)).toBe(3)) // what waited is resumed by the build that understands it
})

test('a newer schema version of an Event makes the instance that it belongs to unusable, not another one', async () => {
  const make = (v: 1 | 2) => {
    const seen: number[] = []
    const thing = aggregate('thing', {
      state: z.object({}),
      events: {
        made: (v === 1
          ? z.object({ who: z.string() })
          : event(z.object({ who: z.string(), k: z.string() }), { version: 2, upcast: { 1: (d: any) => ({ ...d, k: '' }) } })) as any,
      },
      commands: { make: z.object({ who: z.string() }) },
      create: { made: () => ({}) },
      evolve: {},
      decide: { make: (_s, p, { emit }) => emit.made((v === 1 ? p : { ...p, k: 'k' }) as any) },
    })
    const manager = processManager('pm', {
      version: 1,
      state: z.object({ n: z.number() }),
      from: [thing],
      on: {
        'thing.made': {
          key: (e: any) => e.data.who,
          handle: (s: any) => {
            seen.push(s?.n ?? 0)
            return { state: { n: (s?.n ?? 0) + 1 } }
          },
        },
      } as any,
    })
    return { seen, domain: domain('d', { aggregates: [thing], processManagers: [manager] }) }
  }
  const disk = createMemoryStorage()
  const one = make(1)
  const old = await openEngine(disk.tab(), { domain: one.domain })
  const newer = await openEngine(disk.tab(), { domain: make(2).domain })
  await give(newer, 'thing.make', 'x', { who: 'ann' })
  await old.catchUp()
  await give(old, 'thing.make', 'y', { who: 'ann' }).catch(() => 0)
  expect(one.seen).not.toContain(0) // the old build reacts as if ann had no instance: States#breakStream takes the Event's aggregateId for the key
})
