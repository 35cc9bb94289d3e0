/** The whole engine in this thread, on memory storage, behind the handle that `connect` gives. */
import type { App } from '../client/app.ts'
import { connect } from '../client/connect.ts'
import type { AnyDomain } from '../domain/infer.ts'
import { createEngine } from '../engine/create-engine.ts'
import type { Environment } from '../engine/engine.ts'
import { createMemoryStorage, type MemoryStorage } from '../storage/memory/memory-storage.ts'
import { hostEngine } from '../worker/host.ts'
import { soleTab } from '../worker/tabs.ts'

export interface TestAppOptions {
  /** Default `test`. */
  readonly space?: string
  readonly actor?: string
  /** Give the same one again to start anew on what an earlier app has kept. Default: an empty one. */
  readonly storage?: MemoryStorage
  /** The engine's clock for expiry and timers, ms since 1970. Default: the real one. */
  readonly now?: () => number
}

/**
 * An app for tests, in Node or anywhere: real Commands, Events, Read Models, process managers and reactors.
 *
 * @example
 * const app = testApp(stockroom)
 * await app.commands.stockItem.register('sku-1', { name: 'Bolt' })
 * expect(await app.read.stockList).toEqual([{ sku: 'sku-1', name: 'Bolt', onHand: 0 }])
 * await app.close()
 */
export function testApp<D extends AnyDomain>(domain: D, options: TestAppOptions = {}): App<D> {
  const { space = 'test', actor, storage = createMemoryStorage(), now = Date.now } = options
  const environment = soleEnvironment(now)
  return connect<D>({
    space,
    ...(actor === undefined ? {} : { actor }),
    endpoint() {
      const { port1, port2 } = new MessageChannel()
      const host = hostEngine(port2, {
        open: async (log) => ({ engine: await createEngine({ domain, storage, ...log, environment }), tabs: soleTab }),
      })
      return { port: port1, terminate: () => void host.close().finally(() => port2.close()) }
    },
  })
}

/** Surroundings where nobody else can be. */
const soleEnvironment = (now: () => number): Environment => ({
  now,
  clock: () => performance.now(),
  clockOrigin: performance.timeOrigin,
  randomId: () => crypto.randomUUID(),
  exclusive: (_, work, signal) => work(signal),
  alone: () => Promise.resolve(true),
  later(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
})
