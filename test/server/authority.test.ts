/** Who may do what: principals, spaces, client ids, actors, and the app's own `authorize`. */
import { domain } from 'outpost'
import { createSyncServer } from 'outpost/server'
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { fromWire } from '../../src/sync/wire-value.ts'
import { fulfilment, order, purchaseOrder, reorder, stock, stockItem } from '../fixtures/stock.ts'
import { closeServers, codeOf, command, Device, send, startServer, type ServerOptions } from '../support/sync-server.ts'

afterEach(closeServers)

const register = (sku: string, more?: object) => command('stockItem.register', sku, { name: sku }, more)

describe('authentication', () => {
  test('is not to be forgotten: without it no server starts unless that is written out', () => {
    const storage = createMemoryStorage()
    expect(() => createSyncServer({ domain: stock, storage } as never)).toThrow(/authenticate.*insecure: true/)
    expect(() => createSyncServer({ domain: stock, storage, insecure: false } as never)).toThrow(/insecure: true/)
    expect(() => createSyncServer({ domain: stock, storage, insecure: true })).not.toThrow()
  })

  test('comes before everything: without a token nothing is looked at', async () => {
    const server = startServer()
    for (const route of ['connect', 'push', 'pull']) {
      const answer = await send(server, `/hall-7/${route}`, { body: 'no JSON' })
      expect(codeOf(answer)).toBe('401 unauthenticated')
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
    expect(codeOf(await send(server, '/hall-7/changes', { method: 'GET' }))).toBe('401 unauthenticated')
  })

  test('hazards 22 and 35: a token of another principal than the body names processes nothing', async () => {
    const server = startServer()
    const wrong = new Device(server, { principal: 'ann', token: 'bob' })
    expect(codeOf(await wrong.post('connect', {}))).toBe('401 unauthenticated')
    const ann = new Device(server)
    wrong.epoch = (await ann.connect()).place.epoch
    expect(codeOf(await wrong.tryPush([{ sequence: 1, command: register('bolt') }]))).toBe('401 unauthenticated')
    expect(codeOf(await wrong.post('pull', { epoch: wrong.epoch, after: 0 }))).toBe('401 unauthenticated')
    expect((await ann.connect()).place.head).toBe(0)
  })

  test('may take its time, and what it throws stays inside', async () => {
    const server = startServer({ authenticate: () => Promise.reject(new Error('a secret of the directory')) })
    const answer = await send(server, '/hall-7/connect', { body: '{}' })
    expect(codeOf(answer)).toBe('500 internal')
    expect(JSON.stringify(answer.body)).not.toMatch(/secret/)
    expect(server.entries.at(-1)).toMatchObject({ level: 'error', status: 500, fault: expect.stringContaining('a secret') as string })
  })

  test('insecure: everybody is who he says he is', async () => {
    const server = startServer({ insecure: true })
    const ann = new Device(server, { token: undefined })
    expect(await ann.give('stockItem.register', 'bolt', { name: 'Bolt' }, { actor: 'somebody' })).toBe('ok')
  })
})

describe('access to a space', () => {
  test('is not to be forgotten either: who is known may use nothing unless that is said', () => {
    const storage = createMemoryStorage()
    const authenticate = () => 'ann'
    for (const access of [undefined, true])
      expect(() => createSyncServer({ domain: stock, storage, authenticate, access } as never)).toThrow(/`access`.*`access: \(\) => true`/)
    expect(() => createSyncServer({ domain: stock, storage, authenticate, access: () => true })).not.toThrow()
    // @ts-expect-error who may use which space has to be said
    expect(() => createSyncServer({ domain: stock, storage, authenticate })).toThrow(/access/)
  })
  const own: ServerOptions = { access: (principal, space) => space === `of-${principal}` }

  test('is refused on every route, and opens nothing', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ ...own, storage })
    const bob = new Device(server, { principal: 'bob', space: 'of-ann' })
    expect(codeOf(await bob.post('connect', {}))).toBe('403 forbidden')
    expect(codeOf(await bob.post('push', { epoch: 'x', commands: [], waiting: 0 }))).toBe('403 forbidden')
    expect(codeOf(await bob.post('pull', { epoch: 'x', after: 0 }))).toBe('403 forbidden')
    expect(codeOf(await send(server, '/of-ann/changes', { method: 'GET', token: 'bob' }))).toBe('403 forbidden')
    expect(await storage.list('')).toEqual([])
  })
  test('of one’s own is given, and spaces know nothing of one another', async () => {
    const server = startServer(own)
    const [ann, bob] = [new Device(server, { space: 'of-ann' }), new Device(server, { principal: 'bob', space: 'of-bob' })]
    expect(await ann.give('stockItem.register', 'bolt', { name: 'Bolt' })).toBe('ok')
    expect(await bob.give('stockItem.receive', 'bolt', { quantity: 1 })).toBe('unknownItem')
  })
  test('counts in insecure servers too', async () => {
    const server = startServer({ ...own, insecure: true })
    expect(codeOf(await new Device(server, { principal: 'bob', space: 'of-ann', token: undefined }).post('connect', {}))).toBe(
      '403 forbidden',
    )
  })
})

describe('a client id', () => {
  test('belongs to the principal that first pushed with it, whichever process asks', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const ann = new Device(server, { clientId: 'laptop' })
    await ann.push([register('bolt')])
    for (const other of [server, startServer({ storage: storage.tab() })]) {
      const bob = new Device(other, { principal: 'bob', clientId: 'laptop' })
      expect(codeOf(await bob.post('connect', {}))).toBe('403 forbidden')
      bob.epoch = ann.epoch
      expect(codeOf(await bob.tryPush([{ sequence: 2, command: register('nut') }]))).toBe('403 forbidden')
      expect(codeOf(await bob.post('pull', { epoch: ann.epoch, after: 0 }))).toBe('403 forbidden')
    }
    expect((await ann.connect()).client?.sequence).toBe(1)
  })
  test('that two principals push with at once is the first one’s alone', async () => {
    const server = startServer()
    const devices = ['ann', 'bob', 'cem'].map((principal) => new Device(server, { principal, clientId: 'shared' }))
    await Promise.all(devices.map((device) => device.connect()).map((connected) => connected.catch(() => undefined)))
    const answers = await Promise.all(devices.map((device) => device.tryPush([{ sequence: 1, command: register(device.principal) }])))
    expect(answers.map(({ status }) => String(status)).sort()).toEqual(['200', '403', '403'])
  })
})

describe('an actor', () => {
  test('is a claim: by default only the principal itself may be named, or nobody', async () => {
    const ann = new Device(startServer())
    expect(await ann.give('stockItem.register', 'a', { name: 'A' }, { actor: 'ann' })).toBe('ok')
    expect(await ann.give('stockItem.register', 'b', { name: 'B' })).toBe('ok')
    expect(await ann.give('stockItem.register', 'c', { name: 'C' }, { actor: 'boss' })).toBe('unauthorized')
    const last = (await ann.pull()).flatMap(({ commands }) => commands).at(-1)
    expect(last?.actor).toBe('boss')
    expect(last && !last.outcome.ok && fromWire(last.outcome.details)).toEqual({ reason: '"ann" may not act as "boss".' })
  })
  test('may be another where the app says so', async () => {
    const ann = new Device(startServer({ actAs: (principal, actor) => principal === 'ann' && actor === 'boss' }))
    expect(await ann.give('stockItem.register', 'c', { name: 'C' }, { actor: 'boss' })).toBe('ok')
    expect(await ann.give('stockItem.register', 'd', { name: 'D' }, { actor: 'carl' })).toBe('unauthorized')
  })
})

describe('authorize', () => {
  test('sees principal, Command and the state that it is decided on, other Commands of the same push included', async () => {
    const asked: unknown[] = []
    const server = startServer({
      authorize: (principal, given, state) => {
        asked.push([principal, given.type, given.aggregateId, given.payload, state])
        return given.type !== 'stockItem.pick' || 'Only the foreman picks.'
      },
    })
    const ann = new Device(server)
    const answer = await ann.push([
      register('bolt'),
      command('stockItem.receive', 'bolt', { quantity: 2 }),
      command('stockItem.pick', 'bolt', { quantity: 1 }),
    ])
    expect(asked).toEqual([
      ['ann', 'stockItem.register', 'bolt', { name: 'bolt' }, undefined],
      ['ann', 'stockItem.receive', 'bolt', { quantity: 2 }, { name: 'bolt', onHand: 0 }],
      ['ann', 'stockItem.pick', 'bolt', { quantity: 1 }, { name: 'bolt', onHand: 2 }],
    ])
    expect(answer.processed[2]?.outcome).toEqual({
      ok: false,
      refusal: 'unauthorized',
      details: { json: { reason: 'Only the foreman picks.' } },
    })
    expect(await ann.give('stockItem.receive', 'bolt', { quantity: 2 })).toBe('ok')
  })

  test('is given what a use case loads', async () => {
    const states: unknown[] = []
    const server = startServer({
      authorize: (_, { type }, state) => {
        if (type === 'fulfilment.placeOrder') states.push(state)
        return true
      },
    })
    const ann = new Device(server)
    await ann.push([
      register('a'),
      command('stockItem.receive', 'a', { quantity: 2 }),
      command('fulfilment.placeOrder', undefined, { orderId: 'o-1', lines: { a: 1, b: 1 } }),
    ])
    expect(states).toEqual([
      {
        placing: undefined,
        items: new Map([
          ['a', { name: 'a', onHand: 2 }],
          ['b', undefined],
        ]),
      },
    ])
  })

  test('is not asked about consequences: they act as the domain', async () => {
    const asked: string[] = []
    const server = startServer({
      domain: domain('stock', {
        aggregates: [stockItem, order, purchaseOrder],
        applicationServices: [fulfilment],
        processManagers: [reorder],
      }),
      authorize: (_, { type }) => {
        asked.push(type)
        return true
      },
    })
    const ann = new Device(server)
    await ann.push([register('a'), command('stockItem.receive', 'a', { quantity: 2 }), command('stockItem.pick', 'a', { quantity: 1 })])
    expect((await ann.pull()).flatMap(({ events }) => events.map(({ type }) => type))).toContain('purchaseOrder.opened')
    expect(asked).toEqual(['stockItem.register', 'stockItem.receive', 'stockItem.pick'])
  })

  test('that answers anything but true refuses; one that throws processes nothing, and is asked again', async () => {
    let answer: () => unknown = () => false
    const server = startServer({ authorize: (() => answer()) as never })
    const ann = new Device(server)
    expect(await ann.give('stockItem.register', 'a', { name: 'A' })).toBe('unauthorized')
    answer = () => Promise.reject(new Error('a secret of the directory'))
    const commands = ann.number([register('b')])
    const failed = await ann.tryPush(commands)
    expect(codeOf(failed)).toBe('500 internal')
    expect(JSON.stringify(failed.body)).not.toMatch(/secret/)
    expect((await ann.connect()).client?.sequence).toBe(1)
    answer = () => Promise.resolve(true)
    expect((await ann.pushed(commands)).processed).toMatchObject([{ sequence: 2, outcome: { ok: true } }])
  })
})
