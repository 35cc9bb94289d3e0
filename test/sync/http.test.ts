/** Over real HTTP, with the environment that browsers give; Node has all of it but Web Locks. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { browserEnvironment } from '../../src/sync/browser-environment.ts'
import { type RunningSync, startSync } from '../../src/sync/running-sync.ts'
import { type HttpServer, serve } from './support/http-server.ts'
import { MemoryLog } from './support/memory-log.ts'
import { ErrorAnswered, SimulatedServer } from './support/simulated-server.ts'

let simulated: SimulatedServer
let server: HttpServer
let log: MemoryLog
let running: RunningSync
const reported: unknown[] = []

/** `navigator.locks` came to Node with version 24. */
const soleLock = async (_: string, { signal }: { signal?: AbortSignal }, held: () => Promise<void>): Promise<void> => {
  if (!signal?.aborted) await held()
}
const start = (token: () => Promise<string> = async () => 'token-ann', space = 'hall 7'): RunningSync => {
  const globals = { addEventListener: () => undefined, removeEventListener: () => undefined }
  vi.stubGlobal('addEventListener', globals.addEventListener)
  vi.stubGlobal('removeEventListener', globals.removeEventListener)
  return (running = startSync(
    server.url,
    token,
    { ...browserEnvironment(), lock: soleLock },
    {
      log,
      space,
      prefix: `stock.${Math.random()}`,
      askPage: async () => undefined,
      report: (thrown) => reported.push(thrown),
    },
  ))
}
const until = async (holds: () => boolean): Promise<void> => vi.waitFor(() => expect(holds()).toBe(true), { timeout: 20_000, interval: 5 })
const isUpToDate = (): boolean => running.status.state === 'upToDate'

beforeEach(async () => {
  reported.length = 0
  simulated = new SimulatedServer()
  server = await serve(simulated)
  log = new MemoryLog()
})
afterEach(async () => {
  await running.close()
  await server.close()
  vi.unstubAllGlobals()
  expect(reported).toEqual([])
})

describe('over real HTTP', () => {
  test('Commands go out and outcomes come in; large bodies are packed, small ones are not', async () => {
    const ids = log.give(1200, { payload: 'ä'.repeat(50) })
    start()
    await until(isUpToDate)
    expect(log.ended).toEqual(ids)
    expect(server.headers('push').map((headers) => headers['content-encoding'])).toEqual(['gzip', 'gzip', 'gzip'])
    expect(server.headers('connect').map((headers) => headers['content-encoding'])).toEqual([undefined])
    expect(server.paths[0]).toBe('/sync/hall 7/connect')
    expect(server.headers('pull').every(({ authorization }) => authorization === 'Bearer token-ann')).toBe(true)
  })
  test('up to date is never said while a Command waits, from the moment that it is there', async () => {
    start()
    await until(isUpToDate)
    const told: string[] = []
    running.listen(() => told.push(`${running.status.state} ${running.status.pending}`))
    log.give(2)
    expect(running.status).toMatchObject({ state: 'syncing', done: 0, of: 2, pending: 2 })
    await until(isUpToDate)
    expect(told[0]).toBe('syncing 2')
    expect(told.filter((each) => each.startsWith('upToDate') && each !== 'upToDate 0')).toEqual([])
  })
  test('the change notice comes over fetch, with the token in its header', async () => {
    start()
    await until(() => simulated.listeners.size === 1)
    expect(server.headers('changes')).toMatchObject([{ authorization: 'Bearer token-ann', accept: 'text/event-stream' }])
    simulated.foreign(3)
    await until(() => log.records.length === 3)
    expect(server.headers('pull')).toHaveLength(1)
  })
  test('closing ends the stream and everything else', async () => {
    start()
    await until(() => simulated.listeners.size === 1)
    await running.close()
    await until(() => simulated.listeners.size === 0)
  })
  test('connections that break before and after the server has acted double nothing and lose nothing', async () => {
    const ids = log.give(3)
    server.break('before', 1)
    server.break('after', 2)
    start()
    await until(isUpToDate)
    server.break('after', 1)
    const more = log.give(3)
    await until(isUpToDate)
    expect(log.ended).toEqual([...ids, ...more])
    for (const id of log.ended) expect(simulated.effects.get(id)).toBe(1)
  })
  test('typed errors arrive with their code, those of others by their status', async () => {
    simulated.failing.set('connect', new ErrorAnswered('forbidden', 'Not in this space.'))
    start()
    await until(() => running.status.state === 'forbidden')
    expect(running.status).toMatchObject({ problem: expect.stringContaining('403: Not in this space.') })
  })
  test('nobody at the other end is told as such', async () => {
    await server.close()
    start()
    await until(() => running.status.state === 'offline')
    expect(running.status).toMatchObject({ problem: expect.stringContaining('no way to the server') })
    server = await serve(simulated)
  })
})
