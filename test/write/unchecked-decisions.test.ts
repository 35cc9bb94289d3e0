import { aggregate, applicationService, domain, query, useCase } from 'outpost'
import { testApp } from 'outpost/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { stockItem, stockList } from '../fixtures/stock.ts'
import { message } from '../support/engine.ts'

const id = z.object({ id: z.any() })
const service = applicationService('svc', {
  go: useCase({ payload: id, loads: (p) => ({ item: stockItem.one(p.id) }), decide: ({ item }) => item.emit.registered({ name: 'x' }) }),
})
const odd = aggregate('odd', {
  state: z.object({}),
  events: { made: z.object({}) },
  commands: { later: z.object({}), other: z.object({}), none: z.object({}) },
  create: { made: () => ({}) },
  evolve: {},
  decide: { later: (async () => []) as any, other: (() => ({ foo: 1 })) as any, none: (() => [null]) as any },
})
const bad = query('bad', {
  reads: [stockList],
  input: z.object({}),
  run: async (read) => ((await read.stockList.get('nothing')) as any).name,
})
const small = domain('d', { aggregates: [stockItem, odd], applicationServices: [service], readModels: [stockList], queries: [bad] })
const fault = (call: PromiseLike<unknown>): Promise<any> =>
  Promise.resolve(call).then(
    (value) => ({ value }),
    (error: unknown) => error,
  )

test.each(['', 5, null, {}])('a use case that asks for an Aggregate of id %j is refused', async (value) => {
  const app = testApp(small)
  expect((await fault(app.commands.svc.go({ id: value }))).code).toBe('decide-failed') // accepted; 5, null and {} also park every Read Model
  await app.close()
})
test.each(['later', 'other', 'none'] as const)(
  'a decide that returns something else (%s) is decide-failed and told which',
  async (command) => {
    const app = testApp(small)
    const error = await fault(app.commands.odd[command]('x', {}))
    await app.close()
    expect(error).toMatchObject({ code: 'decide-failed', message: expect.stringContaining(`odd.${command}`) }) // TypeError: decided.map is not a function
  },
)
