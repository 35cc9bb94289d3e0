/** Several server processes on one storage, and storage that fails: exactly once all the same. */
import { createMemoryStorage, type MemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { createTestClock, settle } from '../support/clock.ts'
import { closeServers, codeOf, command, Device, eventsOf, startServer, type TestServer } from '../support/sync-server.ts'

afterEach(closeServers)

const LOG = 'stock.hall-7.log'
const register = (sku: string) => command('stockItem.register', sku, { name: sku })
const receive = (sku: string, quantity: number) => command('stockItem.receive', sku, { quantity })

function twoServers(): { readonly one: TestServer; readonly two: TestServer; readonly storages: readonly [MemoryStorage, MemoryStorage] } {
  const shared = createMemoryStorage()
  const storages = [shared.tab(), shared.tab()] as const
  return { one: startServer({ storage: storages[0] }), two: startServer({ storage: storages[1] }), storages }
}

describe('two processes', () => {
  test('answer a repeated push alike: hazard 17', async () => {
    const { one, two } = twoServers()
    const ann = new Device(one)
    const commands = ann.number([register('bolt'), receive('bolt', 1), command('stockItem.pick', 'bolt', { quantity: 5 })])
    await new Device(two, { principal: 'bob' }).connect()
    const first = await ann.pushed(commands)
    expect((await ann.pushed(commands, 0, two)).processed).toEqual(first.processed)
    expect((await ann.connect(two)).client).toEqual((await ann.connect(one)).client)
  })

  test('that get the same push at once process it once: hazard 19', async () => {
    const { one, two } = twoServers()
    const ann = new Device(one)
    await ann.connect()
    const commands = ann.number([register('bolt'), ...Array.from({ length: 20 }, () => receive('bolt', 1))])
    const answers = await Promise.all([0, 1, 2, 3].map((i) => ann.pushed(commands, 0, i % 2 === 0 ? one : two)))
    for (const answer of answers) expect(answer.processed).toEqual(answers[0]?.processed)
    expect(eventsOf(await ann.pull())).toHaveLength(21)
  })

  test('that decide on the same state at once do not both take the last items', async () => {
    const { one, two } = twoServers()
    const devices = Array.from({ length: 8 }, (_, i) => new Device(i % 2 === 0 ? one : two, { principal: `p${i}` }))
    await devices[0]?.push([register('bolt'), receive('bolt', 3)])
    await Promise.all(devices.map((device) => device.connect()))
    const outcomes = await Promise.all(devices.map((device) => device.give('stockItem.pick', 'bolt', { quantity: 1 })))
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(3)
    expect(outcomes.filter((outcome) => outcome === 'outOfStock')).toHaveLength(5)
    expect(await devices[0]?.pull()).toEqual(
      (await devices[1]!.pull()).map((record) => expect.objectContaining({ number: record.number, events: record.events }) as unknown),
    )
  })

  test('that are behind do not tell of gaps and forks that are none', async () => {
    const { one, two } = twoServers()
    const ann = new Device(one)
    await ann.connect(two)
    const commands = ann.number([register('bolt'), receive('bolt', 1), receive('bolt', 2)])
    await ann.pushed(commands.slice(0, 1), 0, two)
    await ann.pushed(commands.slice(1, 2), 0, one)
    expect((await ann.pushed(commands.slice(2), 0, two)).processed).toMatchObject([{ sequence: 3 }])
    expect((await ann.pushed(commands.slice(1, 2), 0, two)).processed).toMatchObject([{ sequence: 2 }])
  })

  test('know the same Command under another sequence, wherever it was first', async () => {
    const { one, two } = twoServers()
    const [ann, again] = [new Device(one), new Device(two, { clientId: 'ann-2' })]
    await again.connect()
    const bolt = register('bolt')
    const first = await ann.push([bolt])
    await again.push([bolt])
    expect((await again.pull()).at(-1)?.commands).toMatchObject([{ duplicateOf: first.processed[0]?.record }])
  })

  test('pull what the other one has just appended', async () => {
    const { one, two } = twoServers()
    const [ann, bob] = [new Device(one), new Device(two, { principal: 'bob' })]
    await bob.pull()
    await ann.push([register('bolt')])
    expect(eventsOf(await bob.pull())).toEqual(['stockItem.registered bolt 1'])
  })
})

describe('storage that fails', () => {
  test('processes nothing, answers 503, and the same push goes through later', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const ann = new Device(server)
    await ann.push([register('bolt')])
    const commands = ann.number([receive('bolt', 1), receive('bolt', 2)])
    for (const error of ['UnknownError', 'QuotaExceededError']) {
      storage.faults.fail('events.append', error)
      const failed = await ann.tryPush(commands)
      expect(codeOf(failed)).toBe('503 unavailable')
      expect(failed.headers.get('retry-after')).toBe('1')
      expect(JSON.stringify(failed.body)).not.toContain(LOG)
      expect((await ann.connect()).client?.sequence).toBe(1)
    }
    expect((await ann.pushed(commands)).processed).toMatchObject([{ sequence: 2 }, { sequence: 3 }])
    expect(eventsOf(await ann.pull())).toEqual(['stockItem.registered bolt 1', 'stockItem.received bolt 2', 'stockItem.received bolt 3'])
  })

  test('hazard 3: an append whose answer was lost is found in the log, and not done again', async () => {
    const storage = createMemoryStorage()
    const ann = new Device(startServer({ storage }))
    await ann.push([register('bolt')])
    storage.faults.failInDoubt('events.append')
    expect((await ann.push([receive('bolt', 1)])).processed).toMatchObject([{ sequence: 2, outcome: { ok: true } }])
    expect(eventsOf(await ann.pull())).toHaveLength(2)
    expect((await ann.connect()).client?.sequence).toBe(2)
  })

  test('when its space is opened answers 503, and the next request opens it', async () => {
    const storage = createMemoryStorage()
    const ann = new Device(startServer({ storage }))
    storage.faults.fail('openLog', 'UnknownError')
    expect(codeOf(await ann.post('connect', {}))).toBe('503 unavailable')
    await ann.push([register('bolt')])
    expect(eventsOf(await ann.pull())).toHaveLength(1)
  })

  test('while a space is brought up answers 503 in the end, and the space is opened anew', async () => {
    const storage = createMemoryStorage()
    const crashed = new Device(startServer({ storage: storage.tab() }))
    await crashed.push([register('bolt')])
    const clock = createTestClock()
    const server = startServer({ storage, clock })
    const ann = new Device(server)
    const lift = storage.faults.fail('states.load', 'UnknownError', Infinity)
    const reading = storage.faults.fail('events.read', 'UnknownError', Infinity)
    const failing = new Device(server, { clientId: 'ann-2' })
    failing.epoch = crashed.epoch
    const answer = failing.tryPush([{ sequence: 1, command: receive('bolt', 1) }])
    await clock.advance(60_000)
    expect(codeOf(await answer)).toBe('503 unavailable')
    lift()
    reading()
    await clock.advance(1000)
    expect(server.entries).toContainEqual(
      expect.objectContaining({ event: 'space-fault', fault: expect.stringContaining('brought up') as string }),
    )
    ann.sequence = 1
    expect(await ann.give('stockItem.receive', 'bolt', { quantity: 1 })).toBe('ok')
  })

  test('while reading answers 503 as well', async () => {
    const storage = createMemoryStorage()
    const ann = new Device(startServer({ storage }))
    await ann.push([register('bolt')])
    const lift = storage.faults.fail('events.read', 'UnknownError', Infinity)
    expect(codeOf(await ann.post('pull', { epoch: ann.epoch, after: 0 }))).toBe('503 unavailable')
    expect(codeOf(await ann.post('connect', {}))).toBe('503 unavailable')
    lift()
    expect(await ann.pull()).toHaveLength(1)
  })

  test('that takes the log away: its space is opened anew, and clients of the lost log are told', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const ann = new Device(server)
    await ann.push([register('bolt')])
    await storage.destroy(LOG)
    await settle()
    expect(codeOf(await ann.tryPush([{ sequence: 2, command: receive('bolt', 1) }]))).toBe('409 restored')
    expect(server.entries).toContainEqual(expect.objectContaining({ event: 'space-fault', space: 'hall-7' }))
  })

  test('that lost its end is noticed by a client that has followed it further: hazard 21', async () => {
    const storage = createMemoryStorage()
    const first = startServer({ storage })
    const ann = new Device(first)
    await ann.push([register('bolt')])
    await ann.push([receive('bolt', 1)])
    await ann.pull()
    await first.close()
    storage.powerLoss(LOG, 1)
    const second = startServer({ storage })
    expect(codeOf(await ann.post('pull', { epoch: ann.epoch, after: 2 }, second))).toBe('409 restored')
    // What is left does not fit together: nobody is told that all is well.
    expect(codeOf(await ann.post('connect', {}, second))).toBe('503 unavailable')
    expect(second.entries.at(-1)).toMatchObject({ fault: expect.stringContaining('its end was lost') as string })
  })

  test('one push that storage cannot take fails alone: the others that came with it go through', async () => {
    const storage = createMemoryStorage()
    const server = startServer({ storage })
    const devices = Array.from({ length: 4 }, (_, i) => new Device(server, { principal: `p${i}` }))
    await Promise.all(devices.map((device) => device.connect()))
    storage.faults.fail('events.append', 'DataError', 1)
    const commands = devices.map((device) => device.number([register(device.principal)]))
    const together = await Promise.all(devices.map((device, i) => device.tryPush(commands[i]!)))
    expect(together.map(({ status }) => status)).toEqual([503, 503, 503, 503])
    // Now each comes in a commit of its own, so that the one that is to blame is alone with it.
    storage.faults.fail('events.append', 'DataError', 1)
    const apart = await Promise.all(devices.map((device, i) => device.tryPush(commands[i]!)))
    expect(apart.map(({ status }) => status)).toEqual([503, 200, 200, 200])
  })
})
