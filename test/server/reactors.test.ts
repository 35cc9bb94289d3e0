/** Reactors of a server that several processes run: one of them at a time has each, and another one goes on where it ends. */
import { aggregate, domain, processManager, reactor, type ReactorPlace } from 'outpost'
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { derivedId } from '../../src/domain/id.ts'
import { leased } from '../../src/server/lease.ts'
import { notes } from '../fixtures/notes.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { testEnvironment } from '../support/engine.ts'
import { closeServers, codeOf, command, Device, startServer, type ServerOptions } from '../support/sync-server.ts'

afterEach(closeServers)

/** Two processes on one storage, both with the space open; `did` says who did what. */
async function twoProcesses({ limits = {} }: Pick<ServerOptions, 'limits'> = {}) {
  const clock = createTestClock()
  const shared = createMemoryStorage()
  const did: string[] = []
  const start = (name: string) => {
    const storage = shared.tab()
    const server = startServer({ clock, storage, limits, domain: notes((id) => did.push(`${name} ${id}`)) })
    return { server, storage, device: new Device(server, { principal: name }) }
  }
  const [one, two] = [start('one'), start('two')]
  await one.device.connect()
  await settle()
  await two.device.connect()
  await settle()
  const write = (device: Device, ...ids: string[]) => device.push(ids.map((id) => command('note.write', id, {})))
  return { clock, shared, did, one, two, write }
}

describe('two processes', () => {
  test('do what an Event asks for once, whichever of them recorded it', async () => {
    const { clock, did, one, two, write } = await twoProcesses()
    for (let n = 0; n < 10; n++) {
      await write(one.device, `a${n}`)
      await write(two.device, `b${n}`)
      await clock.advance(2_000)
    }
    await clock.advance(60_000)
    expect(did.map((each) => each.slice(4)).sort()).toEqual([...Array(10).keys()].flatMap((n) => [`a${n}`, `b${n}`]).sort())
    expect(new Set(did.map((each) => each.slice(0, 3)))).toEqual(new Set(['one']))
  })

  test('hand over where the one that has it is closed', async () => {
    const { clock, did, one, two, write } = await twoProcesses()
    await write(one.device, 'a')
    await settle()
    await one.server.close()
    await write(two.device, 'b')
    await clock.advance(4_000)
    expect(did).toEqual(['one a', 'two b'])
  })

  test('where the one that has it cannot reach its storage: it stops, the other goes on, and neither does it twice', async () => {
    const { clock, did, one, two, write } = await twoProcesses()
    await write(one.device, 'a')
    await settle()
    const mend = one.storage.faults.fail('meta.update', 'UnknownError', Infinity)
    await clock.advance(10_000)
    await write(two.device, 'b')
    await clock.advance(20_000)
    expect(did).toEqual(['one a', 'two b'])
    mend()
    await clock.advance(60_000)
    await write(one.device, 'c')
    await clock.advance(60_000)
    expect(did).toEqual(['one a', 'two b', 'two c'])
  })

  test('close a space that nobody uses, also where the other one has taken the reactor from it', async () => {
    const { clock, did, one, two, write } = await twoProcesses({ limits: { idleSpaceMs: 60_000 } })
    await write(one.device, 'a')
    await settle()
    const mend = one.storage.faults.fail('meta.update', 'UnknownError', Infinity)
    await clock.advance(30_000)
    mend()
    for (let n = 0; n < 10; n++) {
      await write(two.device, `b${n}`)
      await clock.advance(30_000)
    }
    expect(did).toEqual(['one a', ...[...Array(10).keys()].map((n) => `two b${n}`)])
    one.storage.faults.fail('openLog', 'UnknownError')
    expect(codeOf(await one.device.post('connect', {}))).toBe('503 unavailable') // as it had to be opened
  })

  test('leave nothing behind in the log when they end', async () => {
    const { shared, one, two } = await twoProcesses()
    await one.server.close()
    await two.server.close()
    expect(await (await shared.tab().openLog('notes.hall-7.log')).meta.entries('lease.')).toEqual(new Map())
  })
})

/** A reminder, half a minute after each note was begun; all that is noted is told, each time by whom it was caused. */
function reminders() {
  const did: string[] = []
  const memo = aggregate('memo', {
    state: z.object({}),
    events: { begun: z.object({}), reminded: z.object({}) },
    commands: { begin: z.object({}), remind: z.object({}) },
    create: { begun: () => ({}) },
    evolve: { reminded: (state) => state },
    decide: { begin: (_, __, { emit }) => emit.begun({}), remind: (_, __, { emit }) => emit.reminded({}) },
  })
  const reminder = processManager('reminder', {
    version: 1,
    state: z.object({ id: z.string() }),
    from: [memo],
    sends: [memo],
    ignores: ['memo.reminded'],
    on: {
      'memo.begun': {
        key: ({ aggregateId }) => aggregateId,
        handle: (_, { aggregateId }) => ({ state: { id: aggregateId }, timers: [{ timer: 'due', afterMs: 30_000 }] }),
      },
    },
    timers: { due: ({ id }, _, { send }) => ({ state: undefined, commands: [send.memo.remind(id, {})] }) },
  })
  const note = (name: string, runs: ReactorPlace) => {
    const tell = (what: string) => (event: { readonly aggregateId: string }) => void did.push(`${name} ${what} ${event.aggregateId}`)
    return reactor(name, { from: [memo], runs, on: { 'memo.begun': tell('begun'), 'memo.reminded': tell('reminded') } })
  }
  const reactors = [note('mail', 'origin'), note('beep', 'everywhere'), note('bill', 'server')]
  return { did, domain: domain('memos', { aggregates: [memo], processManagers: [reminder], reactors }) }
}

describe('what a server itself brings about', () => {
  test('has the server for its origin: a reactor that runs there where an Event comes from runs here', async () => {
    const clock = createTestClock()
    const { did, domain: memos } = reminders()
    const device = new Device(startServer({ clock, domain: memos }))
    await device.connect()
    await settle()
    await device.push([command('memo.begin', 'm', {}, { at: clock.now() })])
    await clock.advance(60_000)
    // That it was begun is for the device to tell.
    expect(did.sort()).toEqual(['bill begun m', 'bill reminded m', 'mail reminded m'])
  })

  test('and what a device brought about is left to it, its timers included', async () => {
    const clock = createTestClock()
    const { did, domain: memos } = reminders()
    const device = new Device(startServer({ clock, domain: memos }))
    await device.connect()
    await settle()
    const begin = command('memo.begin', 'm', {}, { at: clock.now() - 60_000 })
    const payload = { manager: 'reminder', key: 'm', name: 'due', dueAt: clock.now() - 30_000, setBy: `${begin.id}.0` }
    const id = derivedId('timer', payload.manager, payload.key, payload.name, payload.setBy)
    await device.push([begin, command('$timer', 'm', payload, { id, at: payload.dueAt, causationId: payload.setBy })])
    await clock.advance(60_000)
    expect(did.sort()).toEqual(['bill begun m', 'bill reminded m'])
  })
})

describe('a lease', () => {
  /** Processes that want the same, each with surroundings of its own, on one clock. */
  async function processes(count: number) {
    const clock = createTestClock()
    const shared = createMemoryStorage()
    const running = new Set<number>()
    const most: number[] = []
    const all = await Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const storage = shared.tab()
        const { meta } = await storage.openLog('log')
        const closing = new AbortController()
        const done = leased({ meta, environment: testEnvironment(clock) })(
          'role',
          async (stop) => {
            running.add(n)
            most.push(running.size)
            await new Promise((resolve) => stop.addEventListener('abort', resolve))
            running.delete(n)
          },
          closing.signal,
        )
        const close = (): Promise<void> => {
          closing.abort()
          return done
        }
        return { faults: storage.faults, close }
      }),
    )
    await settle()
    return { clock, running, most, all, close: () => Promise.all(all.map((each) => each.close())) }
  }

  test('is had by one at a time, and in the end by each of those that wait', async () => {
    const { clock, running, most, all } = await processes(4)
    for (let left = all.length; left > 0; left--) {
      expect(running.size).toBe(1)
      const [holder] = running
      await all[holder as number]?.close()
      await clock.advance(4_000)
    }
    expect([most, running.size]).toEqual([[1, 1, 1, 1], 0])
  })

  test('whose holder is silent is taken by one of those that wait, after the holder has stopped', async () => {
    const { clock, running, most, all, close } = await processes(3)
    const [first] = [...running] as [number]
    all[first]?.faults.fail('meta.update', 'UnknownError', Infinity)
    await clock.advance(8_000)
    expect([...running]).toEqual([first])
    await clock.advance(20_000)
    expect(running.size).toBe(1)
    expect(running.has(first)).toBe(false)
    expect(Math.max(...most)).toBe(1)
    await close()
  })

  test('is not taken while storage fails for all: nobody could have renewed it', async () => {
    const { clock, running, most, all, close } = await processes(2)
    const [first] = [...running] as [number]
    const mends = all.map(({ faults }) => faults.fail('meta.update', 'UnknownError', Infinity))
    await clock.advance(60_000)
    expect(running.size).toBe(0)
    for (const mend of mends) mend()
    await clock.advance(30_000)
    expect(running.size).toBe(1)
    expect(Math.max(...most)).toBe(1)
    expect(first).toBeDefined()
    await close()
  })
})
