/** Reactors of a server that several processes run: one of them at a time has each, and another one goes on where it ends. */
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { leased } from '../../src/server/lease.ts'
import { notes } from '../fixtures/notes.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { testEnvironment } from '../support/engine.ts'
import { closeServers, command, Device, startServer } from '../support/sync-server.ts'

afterEach(closeServers)

/** Two processes on one storage, both with the space open; `did` says who did what. */
async function twoProcesses() {
  const clock = createTestClock()
  const shared = createMemoryStorage()
  const did: string[] = []
  const start = (name: string) => {
    const storage = shared.tab()
    const server = startServer({ clock, storage, domain: notes((id) => did.push(`${name} ${id}`)) })
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

  test('leave nothing behind in the log when they end', async () => {
    const { shared, one, two } = await twoProcesses()
    await one.server.close()
    await two.server.close()
    expect(await (await shared.tab().openLog('notes.hall-7.log')).meta.entries('lease.')).toEqual(new Map())
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
