/** Pulling: slices of one log, whole records, with no more of others than what happened. */
import { afterEach, describe, expect, test } from 'vitest'
import { PullAnswer } from '../../src/sync/protocol.ts'
import { fromWire } from '../../src/sync/wire-value.ts'
import { closeServers, codeOf, command, Device, eventsOf, okOf, startServer } from '../support/sync-server.ts'

afterEach(closeServers)

const register = (sku: string) => command('stockItem.register', sku, { name: sku })
const receive = (sku: string, quantity: number) => command('stockItem.receive', sku, { quantity })
const pick = (sku: string, quantity: number) => command('stockItem.pick', sku, { quantity })

test('pages end with whole records, and come to the same log', async () => {
  const server = startServer()
  const [ann, bob, cem] = ['ann', 'bob', 'cem'].map((principal) => new Device(server, { principal })) as [Device, Device, Device]
  await ann.push([register('bolt')])
  for (let i = 0; i < 20; i++) await ann.push([receive('bolt', 2), pick('bolt', 1)])
  const whole = await bob.pull()
  expect(await cem.pull(3)).toEqual(whole)
  expect(whole.map(({ number }) => number)).toEqual(whole.map((_, i) => i + 1))
  expect(eventsOf(whole).filter((event) => event.startsWith('stockItem'))).toHaveLength(41)
})

test('pages end earlier where they have enough bytes, never before their first record', async () => {
  const server = startServer({ limits: { pullBytes: 1000 } })
  const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
  for (let i = 0; i < 5; i++) await ann.push([command('stockItem.register', `item-${i}`, { name: 'x'.repeat(700) })])
  await bob.connect()
  const first = PullAnswer.parse(await okOf(bob.post('pull', { epoch: bob.epoch, after: 0 })))
  expect(first.records).toHaveLength(1)
  expect(first.more).toBe(true)
  expect(await bob.pull()).toHaveLength(5)
})

test('hazard 18: every Event comes with the outcome of its Command, and the place is never behind what is given', async () => {
  const server = startServer()
  const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
  await ann.push([register('bolt')])
  await bob.connect()
  const pushing = (async () => {
    for (let i = 0; i < 30; i++) await ann.push([receive('bolt', 1)])
  })()
  for (let after = 0; after < 31;) {
    const { place, records, more } = PullAnswer.parse(await okOf(bob.post('pull', { epoch: bob.epoch, after, limit: 4 })))
    for (const { number, commands, events } of records) {
      expect(number).toBe(++after)
      expect(place.head).toBeGreaterThanOrEqual(number)
      for (const event of events) expect(commands[event.command]?.outcome).toEqual({ ok: true })
    }
    expect(more).toBe(after < place.head)
  }
  await pushing
})

describe('of others’ Commands', () => {
  test('payloads are not told', async () => {
    const server = startServer()
    const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
    await ann.push([register('bolt')])
    expect((await ann.pull()).flatMap(({ commands }) => commands).map(({ payload }) => payload && fromWire(payload))).toEqual([
      { name: 'bolt' },
    ])
    expect((await bob.pull()).flatMap(({ commands }) => commands)).toMatchObject([
      { clientId: 'ann-1', sequence: 1, outcome: { ok: true } },
    ])
    expect((await bob.pull()).flatMap(({ commands }) => commands)[0]).not.toHaveProperty('payload')
  })

  test('refused ones are left out, and what remains keeps together', async () => {
    const server = startServer()
    const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
    await ann.push([pick('nut', 1), register('bolt'), pick('bolt', 9), receive('bolt', 4), pick('bolt', 1)])
    const [own] = await ann.pull()
    const [seen] = await bob.pull()
    expect(own?.commands.map(({ outcome }) => outcome.ok)).toEqual([false, true, false, true, true, true])
    expect(seen?.commands.map(({ type }) => type)).toEqual([
      'stockItem.register',
      'stockItem.receive',
      'stockItem.pick',
      'purchaseOrder.open',
    ])
    expect(seen?.commands.map(({ root }) => root)).toEqual([undefined, undefined, undefined, 2])
    expect(seen?.events.map(({ type, command: by }) => [type, seen.commands[by]?.type])).toEqual(
      own?.events.map(({ type, command: by }) => [type, own.commands[by]?.type]),
    )
    expect(JSON.stringify(seen)).not.toContain('outOfStock')
  })

  test('a record of which nothing remains still moves the cursor', async () => {
    const server = startServer()
    const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
    await ann.push([pick('nut', 1)])
    expect(await bob.pull()).toMatchObject([{ number: 1, commands: [], events: [], serverPosition: 1 }])
  })
})

test('values come as they were given, whatever JSON makes of them', async () => {
  const ann = new Device(startServer())
  const odd = {
    name: 'a\u0000\uD800"\u2028',
    extra: undefined,
    at: new Date(0),
    big: 12n,
    list: [NaN, -0],
    map: new Map([[{ a: 1 }, new Set([1])]]),
  }
  await ann.push([command('stockItem.register', '__proto__', odd)])
  const [record] = await ann.pull()
  expect(fromWire(record!.commands[0]!.payload!)).toEqual(odd)
  expect(record?.events[0]).toMatchObject({ aggregateId: '__proto__' })
  expect(fromWire(record!.events[0]!.data)).toEqual({ name: odd.name })
})

test('a cursor beyond the end of the log means that it is another one', async () => {
  const ann = new Device(startServer())
  await ann.push([register('bolt')])
  expect(codeOf(await ann.post('pull', { epoch: ann.epoch, after: 2 }))).toBe('409 restored')
})
