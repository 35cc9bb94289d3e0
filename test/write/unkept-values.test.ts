/** What storage, threads and exports would not give back as it was is refused where it is decided. */
import { aggregate, domain } from 'outpost'
import { createMemoryStorage } from 'outpost/testing'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { give, openEngine } from '../support/engine.ts'

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
