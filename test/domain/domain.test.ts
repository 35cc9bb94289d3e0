/** What a domain refuses at start, each with a sentence that says what to do. */
import { aggregate, applicationService, command, domain, event, isOutpostError, processManager, query, readModel, useCase } from 'outpost'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { derivedId, isDerivedId } from '../../src/domain/id.ts'
import { stockItem, stockList } from '../fixtures/stock.ts'

const problem = (declare: () => unknown): string => {
  try {
    declare()
  } catch (error) {
    if (isOutpostError(error, 'invalid-domain')) return error.message
    throw error
  }
  return 'nothing was refused'
}

const thing = (name: string, changes: object = {}) =>
  aggregate(name, {
    state: z.object({}),
    events: { begun: z.object({}) },
    commands: { begin: z.object({}) },
    create: { begun: () => ({}) },
    evolve: {},
    decide: { begin: (_, __, { emit }) => emit.begun({}) },
    ...changes,
  })

describe('a domain refuses', () => {
  test('two Aggregates of one name', () => {
    expect(problem(() => domain('d', { aggregates: [thing('a'), thing('a')] }))).toMatch(/two Aggregates are called "a".*another name/)
  })
  test('an Application Service named like an Aggregate, whose Commands would mix', () => {
    const service = applicationService('a', { run: useCase({ payload: z.object({}), loads: () => ({}), decide: () => [] }) })
    expect(problem(() => domain('d', { aggregates: [thing('a')], applicationServices: [service] }))).toMatch(/called "a"/)
  })
  test('a name that is no plain word', () => {
    expect(problem(() => domain('d', { aggregates: [thing('a.b')] }))).toMatch(/"a\.b" needs a name of letters/)
    expect(problem(() => domain('', { aggregates: [] }))).toMatch(/needs a name/)
  })
  test('a name that means something else on the handle, and a use case of a bare string', () => {
    expect(problem(() => domain('d', { aggregates: [thing('batch')] }))).toMatch(/"batch" has a name that means something else/)
    expect(
      problem(() => domain('d', { aggregates: [thing('a', { commands: { then: z.object({}) }, decide: { then: () => [] } })] })),
    ).toMatch(/"then" has a name/)
    const bare = applicationService('s', { run: useCase({ payload: z.string(), loads: () => ({}), decide: () => [] }) })
    expect(problem(() => domain('d', { aggregates: [thing('a')], applicationServices: [bare] }))).toMatch(/"s\.run" takes a bare string/)
  })
  test('a gap in a chain of upcasters, of Events and of Commands', () => {
    const gap = event(z.object({}), { version: 3, upcast: { 2: (data) => data } })
    expect(problem(() => domain('d', { aggregates: [thing('a', { events: { begun: gap } })] }))).toMatch(
      /"a\.begun" is at version 3, but nothing upcasts version 1\. Add `upcast: \{ 1:/,
    )
    const late = command(z.object({}), { version: 2 })
    expect(problem(() => domain('d', { aggregates: [thing('a', { commands: { begin: late } })] }))).toMatch(
      /"a\.begin".*nothing upcasts version 1/,
    )
  })
  test('an upcaster beyond the version', () => {
    const beyond = event(z.object({}), { upcast: { 1: (data) => data } })
    expect(problem(() => domain('d', { aggregates: [thing('a', { events: { begun: beyond } })] }))).toMatch(
      /upcasts version 1, but is at version 1/,
    )
  })
  test('an alias that is taken', () => {
    const events = { begun: z.object({}), other: event(z.object({}), { aliases: ['begun'] }) }
    expect(problem(() => domain('d', { aggregates: [thing('a', { events, evolve: { other: () => ({}) } })] }))).toMatch(
      /two Events are called "a\.begun"/,
    )
  })
  test('an Event that nothing folds, and a fold of no Event', () => {
    expect(problem(() => domain('d', { aggregates: [thing('a', { events: { begun: z.object({}), gone: z.object({}) } })] }))).toMatch(
      /nothing folds Event "a\.gone"/,
    )
    expect(problem(() => domain('d', { aggregates: [thing('a', { evolve: { gone: () => ({}) } })] }))).toMatch(
      /folds "gone", which is none/,
    )
  })
  test('a refusal that every Command has already', () => {
    expect(problem(() => domain('d', { aggregates: [thing('a', { refusals: { expired: z.object({}) } })] }))).toMatch(/refusal "expired"/)
  })
  test('a Read Model over an Aggregate, or a query over a Read Model, that it does not list', () => {
    expect(problem(() => domain('d', { aggregates: [], readModels: [stockList] }))).toMatch(
      /"stockList" takes Events from Aggregate "stockItem".*Add it/,
    )
    const asking = query('q', { reads: [stockList], input: z.object({}), run: async () => 1 })
    expect(problem(() => domain('d', { aggregates: [stockItem], queries: [asking] }))).toMatch(/"q" reads Read Model "stockList"/)
  })
  test('a handler that says nothing of an Event, or names one that is not', () => {
    const partly = { ...stockList, on: { 'stockItem.registered': () => undefined, 'stockItem.vanished': () => undefined } }
    expect(problem(() => domain('d', { aggregates: [stockItem], readModels: [partly as never] }))).toMatch(
      /names Event "stockItem\.vanished".*Known: stockItem\.registered/,
    )
    const silent = { ...stockList, on: { 'stockItem.registered': () => undefined } }
    expect(problem(() => domain('d', { aggregates: [stockItem], readModels: [silent as never] }))).toMatch(
      /says nothing of Event "stockItem\.received"/,
    )
  })
  test('a process manager that sends to an Aggregate it does not list', () => {
    const a = thing('a')
    const manager = processManager('m', {
      version: 1,
      state: z.object({}),
      from: [a],
      sends: [stockItem],
      on: { 'a.begun': { key: () => 'x', handle: () => undefined } },
    })
    expect(problem(() => domain('d', { aggregates: [a], processManagers: [manager] }))).toMatch(/"m" sends Commands to "stockItem"/)
  })
  test.each([
    ['boolean', z.boolean()],
    ['null', z.string().nullable()],
    ['missing', z.number().optional()],
    ['an object', z.object({})],
    ['a bigint', z.bigint()],
    ['null', z.union([z.string(), z.null()])],
  ])('an index on a field that can be %s', (_, field) => {
    const model = readModel('m', {
      version: 1,
      from: [stockItem],
      row: z.object({ id: z.string(), odd: field }),
      key: 'id',
      indexes: ['odd'],
      ignores: ['stockItem.registered', 'stockItem.received', 'stockItem.picked'],
      on: {},
    })
    expect(problem(() => domain('d', { aggregates: [stockItem], readModels: [model] }))).toMatch(/indexes field "odd", which can be/)
  })
})

describe('derived ids', () => {
  test('are UUIDs that follow from their parts alone', () => {
    expect(derivedId('a', 1)).toBe(derivedId('a', 1))
    expect(isDerivedId(derivedId('a', 1))).toBe(true)
    for (const other of [crypto.randomUUID(), 'delivery-4711', '']) expect(isDerivedId(other)).toBe(false)
    expect(derivedId('a', 1)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(derivedId('a', '1')).not.toBe(derivedId('a', 1))
    expect(derivedId('ab', 'c')).not.toBe(derivedId('a', 'bc'))
  })
  test('do not collide over a hundred thousand neighbours', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 100_000; i++) seen.add(derivedId('new', 'command-7', i))
    expect(seen.size).toBe(100_000)
  })
})
