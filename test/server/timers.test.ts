/** Timers, parked instances and reactors: the server is the one that decides them for good. */
import { aggregate, domain, processManager, reactor } from 'outpost'
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { derivedId } from '../../src/domain/id.ts'
import { createTestClock, settle } from '../support/clock.ts'
import { give, openEngine } from '../support/engine.ts'
import { closeServers, command, Device, eventsOf, startServer, type ServerOptions } from '../support/sync-server.ts'

afterEach(closeServers)

const MINUTE = 60_000

const task = aggregate('task', {
  state: z.object({ status: z.enum(['open', 'done', 'overdue']) }),
  events: { opened: z.object({}), finished: z.object({}), lapsed: z.object({}) },
  commands: { open: z.object({}), finish: z.object({}), lapse: z.object({}) },
  create: { opened: () => ({ status: 'open' }) },
  evolve: { finished: () => ({ status: 'done' }), lapsed: () => ({ status: 'overdue' }) },
  decide: {
    open: (state, _, { emit }) => (state ? [] : emit.opened({})),
    finish: (_, __, { emit }) => emit.finished({}),
    lapse: (_, __, { emit }) => emit.lapsed({}),
  },
})

let broken = false
const watch = processManager('watch', {
  version: 1,
  state: z.object({ id: z.string() }),
  from: [task],
  sends: [task],
  ignores: ['task.lapsed'],
  on: {
    'task.opened': {
      key: (event) => event.aggregateId,
      handle: (_, { aggregateId }) => {
        if (broken) throw new Error('broken')
        return { state: { id: aggregateId }, timers: [{ timer: 'overdue', afterMs: MINUTE }] }
      },
    },
    'task.finished': { key: (event) => event.aggregateId, handle: () => ({ state: undefined }) },
  },
  timers: { overdue: ({ id }, _, { send }) => ({ state: undefined, commands: [send.task.lapse(id, {})] }) },
})
const tasks = domain('tasks', { aggregates: [task], processManagers: [watch] })

const start = (options: ServerOptions = {}) => startServer({ domain: tasks, ...options })
const lapsed = async (device: Device) => eventsOf(await device.pull()).filter((event) => event.startsWith('task.lapsed'))

/** The timer of task `t`, opened by this Command, as a device that was alone has fired it. */
function timer(openedBy: string, dueAt: number, more: Record<string, unknown> = {}) {
  const setBy = `${openedBy}.0`
  const payload = { manager: 'watch', key: 't', name: 'overdue', dueAt, setBy, ...more }
  const id = derivedId('timer', payload.manager, payload.key, payload.name, payload.setBy)
  return command('$timer', payload.key, payload, { id, at: dueAt, causationId: setBy })
}

describe('timers', () => {
  test('fire on the server when they are due, once, also with two processes', async () => {
    const clock = createTestClock()
    const storage = createMemoryStorage()
    const ann = new Device(start({ clock, storage: storage.tab() }))
    await new Device(start({ clock, storage: storage.tab() }), { principal: 'bob' }).connect()
    await ann.push([command('task.open', 't', {}, { at: clock.now() })])
    await clock.advance(MINUTE - 1000)
    expect(await lapsed(ann)).toEqual([])
    await clock.advance(2000)
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
    await clock.advance(10 * MINUTE)
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
    const own = (await ann.pull()).flatMap(({ commands }) => commands).filter(({ type }) => type === '$timer')
    expect(own).toHaveLength(1)
    expect(own[0]).not.toHaveProperty('clientId')
    expect(own[0]).not.toHaveProperty('actor')
  })

  test('hazard 13: wait for the queue that their client has announced, so that a cancellation in it comes first', async () => {
    const clock = createTestClock()
    const ann = new Device(start({ clock }))
    await ann.push([command('task.open', 't', {}, { at: clock.now() - 60 * MINUTE })], 1)
    await clock.advance(5 * MINUTE)
    expect(await lapsed(ann)).toEqual([])
    await ann.push([command('task.finish', 't', {}, { at: clock.now() })])
    await clock.advance(60 * MINUTE)
    expect(eventsOf(await ann.pull()).filter((event) => event.startsWith('task'))).toEqual(['task.opened t 1', 'task.finished t 2'])
  })

  test('fire as soon as that queue is processed without one', async () => {
    const clock = createTestClock()
    const ann = new Device(start({ clock }))
    await ann.push([command('task.open', 't', {}, { at: clock.now() - 60 * MINUTE })], 1)
    await clock.advance(MINUTE)
    await ann.push([command('task.open', 'u', {}, { at: clock.now() })])
    await clock.advance(20_000)
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
  })

  test('do not wait for ever: after the grace period that client is taken for gone; other clients do not matter', async () => {
    const clock = createTestClock()
    const server = start({ clock, timerGraceMs: 30 * MINUTE })
    const [ann, bob] = [new Device(server), new Device(server, { principal: 'bob' })]
    await ann.push([command('task.open', 't', {}, { at: clock.now() - 60 * MINUTE })], 7)
    await bob.push([command('task.open', 'u', {}, { at: clock.now() - 60 * MINUTE })])
    await clock.advance(29 * MINUTE)
    expect(await lapsed(ann)).toEqual(['task.lapsed u 2'])
    await clock.advance(2 * MINUTE)
    expect(await lapsed(ann)).toEqual(['task.lapsed u 2', 'task.lapsed t 2'])
  })

  test('that fell due while no server ran fire at its start, before anybody asks for their space', async () => {
    const clock = createTestClock()
    const storage = createMemoryStorage()
    const before = start({ clock, storage })
    await new Device(before).push([command('task.open', 't', {}, { at: clock.now() })])
    await before.close()
    await clock.advance(60 * MINUTE)
    const ended = storage.tab()
    start({ clock, storage })
    await clock.advance(MINUTE)
    const records = await (await ended.openLog('tasks.hall-7.log')).events.read(0, 10)
    expect(records.flatMap(({ events }) => events.map(({ type }) => type))).toContain('task.lapsed')
  })

  test('wake a space that was closed because nobody used it', async () => {
    const clock = createTestClock()
    const storage = createMemoryStorage()
    const server = start({ clock, storage, limits: { idleSpaceMs: 1000 } })
    await new Device(server).push([command('task.open', 't', {}, { at: clock.now() + 30 * MINUTE })])
    await clock.advance(10 * MINUTE)
    const opened = storage.faults.pause('openLog')
    await clock.advance(25 * MINUTE)
    await opened.reached
    opened.release()
    await clock.advance(MINUTE)
    expect(await lapsed(new Device(server))).toEqual(['task.lapsed t 2'])
  })
})

describe('a timer that a device has fired', () => {
  test('counts where the server’s state holds it: its consequences follow, and the server does not fire it again', async () => {
    const clock = createTestClock()
    const ann = new Device(start({ clock }))
    const open = command('task.open', 't', {}, { at: clock.now() - 5 * MINUTE })
    const answer = await ann.push([open, timer(open.id, clock.now() - 4 * MINUTE)])
    expect(answer.processed.map(({ outcome }) => outcome.ok)).toEqual([true, true])
    await clock.advance(60 * MINUTE)
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
  })

  test('that the server has fired already is answered with the first outcome', async () => {
    const clock = createTestClock()
    const ann = new Device(start({ clock }))
    const open = command('task.open', 't', {}, { at: clock.now() - 5 * MINUTE })
    await ann.push([open])
    await clock.advance(MINUTE)
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
    const answer = await ann.push([timer(open.id, clock.now() - 5 * MINUTE)])
    expect(answer.processed[0]?.outcome).toEqual({ ok: true })
    const own = (await ann.pull()).flatMap(({ commands }) => commands).filter(({ type }) => type === '$timer')
    expect(own).toMatchObject([{}, { clientId: 'ann-1', sequence: 2, duplicateOf: expect.any(Number) as number }])
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
  })

  test('before its time is refused, and fires all the same when it is due', async () => {
    const clock = createTestClock()
    const ann = new Device(start({ clock }))
    const open = command('task.open', 't', {}, { at: clock.now() })
    const answer = await ann.push([open, timer(open.id, clock.now() + MINUTE)])
    expect(answer.processed[1]?.outcome).toMatchObject({ ok: false, refusal: 'noSuchTimer' })
    expect(await lapsed(ann)).toEqual([])
    await clock.advance(2 * MINUTE)
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
  })

  test('does not count where the server’s state says otherwise', async () => {
    const clock = createTestClock()
    const ann = new Device(start({ clock }))
    const open = command('task.open', 't', {}, { at: clock.now() - 5 * MINUTE })
    const dueAt = clock.now() - 4 * MINUTE
    await ann.push([open], 9)
    const wrong = [
      timer(open.id, dueAt - 1),
      timer('another', dueAt),
      timer(open.id, dueAt, { key: 'u' }),
      timer(open.id, dueAt, { name: 'constructor' }),
      { ...timer(open.id, dueAt), id: 'of-my-own' },
    ]
    const answer = await ann.push(wrong, 4)
    expect(answer.processed.map(({ outcome }) => (outcome.ok ? 'ok' : outcome.refusal))).toEqual(wrong.map(() => 'noSuchTimer'))
    const nonsense = await ann.push(
      [timer(open.id, dueAt, { manager: 'nobody' }), command('$timer', 't', 7), command('$timer', 'x', { manager: 'watch', key: 't' })],
      1,
    )
    expect(nonsense.processed.map(({ outcome }) => (outcome.ok ? 'ok' : outcome.refusal))).toEqual([
      'invalidCommand',
      'invalidCommand',
      'invalidCommand',
    ])
    expect(await lapsed(ann)).toEqual([])
  })

  test('acts as the domain: nobody is asked, and no actor stands there', async () => {
    const clock = createTestClock()
    const asked: string[] = []
    const server = start({ clock, authorize: (_, { type }) => asked.push(type) > 0 || 'never' })
    const ann = new Device(server)
    const open = command('task.open', 't', {}, { at: clock.now() - 5 * MINUTE })
    await ann.push([open, { ...timer(open.id, clock.now() - 4 * MINUTE), actor: 'boss' }])
    expect(asked).toEqual(['task.open'])
    expect((await ann.pull()).flatMap(({ commands }) => commands).find(({ type }) => type === '$timer')?.actor).toBeUndefined()
  })

  test('other engine names than these are unknown: the queue is held', async () => {
    const ann = new Device(start())
    expect(await ann.push([command('$import', 't', {})])).toMatchObject({ processed: [], held: { sequence: 1, type: '$import' } })
  })
})

describe('resuming a parked instance', () => {
  test('counts where it is parked in the server’s state, once', async () => {
    const clock = createTestClock()
    const ann = new Device(start({ clock }))
    broken = true
    try {
      await ann.push([command('task.open', 't', {}, { at: clock.now() })])
      const failing = await ann.push([command('$resume', 't', { manager: 'watch', key: 't' })])
      expect(failing.processed[0]?.outcome).toMatchObject({ refusal: 'decideFailed' })
    } finally {
      broken = false
    }
    const records = await ann.pull()
    expect(records.flatMap(({ parked }) => parked ?? [])).toMatchObject([{ manager: 'watch', key: 't', error: 'broken' }])
    const resume = () => command('$resume', 't', { manager: 'watch', key: 't' })
    const outcomes = (await ann.push([resume(), resume()])).processed.map(({ outcome }) => (outcome.ok ? 'ok' : outcome.refusal))
    expect(outcomes).toEqual(['ok', 'notParked'])
    await clock.advance(2 * MINUTE)
    expect(await lapsed(ann)).toEqual(['task.lapsed t 2'])
  })
})

describe('reactors', () => {
  const done: string[] = []
  const on = (name: string) => ({
    'task.opened': (event: { readonly aggregateId: string }) => void done.push(`${name} ${event.aggregateId}`),
  })
  const reacting = domain('tasks', {
    aggregates: [task],
    reactors: [
      reactor('here', { from: [task], on: on('here'), runs: 'server' }),
      reactor('there', { from: [task], on: on('there') }),
      reactor('everywhere', { from: [task], on: on('everywhere'), runs: 'everywhere' }),
    ],
  })

  test('that are declared for the server run there, and no others', async () => {
    done.length = 0
    const clock = createTestClock()
    const server = start({ clock, domain: reacting })
    const ann = new Device(server)
    await ann.connect()
    await settle()
    await ann.push([command('task.open', 't', {}), command('task.open', 'u', {})])
    await settle()
    expect(done).toEqual(['here t', 'here u'])
  })

  test('and on a device all others', async () => {
    done.length = 0
    const engine = await openEngine(createMemoryStorage(), { domain: reacting })
    await settle()
    await give(engine, 'task.open', 't', {})
    await settle()
    expect(done.sort()).toEqual(['everywhere t', 'there t'])
    await engine.close()
  })

  test('go on after a restart with what was not done', async () => {
    done.length = 0
    const storage = createMemoryStorage()
    const clock = createTestClock()
    let fails = true
    const once = domain('tasks', {
      aggregates: [task],
      reactors: [
        reactor('mail', {
          from: [task],
          runs: 'server',
          on: {
            'task.opened': (event) => {
              if (fails) throw new Error('no network')
              done.push(event.aggregateId)
            },
          },
        }),
      ],
    })
    const before = start({ clock, storage, domain: once })
    const ann = new Device(before)
    await ann.connect()
    await settle()
    await ann.push([command('task.open', 't', {})])
    await settle()
    await before.close()
    fails = false
    start({ clock, storage, domain: once })
    await clock.advance(MINUTE)
    expect(done).toEqual(['t'])
  })
})
