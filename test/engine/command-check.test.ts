/** What a page may give instead of a Command, and what comes of it. */
import { applicationService, domain, useCase } from 'outpost'
import { testApp } from 'outpost/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { CommandOptions, CommandValue } from '../../src/client/app.ts'
import { derivedId } from '../../src/domain/id.ts'
import { stock, stockItem } from '../fixtures/stock.ts'

test.each<[string, unknown]>([
  ['expiresAt', new Date('nonsense')],
  ['expiresAt', null],
  ['expiresAt', '2030-01-01'],
  ['expiresAt', Infinity],
  ['at', -Infinity],
  ['at', Number.NaN],
  ['commandId', ''],
  ['commandId', 7],
  ['commandId', derivedId('timer', 'of', 'nobody')],
  ['commandId', derivedId('timer', 'of', 'nobody').toUpperCase()],
  ['expectedVersion', Number.NaN],
  ['expectedVersion', -1],
  ['expectedVersion', 1.5],
  ['expectedVersion', 'old'],
  ['durability', 'absolute'],
  ['correlationId', 7],
  ['causationId', ''],
])('a Command with %s %j is refused, and the one after it is not', async (option, value) => {
  const app = testApp(stock)
  const odd = app.commands.stockItem.register('a', { name: 'A' }, { [option]: value } as CommandOptions)
  const next = app.commands.stockItem.register('b', { name: 'B' })
  await expect(odd).rejects.toMatchObject({
    code: 'invalid-command',
    message: expect.stringContaining(option) as string,
    details: { option },
  })
  expect(await next).toMatchObject({ ok: true, position: 1 })
  await app.close()
})

test('options that make sense are taken', async () => {
  const app = testApp(stock)
  const given: CommandOptions = { commandId: 'c', expectedVersion: 'any', expiresAt: new Date(Date.now() + 60_000), durability: 'strict' }
  expect(await app.commands.stockItem.register('a', { name: 'A' }, given)).toMatchObject({ ok: true, commandId: 'c' })
  expect(await app.commands.stockItem.receive('a', { quantity: 1 }, { expectedVersion: 1, expiresAt: Date.now() + 60_000 })).toMatchObject({
    ok: true,
  })
  expect(await app.commands.stockItem.register('b', { name: 'B' }, { expectedVersion: 0 })).toMatchObject({ ok: true })
  await app.close()
})

test('a use case, which has no version of its own, is refused with an expected one', async () => {
  const shelf = applicationService('shelf', {
    fill: useCase({
      payload: z.object({ sku: z.string() }),
      loads: ({ sku }) => ({ item: stockItem.one(sku) }),
      decide: ({ item }) => item.emit.registered({ name: 'x' }),
    }),
  })
  const app = testApp(domain('d', { aggregates: [stockItem], applicationServices: [shelf] }))
  const given = { expectedVersion: 3 } as CommandOptions
  await expect(app.commands.shelf.fill({ sku: 'a' }, given)).rejects.toMatchObject({ code: 'invalid-command' })
  await app.close()
})

test.each([false, null, undefined, 5, 'text', {}, { type: 5 }])(
  'in a batch %j is no Command, and told so; the others are given',
  async (odd) => {
    const app = testApp(stock)
    const outcomes: readonly unknown[] = await app.commands.batch((commands) => [
      commands.stockItem.register('a', { name: 'A' }),
      odd as unknown as CommandValue,
      commands.stockItem.receive('a', { quantity: 1 }),
    ])
    expect(outcomes).toMatchObject([
      { ok: true, position: 1 },
      { ok: false, fault: { code: 'invalid-command' } },
      { ok: true, position: 2 },
    ])
    await app.close()
  },
)
