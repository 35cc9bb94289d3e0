/** Devices with their whole engine and sync, and two server processes on one storage, over a network that loses and doubles. */
import { createMemoryStorage } from 'outpost/testing'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { EngineLog } from '../../src/sync/engine-log.ts'
import type { SyncEnvironment } from '../../src/sync/environment.ts'
import { type RunningSync, startSync } from '../../src/sync/running-sync.ts'
import { createTestClock, settle, type TestClock } from '../support/clock.ts'
import { message, openEngine } from '../support/engine.ts'
import { closeServers, Device as Stranger, eventsOf, startServer, type TestServer } from '../support/sync-server.ts'

afterEach(closeServers)

/** What happens to a request: it does not arrive, its answer does not, or it arrives twice. */
type Fault = 'lost' | 'unanswered' | 'doubled'

class Network {
  readonly servers: TestServer[] = []
  faults: (Fault | undefined)[] = []
  #asked = 0

  async fetch(url: string, init: RequestInit): Promise<Response> {
    const server = this.servers[this.#asked++ % this.servers.length] as TestServer
    const fault = this.faults.shift()
    if (fault === 'lost') throw new TypeError('lost')
    const ask = () => server.fetch(new Request(url, init))
    if (fault === 'doubled') await Promise.all([ask(), ask()])
    const answer = await ask()
    if (fault !== 'unanswered') return answer
    await answer.body?.cancel()
    throw new TypeError('no answer')
  }
}

function surroundings(clock: TestClock, network: Network): SyncEnvironment {
  return {
    now: clock.now,
    random: Math.random,
    randomId: () => crypto.randomUUID(),
    later: clock.later,
    fetch: (url, init) => network.fetch(url, init),
    gzip: async (text) =>
      new Uint8Array(await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer()),
    lock: (_, __, held) => held(),
    channel: () => ({ say: () => undefined, close: () => undefined }),
    onNetwork: () => () => undefined,
  }
}

interface Device {
  readonly engine: Engine
  readonly sync: RunningSync
}

async function openDevice(clock: TestClock, network: Network): Promise<Device> {
  const engine = await openEngine(createMemoryStorage(), { clock })
  const sync = startSync('http://sync.test', async () => 'ann', surroundings(clock, network), {
    log: new EngineLog(engine.inside, settle),
    space: 'hall-7',
    prefix: 'stock.hall-7.ann',
    askPage: async () => undefined,
    report: (thrown) => {
      throw thrown
    },
  })
  return { engine, sync }
}

const skus = ['bolt', 'nut']
const step = fc.oneof(
  fc.record({
    device: fc.nat({ max: 2 }),
    type: fc.constantFrom('receive', 'pick', 'pick', 'pick'),
    sku: fc.constantFrom(...skus),
    quantity: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ waitMs: fc.constantFrom(1, 100, 3000) }),
)

test('whatever the network does: every Command is processed once, and all devices come to what the server says', async () => {
  const seen = { refused: 0, accepted: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 60 }),
      fc.array(fc.option(fc.constantFrom<Fault>('lost', 'unanswered', 'doubled'), { nil: undefined }), { maxLength: 30 }),
      async (steps, faults) => {
        const clock = createTestClock()
        const storage = createMemoryStorage()
        const network = new Network()
        network.servers.push(startServer({ clock, storage: storage.tab() }), startServer({ clock, storage: storage.tab() }))
        const devices = [await openDevice(clock, network), await openDevice(clock, network), await openDevice(clock, network)]
        await clock.advance(1000) // they have joined: a log that lived before is opened anew then, which is another test's
        const given: string[] = []
        const stocked = skus.flatMap((sku) => [
          { device: 0, type: 'register', sku, quantity: 0 },
          { device: 0, type: 'receive', sku, quantity: 6 },
        ])
        for (const each of [...stocked, { waitMs: 5000 }, ...steps]) {
          if (each === steps[0]) network.faults = [...faults]
          if ('waitMs' in each) {
            await clock.advance(each.waitMs)
            continue
          }
          const { type, sku, quantity, device } = each
          const wanted = message(`stockItem.${type}`, sku, type === 'register' ? { name: sku } : { quantity }, { at: clock.now() })
          const outcome = await devices[device]!.engine.dispatch([wanted])[0]!
          // What a device refuses at its first decision is never pushed.
          if (outcome.ok) given.push(wanted.id)
        }
        network.faults = []
        for (let i = 0; i < 40 && devices.some(({ sync }) => sync.status.state !== 'upToDate'); i++) await clock.advance(60_000)
        await clock.advance(5000)
        expect(devices.map(({ sync }) => sync.status.state)).toEqual(['upToDate', 'upToDate', 'upToDate'])

        const server = new Stranger(network.servers[0]!, { clientId: 'reader' })
        const records = await server.pull()
        const log = await storage.openLog('stock.hall-7.log')
        const roots = (await log.events.read(0, Infinity)).flatMap(({ commands }) => commands).filter(({ origin }) => origin)
        expect(roots.map(({ id }) => id).sort()).toEqual([...given].sort())
        for (const { outcome } of roots) seen[outcome.ok ? 'accepted' : 'refused']++
        for (const { engine } of devices) {
          for (const sku of skus) {
            const history = (await engine.history('stockItem', sku)).map(({ type, version }) => `${type} ${sku} ${version}`)
            expect(history).toEqual(eventsOf(records).filter((event) => event.includes(` ${sku} `) && event.startsWith('stockItem')))
            expect(await engine.load('stockItem', sku)).toEqual(await devices[0]!.engine.load('stockItem', sku))
          }
        }
        await Promise.all(devices.map(({ sync }) => sync.close()))
        await Promise.all(devices.map(({ engine }) => engine.close()))
        await closeServers()
      },
    ),
    { numRuns: 10, endOnFailure: true },
  )
  expect(seen.accepted).toBeGreaterThan(0)
  expect(seen.refused).toBeGreaterThan(0)
})
