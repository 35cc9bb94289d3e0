/** What stands around the protocol: paths, bodies, limits, CORS, compression, logs, health, shutting down. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { PROTOCOL } from '../../src/sync/protocol.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { testEnvironment } from '../support/engine.ts'
import { closeServers, codeOf, command, Device, eventsOf, send, startServer } from '../support/sync-server.ts'

afterEach(closeServers)

const sender = { protocol: PROTOCOL, clientId: 'ann-1', principal: 'ann' }
const register = (sku: string) => command('stockItem.register', sku, { name: sku })
const connectBody = JSON.stringify(sender)

describe('paths', () => {
  test('are these, with these methods', async () => {
    const server = startServer()
    for (const path of ['/', '/hall-7', '/hall-7/', '/hall-7/else', '/hall-7/connect/more', '//connect'])
      expect(codeOf(await send(server, path, { token: 'ann', body: '{}' }))).toBe('404 not-found')
    for (const [route, allowed, method] of [
      ['connect', 'POST', 'GET'],
      ['push', 'POST', 'PUT'],
      ['pull', 'POST', 'DELETE'],
      ['changes', 'GET', 'POST'],
    ] as const) {
      const answer = await send(server, `/hall-7/${route}`, { method, token: 'ann' })
      expect(codeOf(answer)).toBe('405 method')
      expect(answer.headers.get('allow')).toBe(allowed)
    }
  })
  test('may stand below another one', async () => {
    const server = startServer({ path: '/api/sync' })
    expect((await send(server, '/api/sync/hall-7/connect', { token: 'ann', body: connectBody })).status).toBe(200)
    expect(codeOf(await send(server, '/hall-7/connect', { token: 'ann', body: connectBody }))).toBe('404 not-found')
  })
  test('name spaces as anybody calls them', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const names = ['a/b', 'a.b', 'a b', 'ü', '%2E', 'constructor', '__proto__', 'healthz']
    for (const space of names) expect(await new Device(server, { space }).give('stockItem.register', 'a', { name: space })).toBe('ok')
    expect(await storage.list('stock.')).toHaveLength(names.length)
  })
  test('refuse a name that is too long', async () => {
    const server = startServer()
    for (const name of ['a'.repeat(401), '%F0%9F%99%82'.repeat(34)])
      expect(codeOf(await send(server, `/${name}/connect`, { token: 'ann', body: connectBody }))).toBe('400 bad-request')
  })
  test('say that the server is up', async () => {
    const server = startServer()
    expect(await send(server, '/healthz', { method: 'GET' })).toMatchObject({ status: 200, body: { status: 'ok' } })
    await server.close()
    expect(codeOf(await send(server, '/healthz', { method: 'GET' }))).toBe('503 unavailable')
  })
})

describe('a connect', () => {
  test('tells the log’s place, the client’s, the clock and the limits', async () => {
    const server = startServer({ limits: { pushCommands: 7 } })
    const ann = new Device(server)
    expect(await ann.connect()).toEqual({
      protocol: { oldest: 1, newest: 1 },
      place: { epoch: expect.any(String) as string, head: 0 },
      client: null,
      now: server.clock.now(),
      limits: { pushCommands: 7, bodyBytes: 4_000_000, pullRecords: 500 },
    })
    const bolt = register('bolt')
    await ann.push([bolt])
    expect(await ann.connect()).toMatchObject({ place: { head: 1 }, client: { sequence: 1, commandId: bolt.id } })
  })
  test('of a protocol that is not spoken here names those that are, whatever else the body holds', async () => {
    for (const protocol of [0, PROTOCOL + 1]) {
      const answer = await send(startServer(), '/hall-7/connect', { token: 'ann', body: JSON.stringify({ protocol }) })
      expect(codeOf(answer)).toBe('426 protocol')
      expect(answer.body).toMatchObject({ error: { oldest: 1, newest: PROTOCOL } })
    }
  })
  test('may say more than this version knows', async () => {
    const body = JSON.stringify({ ...sender, since: 'tomorrow', nested: { a: [1] } })
    expect((await send(startServer(), '/hall-7/connect', { token: 'ann', body })).status).toBe(200)
  })
})

describe('a body', () => {
  test('is JSON, plain or gzipped', async () => {
    const server = startServer()
    const post = (headers: Record<string, string>, body: BodyInit) => send(server, '/hall-7/connect', { token: 'ann', headers, body })
    const gzipped = gzipSync(connectBody)
    expect((await post({ 'content-type': 'application/json; charset=utf-8' }, connectBody)).status).toBe(200)
    expect((await post({ 'content-encoding': 'gzip' }, gzipped)).status).toBe(200)
    expect(codeOf(await post({ 'content-type': 'text/plain' }, connectBody))).toBe('415 media-type')
    expect(codeOf(await post({ 'content-encoding': 'br' }, connectBody))).toBe('415 media-type')
    expect(codeOf(await post({ 'content-encoding': 'gzip, gzip' }, gzipSync(gzipped)))).toBe('415 media-type')
    expect(codeOf(await post({ 'content-encoding': 'gzip' }, connectBody))).toBe('400 bad-request')
    expect(codeOf(await post({ 'content-encoding': 'gzip' }, gzipped.subarray(0, 20)))).toBe('400 bad-request')
    expect(codeOf(await post({}, gzipped))).toBe('400 bad-request')
    expect(codeOf(await post({}, ''))).toBe('400 bad-request')
    expect(codeOf(await post({}, '{"protocol":1'))).toBe('400 bad-request')
    expect(codeOf(await post({}, new Uint8Array([0x22, 0xff, 0x22])))).toBe('400 bad-request')
    expect(codeOf(await send(server, '/hall-7/connect', { token: 'ann', headers: { 'content-type': 'application/json' } }))).toBe(
      '400 bad-request',
    )
  })

  test('is not read beyond the limit, announced or not', async () => {
    const server = startServer({ limits: { bodyBytes: 1000 } })
    const long = JSON.stringify({ ...sender, more: 'x'.repeat(1000) })
    expect(codeOf(await send(server, '/hall-7/connect', { token: 'ann', body: long }))).toBe('413 too-large')
    let given = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += 100
        controller.enqueue(new Uint8Array(100).fill(0x20))
      },
    })
    const request = new Request('http://sync.test/hall-7/connect', {
      method: 'POST',
      headers: { 'authorization': 'Bearer ann', 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit)
    expect((await server.fetch(request)).status).toBe(413)
    expect(given).toBeLessThan(2000)
  })

  test('that unpacks to more than the limit is not unpacked whole', async () => {
    const server = startServer({ limits: { bodyBytes: 100_000 } })
    const bomb = gzipSync(Buffer.alloc(200_000_000, 0x20))
    expect(bomb.byteLength).toBeGreaterThan(100_000)
    expect(codeOf(await send(server, '/hall-7/connect', { token: 'ann', headers: { 'content-encoding': 'gzip' }, body: bomb }))).toBe(
      '413 too-large',
    )
    const small = gzipSync(Buffer.alloc(50_000_000, 0x20)) // packed it is within the limit
    expect(small.byteLength).toBeLessThan(100_000)
    const before = process.memoryUsage().arrayBuffers
    const startedAt = performance.now()
    expect(codeOf(await send(server, '/hall-7/connect', { token: 'ann', headers: { 'content-encoding': 'gzip' }, body: small }))).toBe(
      '413 too-large',
    )
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
  })
})

describe('answers', () => {
  test('are gzipped for who takes that, where they are worth it', async () => {
    const server = startServer()
    const ann = new Device(server)
    await ann.push(Array.from({ length: 100 }, (_, i) => register(`item-${i}`)))
    const ask = (path: string, body: object) =>
      server.fetch(
        new Request(`http://sync.test/hall-7/${path}`, {
          method: 'POST',
          headers: { 'authorization': 'Bearer ann', 'content-type': 'application/json', 'accept-encoding': 'gzip, br' },
          body: JSON.stringify({ ...sender, ...body }),
        }),
      )
    const pulled = await ask('pull', { epoch: ann.epoch, after: 0 })
    expect(pulled.headers.get('content-encoding')).toBe('gzip')
    const text = gunzipSync(Buffer.from(await pulled.arrayBuffer())).toString()
    expect(eventsOf((JSON.parse(text) as { records: [] }).records)).toHaveLength(100)
    expect((await ask('connect', {})).headers.get('content-encoding')).toBeNull()
  })

  test('are open to pages of those origins only that were named', async () => {
    const server = startServer({ cors: { origin: ['https://app.test'] } })
    const preflight = (origin: string) =>
      server.fetch(
        new Request('http://sync.test/hall-7/push', {
          method: 'OPTIONS',
          headers: {
            origin,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization,content-type,content-encoding',
          },
        }),
      )
    const allowed = await preflight('https://app.test')
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.test')
    expect(allowed.headers.get('access-control-allow-headers')).toMatch(/authorization.*content-type.*content-encoding/)
    expect((await preflight('https://evil.test')).headers.get('access-control-allow-origin')).toBeNull()
    const refused = await server.fetch(
      new Request('http://sync.test/hall-7/push', { method: 'POST', headers: { origin: 'https://app.test' } }),
    )
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.test')
    const closed = await startServer().fetch(new Request('http://sync.test/healthz', { headers: { origin: 'https://app.test' } }))
    expect(closed.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('limits', () => {
  test('on requests are each principal’s own, and are given back with time', async () => {
    let now = 0
    const clock = createTestClock()
    const environment = { ...testEnvironment(clock), clock: () => now }
    const server = startServer({ limits: { requestBurst: 3, requestsPerSecond: 2 }, environment })
    const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
    for (let i = 0; i < 3; i++) await ann.connect()
    const refused = await ann.post('connect', {})
    expect(codeOf(refused)).toBe('429 rate')
    expect(refused.headers.get('retry-after')).toBe('1')
    await bob.connect()
    now += 500
    await ann.connect()
    expect(codeOf(await ann.post('connect', {}))).toBe('429 rate')
    now += 60_000
    for (let i = 0; i < 3; i++) await ann.connect()
    expect(codeOf(await ann.post('connect', {}))).toBe('429 rate')
  })
  test('that make no sense keep the server from starting', () => {
    expect(() => startServer({ limits: { bodyBytes: 0 } })).toThrow(/bodyBytes/)
    expect(() => startServer({ limits: { listeners: Number.NaN } })).toThrow(/listeners/)
  })
  test('on open spaces: the one unused for longest is closed for the next, and those in use are not', async () => {
    const server = startServer({ limits: { openSpaces: 2 } })
    const devices = ['a', 'b', 'c', 'd'].map((space) => new Device(server, { space }))
    for (const device of devices) await device.push([register('bolt')])
    for (const device of devices) expect(eventsOf(await device.pull())).toHaveLength(1)
    const streams = await Promise.all(
      ['a', 'b'].map((space) =>
        server.fetch(new Request(`http://sync.test/${space}/changes`, { headers: { authorization: 'Bearer ann' } })),
      ),
    )
    expect(codeOf(await devices[2]!.post('connect', {}))).toBe('503 unavailable')
    await streams[0]!.body!.cancel()
    await devices[2]!.connect()
    await streams[1]!.body!.cancel()
  })
})

describe('the log', () => {
  test('has an entry for each request, and one for what went wrong inside', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const ann = new Device(server)
    await ann.push([register('bolt'), register('nut')])
    await send(server, '/nowhere', { method: 'GET' })
    storage.faults.fail('events.read', 'UnknownError')
    await ann.post('pull', { epoch: ann.epoch, after: 0 })
    expect(server.entries).toMatchObject([
      { event: 'started' },
      { event: 'request', level: 'info', route: 'connect', space: 'hall-7', principal: 'ann', clientId: 'ann-1', status: 200 },
      { event: 'request', route: 'push', count: 2, status: 200, durationMs: expect.any(Number) as number },
      { event: 'request', method: 'GET', status: 404, code: 'not-found' },
      {
        event: 'request',
        level: 'error',
        route: 'pull',
        status: 503,
        code: 'unavailable',
        fault: expect.stringContaining('UnknownError') as string,
      },
    ])
    for (const entry of server.entries) expect(JSON.parse(JSON.stringify(entry))).toEqual(entry)
  })
})

describe('closing', () => {
  test('finishes the push under way, and refuses the next one', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const ann = new Device(server)
    await ann.connect()
    const commit = storage.faults.pause('events.append')
    const pushing = ann.push([register('bolt')])
    await commit.reached
    const closing = server.close()
    const late = await ann.tryPush([{ sequence: 2, command: register('nut') }])
    expect(codeOf(late)).toBe('503 unavailable')
    expect(late.headers.get('retry-after')).toBe('1')
    commit.release()
    expect((await pushing).processed).toMatchObject([{ sequence: 1, outcome: { ok: true } }])
    await closing
    const next = startServer({ storage })
    expect((await ann.connect(next)).client?.sequence).toBe(1)
    expect(server.entries.at(-1)).toMatchObject({ event: 'closed' })
  })
  test('does not wait for a body that does not come', async () => {
    for (const coding of ['identity', 'gzip']) {
      const server = startServer()
      const request = new Request('http://sync.test/hall-7/connect', {
        method: 'POST',
        headers: { 'authorization': 'Bearer ann', 'content-type': 'application/json', 'content-encoding': coding },
        body: new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(gzipSync(connectBody).subarray(0, 10)) }),
        duplex: 'half',
      } as RequestInit)
      const asking = server.fetch(request)
      await settle()
      await server.close()
      expect((await asking).status).toBe(503)
    }
  })
  test('works twice, and writes states behind so that the next start has nothing to fold', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    await new Device(server).push([register('bolt')])
    await Promise.all([server.close(), server.close()])
    const log = await storage.openLog('stock.hall-7.log')
    expect([...(await log.states.checkpoints()).values()].every(({ record }) => record === 1)).toBe(true)
    log.close()
  })
  test('leaves nothing running', async () => {
    const clock = createTestClock()
    const server = startServer({ clock })
    await new Device(server).push([register('bolt')])
    await server.close()
    const entries = server.entries.length
    await clock.advance(24 * 60 * 60 * 1000)
    await settle()
    expect(server.entries).toHaveLength(entries)
  })
})
