/** Change notices: Server-Sent Events that say how far the log has grown. */
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { Change } from '../../src/sync/protocol.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { authenticate, closeServers, codeOf, command, Device, send, startServer, type TestServer } from '../support/sync-server.ts'

afterEach(closeServers)

/** A listener that keeps what it hears. */
async function listen(server: TestServer, token = 'ann', space = 'hall-7') {
  const stop = new AbortController()
  const response = await server.fetch(
    new Request(`http://sync.test/${space}/changes`, { headers: { authorization: `Bearer ${token}` }, signal: stop.signal }),
  )
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(response.headers.get('content-encoding')).toBeNull()
  const reader = response.body!.getReader()
  let text = ''
  const ended = (async () => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      text += new TextDecoder().decode(value)
    }
  })()
  return {
    ended,
    leave: () => reader.cancel(),
    text: () => text,
    heads: () => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => Change.parse(JSON.parse(data as string)).head),
  }
}
const register = (sku: string) => command('stockItem.register', sku, { name: sku })

test('tell the place at once, and after each commit', async () => {
  const server = startServer()
  const ann = new Device(server)
  await ann.push([register('a')])
  const listener = await listen(server)
  await settle()
  expect(listener.heads()).toEqual([1])
  await ann.push([register('b')])
  await settle()
  await ann.push([register('c')])
  await settle()
  expect(listener.heads()).toEqual([1, 2, 3])
  expect(listener.text()).toMatch(/^data: \{"epoch":"[^"]+","head":1\}\n\n/)
})

test('tell what another process appended', async () => {
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const [one, two] = [startServer({ clock, storage: storage.tab() }), startServer({ clock, storage: storage.tab() })]
  const listener = await listen(one)
  await new Device(two).push([register('a')])
  await clock.advance(3000)
  expect(listener.heads()).toEqual([0, 1])
})

test('tell it sooner where the storage itself tells', async () => {
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const rings = new Map<() => void, string>()
  const telling = Object.assign(storage.tab(), {
    onRecorded(name: string, callback: () => void) {
      rings.set(callback, name)
      return () => void rings.delete(callback)
    },
  })
  const [one, two] = [startServer({ clock, storage: telling }), startServer({ clock, storage: storage.tab() })]
  const listener = await listen(one)
  await new Device(two).push([register('a')])
  await clock.advance(5000)
  expect(listener.heads()).toEqual([0])
  expect([...rings.values()]).toEqual(['stock.hall-7.log'])
  for (const ring of rings.keys()) for (let i = 0; i < 3; i++) ring()
  await clock.advance(50)
  expect(listener.heads()).toEqual([0, 1])
  await listener.leave()
  expect(rings.size).toBe(0)
})

test('do not pile up behind a listener that does not read: it hears the newest when it does', async () => {
  const server = startServer()
  const ann = new Device(server)
  const response = await server.fetch(new Request('http://sync.test/hall-7/changes', { headers: { authorization: 'Bearer ann' } }))
  for (let i = 0; i < 50; i++) await ann.push([register(`item-${i}`)])
  const reader = response.body!.getReader()
  const heads: number[] = []
  for (let i = 0; i < 2; i++) heads.push(Number(/"head":(\d+)/.exec(new TextDecoder().decode((await reader.read()).value))?.[1]))
  expect(heads).toEqual([0, 50])
  await reader.cancel()
})

test('a comment keeps a silent stream alive', async () => {
  const clock = createTestClock()
  const listener = await listen(startServer({ clock }))
  await clock.advance(60_000)
  expect(
    listener
      .text()
      .split('\n\n')
      .filter((part) => part.startsWith(':')),
  ).toHaveLength(2)
})

describe('listeners', () => {
  test('are limited for each principal and in all, and leave room when they go', async () => {
    const server = startServer({ limits: { listenersPerPrincipal: 2, listeners: 3 } })
    const [first] = [await listen(server), await listen(server)]
    const third = await send(server, '/hall-7/changes', { method: 'GET', token: 'ann' })
    expect(codeOf(third)).toBe('429 rate')
    expect(third.headers.get('retry-after')).toBe('30')
    await listen(server, 'bob')
    expect(codeOf(await send(server, '/hall-7/changes', { method: 'GET', token: 'cem' }))).toBe('429 rate')
    await first.leave()
    await listen(server, 'cem')
  })

  test('end with the server, which does not wait for them to leave', async () => {
    const server = startServer()
    const listener = await listen(server)
    await server.close()
    await listener.ended
    expect(codeOf(await send(server, '/hall-7/changes', { method: 'GET', token: 'ann' }))).toBe('503 unavailable')
  })

  test('end with their space where storage takes it away, so that they come again', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const listener = await listen(server)
    await storage.destroy('stock.hall-7.log')
    await listener.ended
    await listen(server)
  })

  test('keep their space open; without them it is closed when it is idle', async () => {
    const clock = createTestClock()
    const storage = createMemoryStorage()
    const server = startServer({ clock, storage, limits: { idleSpaceMs: 1000 } })
    const listener = await listen(server)
    await clock.advance(10_000)
    const opened = storage.faults.pause('openLog')
    await new Device(server).connect() // would hang where it had to be opened
    await listener.leave()
    await clock.advance(10_000)
    const connecting = new Device(server).connect()
    await opened.reached
    opened.release()
    await connecting
  })

  test('are heard by the principal alone who is authenticated', () => {
    expect(authenticate(new Request('http://sync.test', { headers: { authorization: 'Bearer ann' } }))).toBe('ann')
    expect(authenticate(new Request('http://sync.test'))).toBeUndefined()
  })
})
