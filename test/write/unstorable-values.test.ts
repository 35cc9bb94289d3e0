import { aggregate, domain } from 'outpost'
import { testApp } from 'outpost/testing'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockItem } from '../fixtures/stock.ts'
import { createTestClock } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'

const thing = aggregate('thing', {
  state: z.any(),
  events: { made: z.any() },
  commands: { make: z.object({ bad: z.boolean() }) },
  create: { made: () => ({}) },
  evolve: {},
  decide: { make: (_s, { bad }, { emit }) => emit.made(bad ? { f: () => 1 } : { f: 1 }) },
})
test('a Command whose Event cannot be stored fails alone', async () => {
  const app = testApp(domain('d', { aggregates: [thing] }))
  const [good, bad] = (await app.commands.batch((c) => [
    c.thing.make('good', { bad: false }),
    c.thing.make('bad', { bad: true }),
  ])) as readonly any[]
  await app.close()
  expect([good.ok, bad.fault?.code]).toEqual([true, 'decide-failed']) // both: storage-failed, DataCloneError, naming neither
})

test('one state that cannot be stored keeps no others from being saved, or its Command fails', async () => {
  const odd = aggregate('odd', {
    state: z.any(),
    events: { made: z.object({}) },
    commands: { make: z.object({}) },
    create: { made: () => ({ f: () => 1 }) },
    evolve: {},
    decide: { make: (_s, _p, { emit }) => emit.made({}) },
  })
  const disk = createMemoryStorage()
  const clock = createTestClock()
  const engine = await openEngine(disk, { domain: domain('d', { aggregates: [odd, stockItem] }), clock })
  const outcome: any = await give(engine, 'odd.make', 't', {}).catch((error: unknown) => error)
  for (let i = 0; i < 5; i++) {
    await give(engine, 'stockItem.register', `a${i}`, { name: 'x' })
    await clock.advance(10_000)
  }
  const saved = await (await disk.tab().openLog('d.hall-7.ann.log')).states.checkpoints()
  if (outcome.ok) expect(saved.size).toBeGreaterThan(0) // nothing is ever saved again, and status says storage: ok
})

const anything = aggregate('anything', {
  state: z.unknown(),
  events: { made: z.unknown(), frozen: z.object({ photo: z.unknown() }).readonly() },
  commands: { make: z.string(), freeze: z.string(), refuse: z.string(), evolve: z.string(), take: z.unknown() },
  refusals: { unwilling: z.unknown() },
  create: { made: (data) => (data === 'evolve' ? { photo: new Blob() } : {}), frozen: () => ({}) },
  evolve: {},
  decide: {
    make: (_state, kind, { emit }) => emit.made({ field: [unkept[kind]?.()] }),
    freeze: (_state, kind, { emit }) => emit.frozen({ photo: unkept[kind]?.() }),
    refuse: (_state, kind, { refuse }) => refuse.unwilling({ field: [unkept[kind]?.()] }),
    evolve: (_state, _kind, { emit }) => emit.made('evolve'),
    take: (_state, _payload, { emit }) => emit.made(1),
  },
})
const unkept: Readonly<Record<string, () => unknown>> = {
  'a function': () => () => 1,
  'a class instance': () => new URL('https://example.org'),
  'a Blob': () => new Blob(['x']),
  'a File': () => new File(['x'], 'x.txt'),
  'an Error': () => new Error('x'),
  'shared memory': () => new Uint8Array(new SharedArrayBuffer(2)),
  'a field named by a symbol': () => ({ [Symbol('secret')]: 1 }),
  'a list with fields': () => Object.assign([1], { total: 1 }),
}

describe.each(Object.keys(unkept))('%s', (kind) => {
  test.each([
    ['in an Event', 'make', 'field.0'],
    ['in an Event that its schema froze', 'freeze', 'photo'],
    ['in the details of a refusal', 'refuse', 'field.0'],
  ] as const)('%s fails its Command, which names the field', async (_, command, path) => {
    const engine = await openEngine(createMemoryStorage(), { domain: domain('d', { aggregates: [anything] }) })
    await expect(give(engine, `anything.${command}`, 'a', kind)).rejects.toMatchObject({
      code: 'decide-failed',
      message: expect.stringContaining(`"${path}"`) as string,
    })
    expect(engine.position).toBe(0)
  })

  test.each([
    ['a Map', (part: unknown) => new Map([['key', part]]), '"bag.key"'],
    ['a Set', (part: unknown) => new Set([part]), '"bag.0"'],
    ['a payload that was frozen before', (part: unknown) => Object.freeze([part]), '"bag.0"'],
  ])('in %s is found there', async (_, wrap, path) => {
    const engine = await openEngine(createMemoryStorage(), { domain: domain('d', { aggregates: [anything] }) })
    await expect(give(engine, 'anything.take', 'a', { bag: wrap(unkept[kind]?.()) })).rejects.toMatchObject({
      code: 'invalid-command',
      message: expect.stringContaining(path) as string,
    })
  })
})

test('a state with a Blob fails its Command, which names the field', async () => {
  const engine = await openEngine(createMemoryStorage(), { domain: domain('d', { aggregates: [anything] }) })
  await expect(give(engine, 'anything.evolve', 'a', '')).rejects.toMatchObject({
    code: 'evolve-failed',
    message: expect.stringContaining('"photo" is a Blob') as string,
  })
})
