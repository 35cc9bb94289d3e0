/**
 * What handlers give that types cannot rule out, because schemas say too little or the app is written in JavaScript: ids,
 * decisions, Events and states that cannot be kept. The Command alone fails, and says which it is.
 */
import { aggregate, applicationService, domain, useCase } from 'outpost'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { stockItem, stockList } from '../fixtures/stock.ts'
import { createTestClock } from '../support/clock.ts'
import { allEvents, give, message, openEngine } from '../support/engine.ts'

/** Its schemas take anything: what the Commands make of it is up to each test. */
const parcel = aggregate('parcel', {
  state: z.unknown(),
  events: { packed: z.unknown(), labelled: z.unknown() },
  commands: {
    pack: z.object({}),
    packFunction: z.object({}),
    label: z.object({}),
    later: z.object({}),
    bare: z.object({}),
    none: z.object({}),
  },
  create: { packed: () => ({}), labelled: () => ({ print: () => 'label' }) },
  evolve: {},
  decide: {
    pack: (_, __, { emit }) => emit.packed({ weight: 1 }),
    packFunction: (_, __, { emit }) => emit.packed({ weigh: () => 1 }),
    label: (_, __, { emit }) => emit.labelled({}),
    later: (async () => []) as never,
    bare: (() => ({ weight: 1 })) as never,
    none: (() => [null]) as never,
  },
})

const shop = applicationService('shop', {
  restock: useCase({
    payload: z.object({ id: z.unknown() }),
    loads: ({ id }) => ({ item: stockItem.one(id as string) }),
    decide: ({ item }) => item.emit.registered({ name: 'A' }),
  }),
})

const small = domain('small', { aggregates: [stockItem, parcel], applicationServices: [shop], readModels: [stockList] })

test.each(['', 5, null, {}])('a use case that loads an Aggregate by the id %j fails, before Read Models meet such an id', async (id) => {
  const engine = await openEngine(createMemoryStorage(), { domain: small })
  await expect(give(engine, 'shop.restock', undefined, { id })).rejects.toMatchObject({
    code: 'decide-failed',
    message: expect.stringMatching(/shop\.restock.*"item"/) as string,
  })
  expect(await allEvents(engine)).toEqual([])
})

test.each([
  ['a promise', 'later'],
  ['an object that no `emit` has made', 'bare'],
  ['a list with null in it', 'none'],
])('a Command Handler that returns %s fails, named', async (_, command) => {
  const engine = await openEngine(createMemoryStorage(), { domain: small })
  await expect(give(engine, `parcel.${command}`, 'x', {})).rejects.toMatchObject({
    code: 'decide-failed',
    message: expect.stringContaining(`parcel.${command}`) as string,
  })
})

describe('what cannot be stored', () => {
  test('in a payload fails its Command, not the others of the commit', async () => {
    const engine = await openEngine(createMemoryStorage(), { domain: small })
    const [good, bad] = await Promise.allSettled(
      engine.dispatch([message('parcel.pack', 'good', {}), message('parcel.pack', 'bad', { weigh: () => 1 })]),
    )
    expect(good).toMatchObject({ value: { ok: true } })
    expect(bad).toMatchObject({
      reason: { code: 'invalid-command', message: expect.stringMatching(/parcel\.pack.*"weigh" is a function/) as string },
    })
  })

  test('in an Event fails its Command, not the others of the commit', async () => {
    const engine = await openEngine(createMemoryStorage(), { domain: small })
    const [good, bad] = await Promise.allSettled(
      engine.dispatch([message('parcel.pack', 'good', {}), message('parcel.packFunction', 'bad', {})]),
    )
    expect(good).toMatchObject({ value: { ok: true } })
    expect(bad).toMatchObject({
      reason: { code: 'decide-failed', message: expect.stringMatching(/parcel\.packFunction.*"weigh" is a function/) as string },
    })
  })

  test('in a state fails its Command, and keeps no other states from being saved', async () => {
    const disk = createMemoryStorage()
    const clock = createTestClock()
    const engine = await openEngine(disk, { domain: small, clock })
    await expect(give(engine, 'parcel.label', 'x', {})).rejects.toMatchObject({
      code: 'evolve-failed',
      message: expect.stringMatching(/parcel "x".*"print" is a function/) as string,
    })
    await give(engine, 'stockItem.register', 'a', { name: 'A' })
    await clock.advance(10_000)
    // All states are saved in one transaction: one that cannot be cloned would fail it every time.
    const { states } = await disk.tab().openLog('small.hall-7.ann.log')
    expect([...(await states.checkpoints()).keys()].map((fold) => fold.split('@')[0])).toContain('stockItem')
  })
})
