/** One schedule over the hall, run to its end, and everything that must hold then. */
import { randomSchedule, type RandomScheduleOptions, type Schedule, simulate, type SimulatedDisk, type Simulation } from 'outpost/testing'
import { isOutpostError } from '../../src/errors.ts'
import { hall, patienceMs } from '../fixtures/hall.ts'
import { eventsOf, type Model, modelNames, Oracle, statesOf, textOf } from './oracle.ts'

const skus = ['bolt', 'nut', 'gear']

export const command: RandomScheduleOptions['command'] = (random, device) => {
  const sku = random.pick(skus)
  const quantity = random.whole(1, 5)
  switch (random.whole(0, 9)) {
    case 0:
      return { type: 'stockItem.register', aggregateId: sku, payload: { name: `${sku} of ${device}` } }
    case 1:
    case 2:
      return { type: 'stockItem.receive', aggregateId: sku, payload: { quantity } }
    case 3:
    case 4:
    case 5:
    case 6:
      return { type: 'stockItem.pick', aggregateId: sku, payload: { quantity } }
    case 7:
      return { type: 'order.cancel', aggregateId: `order ${random.whole(0, 5)}`, payload: {} }
    default: {
      const lines = { [sku]: quantity, [random.pick(skus)]: random.whole(1, 3) }
      // Few names, so that two devices place the same one.
      return { type: 'fulfilment.placeOrder', payload: { orderId: `order ${random.whole(0, 5)}`, lines } }
    }
  }
}

export interface HallDisks {
  /** Default: memory. */
  readonly device?: () => SimulatedDisk
  readonly server?: () => SimulatedDisk
  /** Where several runs share a server's disk. */
  readonly space?: string
}

export interface HallRun {
  readonly seed: string | number
  readonly devices: number
  readonly tabs: number
  readonly servers: number
  readonly schedule: Schedule
}

/** What this seed says: how many devices, tabs and server processes there are, and what happens to them. */
export function runOf(seed: number, more: Partial<RandomScheduleOptions> = {}): HallRun {
  const shape = { devices: 2 + (seed % 4), tabs: 1 + (seed % 3 === 0 ? 0 : 1), servers: 1 + (seed % 2) }
  return { seed, ...shape, schedule: randomSchedule(seed, { ...shape, ...more, command }) }
}

const first: Schedule = [
  ...skus.flatMap((sku) => [
    { do: 'give', device: 0, tab: 0, type: 'stockItem.register', aggregateId: sku, payload: { name: sku } } as const,
    { do: 'give', device: 0, tab: 0, type: 'stockItem.receive', aggregateId: sku, payload: { quantity: 12 } } as const,
  ]),
]

/** @returns what happened, and how often */
export async function hallRun(
  { seed, devices, tabs, servers, schedule }: HallRun,
  disks: HallDisks = {},
): Promise<ReadonlyMap<string, number>> {
  const told = { server: new Set<string>(), device: new Set<string>() }
  const simulation = await simulate({
    domain: hall((who, id) => told[who].add(id)),
    devices: Array.from({ length: devices }, () => ({ tabs, ...(disks.device && { disk: disks.device }) })),
    server: { processes: servers, timerGraceMs: 30_000, ...(disks.server && { disk: disks.server }) },
    seed,
    watch: modelNames,
    ...(disks.space !== undefined && { space: disks.space }),
  })
  try {
    await simulation.steps(first)
    await simulation.run(2000)
    await simulation.steps(schedule)
    let settled = await simulation.settle()
    // What was placed last is waited for, and then no longer.
    await simulation.run(2 * patienceMs)
    settled = await simulation.settle()
    const oracle = checkServer(simulation)
    const ended = await settled.ended()
    await settled.equal()
    for (const [place, device] of simulation.devices.entries())
      for (const model of modelNames) {
        const shown = textOf(await simulation.rows(place, model))
        if (shown !== oracle.text(model))
          throw new Error(`${device.name} shows of "${model}"\n${shown}\nand the oracle\n${oracle.text(model)}`)
      }
    checkFrames(simulation)
    for (const id of eventsOf(simulation.serverRecords).flatMap(({ type, id: event }) => (type === 'order.placed' ? [event] : [])))
      for (const who of ['server', 'device'] as const) if (!told[who].has(id)) throw new Error(`No ${who} was told of ${id}.`)
    const reported = [
      ...simulation.devices.flatMap(({ name, faults }) =>
        faults.flatMap(({ thrown }) => (isOurs(thrown) ? [] : [`${name}: ${String(thrown)}`])),
      ),
      ...simulation.servers.faults.map((entry) => JSON.stringify(entry)),
    ]
    if (reported.length > 0) throw new Error(`Reported, and awaited by nobody: ${reported.join('; ')}`)
    return seenIn(simulation, [...ended.values()])
  } finally {
    await simulation.close()
  }
}

/**
 * What the schedule itself brings about: it fills the disk, and sync says so and tries again; it ends tabs, or holds up their
 * storage, while they open what somebody watches, and that one is told to ask again.
 */
const isOurs = (thrown: unknown): boolean =>
  isOutpostError(thrown, 'storage-full') || isOutpostError(thrown, 'closed') || isOutpostError(thrown, 'timeout')

/** What the server's log comes to: nothing forbidden is true at any of its positions. */
function checkServer({ serverRecords }: Simulation): Oracle {
  const oracle = new Oracle()
  for (const event of eventsOf(serverRecords)) oracle.apply(event)
  if (oracle.broken.length > 0) throw new Error(`The server's log is broken at ${oracle.broken.join('; ')}.`)
  return oracle
}

/** Each frame is a state before or after a transaction, and none is older than the one before it. */
function checkFrames({ devices }: Simulation): void {
  for (const device of devices) {
    const lives = Array.from({ length: device.life + 1 }, (_, life) => statesOf(device.transactions(life)))
    for (const tab of device.tabs)
      for (const { model, life, frames } of tab.shown) {
        const { states = [], confirmed = [] } = lives[life]?.get(model as Model) ?? {}
        let at = 0
        for (const [i, { rows, stale }] of frames.entries()) {
          const text = textOf(rows)
          // Marked as unfinished: it holds nothing of what waits.
          if (stale && confirmed.includes(text)) continue
          const place = states.indexOf(text, at)
          if (place < 0) {
            const how = states.includes(text) ? 'is older than the one before it' : 'is no state before or after a transaction'
            throw new Error(`Frame ${i} of "${model}" in ${device.name}, ${tab.name} ${how}:\n${text}`)
          }
          at = place
        }
      }
  }
}

function seenIn(simulation: Simulation, ended: readonly string[]): ReadonlyMap<string, number> {
  const seen = new Map(simulation.seen)
  const add = (what: string, count = 1): void => void seen.set(what, (seen.get(what) ?? 0) + count)
  for (const state of ended) add(state)
  for (const device of simulation.devices) {
    for (const { sync } of device.transactions(device.life).flat()) if (sync?.step === 'pulled' && sync.voids) add('rebases')
    const voided = new Set<string>()
    const first = new Set<string>()
    for (const { commands } of device.transactions(device.life).flat())
      for (const { id, root } of commands) {
        if (root === undefined && first.has(id)) voided.add(id)
        first.add(id)
      }
    add('voided', voided.size)
    add(
      'frames',
      device.tabs.reduce((sum, { shown }) => sum + shown.reduce((all, { frames }) => all + frames.length, 0), 0),
    )
  }
  for (const { commands } of simulation.serverRecords) {
    add('processed', commands.filter(({ origin }) => origin).length)
    add('duplicates', commands.filter(({ duplicateOf }) => duplicateOf !== undefined).length)
    add('timers', commands.filter(({ type, outcome }) => type === '$timer' && outcome.ok).length)
  }
  return seen
}
