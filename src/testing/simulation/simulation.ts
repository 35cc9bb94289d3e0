/** Devices and servers on one clock, and what can be done with them. */
import type { AnyDomain, Outcome } from '../../domain/infer.ts'
import { spaceLogName } from '../../server/space-log.ts'
import type { createSyncServer } from '../../server/create-sync-server.ts'
import type { LogRecord } from '../../storage/record.ts'
import { createMemoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Row } from '../../storage/storage.ts'
import { type CommandToGive, Device, type World } from './device.ts'
import type { SimulatedDisk } from './disk.ts'
import { createRandom } from './random.ts'
import type { Schedule, Step } from './schedule.ts'
import { Servers, type ServersOptions } from './servers.ts'
import { Settled } from './settled.ts'
import { allRows, type Tab } from './tab.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface DeviceOptions {
  /** Default `device 0`, `device 1` … */
  readonly name?: string
  /** Whose device it is. Default: its name. */
  readonly principal?: string
  /** How many tabs have the app open. Default 1. */
  readonly tabs?: number
  /** Default: memory. */
  readonly disk?: () => SimulatedDisk
}

export interface SimulationOptions<D extends AnyDomain> {
  readonly domain: D
  /** Default `simulation`. */
  readonly space?: string
  /** How many there are, or what each is like. Default 2. */
  readonly devices?: number | readonly DeviceOptions[]
  /** All chance follows from it. Default `1`. */
  readonly seed?: string | number
  /** Run before the simulation is handed out. */
  readonly schedule?: Schedule
  /** Read Models of which every tab watches all rows, see `Device.tabs[…].shown`. Default: none. */
  readonly watch?: readonly string[]
  readonly server?: ServersOptions['options'] & {
    /** On one storage. Default 1. */
    readonly processes?: number
    readonly disk?: () => SimulatedDisk
  }
}

const memoryDisk = (): SimulatedDisk => {
  const storage = createMemoryStorage()
  return { open: () => storage.tab() }
}

const startAt = Date.UTC(2024, 0, 1)
/** No answer of a living tab takes as long. */
const answerMs = 10 * 60_000
/** Longer than any wait of a device that is told to wait. */
const settleMs = 40 * 60_000
const lookMs = 5000

export class Simulation {
  readonly devices: readonly Device[]
  readonly clock = new VirtualClock(startAt)
  readonly servers: Servers
  /** How often what happened: `apply`, `before append`, `power loss` … */
  readonly seen = new Map<string, number>()
  readonly world: World
  readonly #seed: string

  constructor(options: SimulationOptions<AnyDomain>, create: typeof createSyncServer) {
    const { domain, space = 'simulation', devices = 2, seed = '1', watch = [], server = {} } = options
    this.#seed = `${seed}`
    const random = createRandom(this.#seed)
    const seen = (what: string): void => void this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
    const { processes = 1, disk = memoryDisk, ...rest } = server
    this.servers = new Servers({
      domain,
      create,
      clock: this.clock,
      random: random.branch('servers'),
      disk: disk(),
      processes,
      options: rest,
      seen,
    })
    this.world = { domain, space, clock: this.clock, servers: this.servers, watched: watch, seen }
    const described: readonly DeviceOptions[] = typeof devices === 'number' ? Array.from({ length: devices }, () => ({})) : devices
    this.devices = described.map(({ name: called, principal, tabs = 1, disk: own = memoryDisk }, i) => {
      const name = called ?? `device ${i}`
      return new Device(this.world, name, principal ?? name, tabs, own(), random.branch(name))
    })
    for (const device of this.devices) for (const tab of device.tabs) tab.open()
  }

  device(place: number): Device {
    const device = this.devices[place]
    if (!device) throw new RangeError(`There is no device ${place}, but ${this.devices.length} of them.`)
    return device
  }

  /** Lets time pass. */
  run(ms: number): Promise<void> {
    return this.clock.run(ms)
  }

  /** Gives a Command and lets time pass until it is answered. @throws its fault */
  give(place: number, command: CommandToGive, tab = 0): Promise<Outcome> {
    return this.clock.until(this.device(place).give(command, tab), answerMs, `Command "${command.type}" of ${this.device(place).name}`)
  }

  /** All rows that a tab shows of a Read Model. */
  async rows(place: number, model: string, tab = 0): Promise<readonly Row[]> {
    return this.rowsOf(this.device(place).tabs[tab] as Tab, model)
  }

  async rowsOf(tab: Tab, model: string): Promise<readonly Row[]> {
    const { engine } = await this.#up(tab)
    const { data } = await this.clock.until(engine.run(allRows(model), engine.position, answerMs), answerMs, `Reading "${model}"`)
    return data as readonly Row[]
  }

  async steps(schedule: Schedule): Promise<void> {
    for (const step of schedule) await this.step(step)
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case 'run':
        return this.run(step.ms)
      case 'give': {
        const { do: _, device, tab, ...command } = step
        // Its fault is kept with it.
        this.device(device)
          .give(command, tab)
          .catch(() => undefined)
        return undefined
      }
      case 'withdraw':
        return this.#withdraw(this.device(step.device))
      case 'link':
        this.device(step.device).link.quality = step.quality
        return undefined
      case 'cut':
      case 'join': {
        const device = this.device(step.device)
        if (step.do === 'cut') device.link.goDown()
        else device.link.comeUp()
        if (step.noticed) for (const tab of device.tabs) tab.tellNetwork(step.do === 'join')
        return undefined
      }
      case 'crashDevice':
        return this.device(step.device).crash(step.lose, step.downMs)
      case 'crashServer':
        if (step.point) this.servers.points[step.process]?.arm(step.point)
        else this.servers.crash(step.process, step.downMs)
        return undefined
      default:
        return this.#tabStep(step, this.device(step.device))
    }
  }

  /** Mends everything and lets time pass until all devices have all that the server has, and nothing waits for it any more. */
  async settle(): Promise<Settled> {
    this.heal()
    const end = this.clock.now() + settleMs
    let quiet = 0
    while (quiet < 2) {
      await this.run(lookMs)
      const open = this.#unsettled()
      quiet = open.length === 0 ? quiet + 1 : 0
      if (open.length > 0 && this.clock.now() >= end) throw new Error(`Seed ${this.#seed} does not settle: ${open.join('; ')}.`)
      this.heal()
    }
    return new Settled(this)
  }

  /** Ways are good again, everything that was down or stood still is up. */
  heal(): void {
    this.servers.startAll()
    for (const points of this.servers.points) points.disarm()
    for (const device of this.devices) {
      device.link.quality = {}
      if (!device.link.isUp) {
        device.link.comeUp()
        for (const tab of device.tabs) tab.tellNetwork(true)
      }
      for (const tab of device.tabs) {
        tab.points.disarm()
        if (tab.isFrozen || tab.isHidden) tab.show()
        if (!device.isDown) tab.open()
      }
    }
  }

  /** The server's log. */
  get serverRecords(): readonly LogRecord[] {
    const { domain, space } = this.world
    return this.servers.disk.journal(spaceLogName(domain.name, space)).flatMap(({ records }) => records)
  }

  /** Ends all of it. */
  async close(): Promise<void> {
    this.heal()
    for (const device of this.devices) {
      for (const tab of device.tabs) tab.crash(false)
      await device.disk.close()
    }
    await this.servers.close()
  }

  #tabStep(step: Extract<Step, { readonly tab: number }>, device: Device): Promise<void> | undefined {
    const tab = device.tabs[step.tab % device.tabs.length] as Tab
    switch (step.do) {
      case 'crashTab':
        if (step.point) tab.points.arm(step.point)
        else tab.crash()
        return undefined
      case 'failStorage':
        tab.points.arm(step.point)
        return undefined
      case 'openTab':
        if (!device.isDown) tab.open()
        return undefined
      case 'closeTab':
        return this.clock.until(tab.close(), answerMs, `Closing ${tab.name} of ${device.name}`)
      case 'hideTab':
        tab.hide()
        return undefined
      case 'showTab':
        tab.show()
        return undefined
      case 'freezeTab':
        if (step.point) tab.points.arm(step.point)
        else tab.freeze()
        return undefined
      case 'give':
        return undefined
    }
  }

  async #withdraw(device: Device): Promise<void> {
    const worker = device.tabs.map((tab) => tab.worker).find((each) => each !== undefined)
    const last = [...device.given.values()].filter(({ outcome }) => outcome?.ok).at(-1)
    if (!worker || !last) return
    // The worker may die over it: then nobody is told, and the Command's receipt says what came of it.
    const withdrawing = worker.log.withdraw(last.id).catch((thrown: unknown) => device.faults.push({ tab: 'withdraw', thrown }))
    await Promise.race([this.clock.run(200), this.clock.until(withdrawing, answerMs, 'Withdrawing').catch(() => undefined)])
  }

  async #up(tab: Tab): Promise<NonNullable<Tab['worker']>> {
    for (let left = answerMs / 100; left > 0; left--) {
      if (tab.worker) return tab.worker
      await this.run(100)
    }
    throw new Error(`${tab.name} is not up. Settle first, or open it.`)
  }

  #unsettled(): string[] {
    const head = this.serverRecords.at(-1)?.number ?? 0
    return this.devices.flatMap((device) =>
      device.tabs.flatMap((tab) => {
        const name = `${device.name}, ${tab.name}`
        const { worker } = tab
        if (!worker) return [`${name} is not up`]
        if (tab.unanswered > 0) return [`${name} has not answered ${tab.unanswered} Commands`]
        const { pending, cursor } = worker.log.state
        if (pending > 0) return [`${name} has ${pending} Commands pending (sync: ${JSON.stringify(worker.sync.status)})`]
        if ((cursor?.record ?? 0) !== head)
          return [`${name} is at record ${cursor?.record} of ${head} (sync: ${JSON.stringify(worker.sync.status)})`]
        return []
      }),
    )
  }
}
