/** Timers of process managers: fired by any tab, on the clock of the test. */
import { aggregate, domain, processManager } from 'outpost'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { LogStorage } from '../../src/storage/storage.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { allEvents, createRoles, give, openEngine, statusOf } from '../support/engine.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

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
const watch = processManager('watch', {
  version: 1,
  state: z.object({ open: z.boolean() }),
  from: [task],
  sends: [task],
  ignores: ['task.lapsed'],
  on: {
    'task.opened': {
      key: (event) => event.aggregateId,
      handle: () => ({ state: { open: true }, timers: [{ timer: 'overdue', afterMs: 60_000 }] }),
    },
    'task.finished': { key: (event) => event.aggregateId, handle: () => ({ state: undefined }) },
  },
  timers: {
    overdue: (state, _, { send }) => ({ state: { open: false }, commands: state.open ? [send.task.lapse('t', {})] : [] }),
  },
})
const tasks = domain('tasks', { aggregates: [task], processManagers: [watch] })

test('timers fire when they are due, once, and not when their instance has ended', async () => {
  const clock = createTestClock()
  const engine = await openEngine(createMemoryStorage(), { domain: tasks, clock })
  await give(engine, 'task.open', 't', {}, { at: clock.now() })
  await give(engine, 'task.open', 'u', {}, { at: clock.now() })
  await give(engine, 'task.finish', 'u', {}, { at: clock.now() })
  await clock.advance(59_000)
  expect(await engine.load('task', 't')).toMatchObject({ state: { status: 'open' } })
  await clock.advance(2_000)
  expect(await engine.load('task', 't')).toMatchObject({ state: { status: 'overdue' }, version: 2 })
  await clock.advance(120_000)
  expect((await engine.history('task', 't')).length).toBe(2)
  expect((await engine.history('task', 'u')).length).toBe(2)
})

test('timers survive a closed tab: what fell due meanwhile fires at the next start', async () => {
  const storage = createMemoryStorage()
  const clock = createTestClock()
  const first = await openEngine(storage, { domain: tasks, clock })
  await give(first, 'task.open', 't', {}, { at: clock.now() })
  await first.close()
  await clock.advance(3_600_000)
  const second = await openEngine(storage, { domain: tasks, clock })
  await clock.advance(1_000)
  expect(await second.load('task', 't')).toMatchObject({ state: { status: 'overdue' }, version: 2 })
})

test('a timer that fell due while the machine slept fires with the next Command, not when the rest of its wait is over', async () => {
  const clock = createTestClock()
  const engine = await openEngine(createMemoryStorage(), { domain: tasks, clock })
  await give(engine, 'task.open', 't', {}, { at: clock.now() })
  await clock.advance(1_000)
  clock.sleep(8 * 3_600_000)
  await give(engine, 'task.open', 'u', {}, { at: clock.now() })
  await clock.advance(1_000)
  expect(await engine.load('task', 't')).toMatchObject({ state: { status: 'overdue' } })
})

test('hazard 13, timer twice: two tabs fire the same timer, it takes effect once', async () => {
  const storage = createMemoryStorage()
  const clock = createTestClock()
  const roles = createRoles()
  const one = await openEngine(storage.tab(), { domain: tasks, clock, roles })
  const two = await openEngine(storage.tab(), { domain: tasks, clock, roles })
  await give(one, 'task.open', 't', {}, { at: clock.now() })
  await two.catchUp()
  await clock.advance(61_000)
  await Promise.all([one.catchUp(), two.catchUp()])
  expect(await one.load('task', 't')).toMatchObject({ version: 2, state: { status: 'overdue' } })
  expect(await two.load('task', 't')).toMatchObject({ version: 2, state: { status: 'overdue' } })
})

const job = aggregate('job', {
  state: z.object({}),
  events: { planned: z.object({ afterMs: z.string() }) },
  commands: { plan: z.object({ afterMs: z.string() }) },
  create: { planned: () => ({}) },
  evolve: {},
  decide: { plan: (_, payload, { emit }) => emit.planned(payload) },
})
/** Its timer is due after what the Event says, whatever that is; where it says nothing, the instance parks. */
const alarm = processManager('alarm', {
  version: 1,
  state: z.object({}),
  from: [job],
  on: {
    'job.planned': {
      key: (event) => event.aggregateId,
      handle: (_, { data: { afterMs } }) => {
        if (afterMs === '') throw new Error('when?')
        return { state: {}, timers: [{ timer: 'due', afterMs: Number(afterMs) }] }
      },
    },
  },
  timers: { due: (state) => ({ state }) },
})
const jobs = domain('jobs', { aggregates: [job], processManagers: [alarm] })
const plan = (engine: Engine, clock: TestClock, id: string, afterMs: string) =>
  give(engine, 'job.plan', id, { afterMs }, { at: clock.now() })
const fired = async (engine: Engine) =>
  (await allEvents(engine)).filter(({ type }) => type === '$alarm.timerFired').map(({ aggregateId }) => aggregateId)

test('timers fire after a restart also where more instances are parked than are looked at at once', async () => {
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const first = await openEngine(storage, { domain: jobs, clock })
  // Parked instances are saved as due before any timer: 64 of them fill the first page.
  for (let n = 0; n < 70; n++) await plan(first, clock, `parked-${n}`, '')
  await plan(first, clock, 'good', '60000')
  await clock.advance(10_000)
  await first.close()
  const second = await openEngine(storage, { domain: jobs, clock })
  await clock.advance(3_600_000)
  expect(await fired(second)).toEqual(['good'])
})

test('of many timers that are due at a start each fires, without a Command', async () => {
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const first = await openEngine(storage, { domain: jobs, clock })
  for (let n = 0; n < 200; n++) await plan(first, clock, `job-${n}`, '60000')
  await first.close()
  await clock.advance(3_600_000)
  const second = await openEngine(storage, { domain: jobs, clock })
  await clock.advance(60_000)
  expect(await fired(second)).toHaveLength(200)
})

test('a timer that cannot fire is not tried without pause', async () => {
  const clock = createTestClock()
  const storage = createMemoryStorage()
  const openLog = vi.spyOn(storage, 'openLog')
  const engine = await openEngine(storage, { domain: jobs, clock })
  await plan(engine, clock, 'late', '1000')
  const { states } = (await openLog.mock.results[0]!.value) as LogStorage
  const mend = storage.faults.fail('events.append', 'QuotaExceededError', Infinity)
  const looked = vi.spyOn(states, 'due')
  await clock.advance(120_000)
  expect(looked.mock.calls.length).toBeLessThan(20)
  mend()
  await clock.advance(20_000)
  expect(await fired(engine)).toEqual(['late'])
})

test('a timer that is due at no time parks its instance and stops no other timer', async () => {
  const clock = createTestClock()
  const engine = await openEngine(createMemoryStorage(), { domain: jobs, clock })
  await plan(engine, clock, 'bad', 'soon')
  await plan(engine, clock, 'good', '1000')
  await clock.advance(3_600_000)
  expect(await fired(engine)).toEqual(['good'])
  expect(statusOf(engine).handlers).toMatchObject([
    { name: 'alarm', state: 'parked', parked: [{ key: 'bad', error: expect.stringContaining('NaN ms') as string }] },
  ])
})
