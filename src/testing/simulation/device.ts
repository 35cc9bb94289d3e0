/** A device: a browser with its disk and its way to the server, in which one or several tabs have the app open. */
import type { AnyDomain, Outcome } from '../../domain/infer.ts'
import { databasePrefix } from '../../engine/open-log.ts'
import type { LogRecord } from '../../storage/record.ts'
import { Channels } from './channels.ts'
import { Disk, type SimulatedDisk } from './disk.ts'
import { Link } from './link.ts'
import { Locks } from './locks.ts'
import type { Random } from './random.ts'
import type { Servers } from './servers.ts'
import { Tab } from './tab.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What all devices of a simulation share. */
export interface World {
  readonly domain: AnyDomain
  readonly space: string
  readonly clock: VirtualClock
  readonly servers: Servers
  /** Names of Read Models of which every tab shows all rows. */
  readonly watched: readonly string[]
  readonly seen: (what: string) => void
}

export interface CommandToGive {
  /** `aggregate.command` or `service.useCase` */
  readonly type: string
  readonly aggregateId?: string
  readonly payload: unknown
  readonly id?: string
}

/** A Command that was given on a device, and what was told of it. */
export interface GivenCommand {
  readonly id: string
  readonly command: CommandToGive
  outcome?: Outcome
  /** It failed: nothing of it is in the log. */
  fault?: unknown
  /** The record that held it was lost with the power, before it was forced to the disk. */
  isLost: boolean
}

export class Device {
  readonly name: string
  readonly principal: string
  readonly world: World
  readonly random: Random
  readonly disk: Disk
  readonly link: Link
  readonly tabs: readonly Tab[]
  readonly given = new Map<string, GivenCommand>()
  /** What was reported and awaited by nobody. */
  readonly faults: { readonly tab: string; readonly thrown: unknown }[] = []
  readonly logName: string
  readonly place
  readonly #pastLives: (readonly LogRecord[])[][] = []
  #reopening = 0
  #syncedBy: Tab | undefined

  constructor(world: World, name: string, principal: string, tabs: number, disk: SimulatedDisk, random: Random) {
    const { domain, space, clock, servers, seen } = world
    this.world = world
    this.name = name
    this.principal = principal
    this.random = random
    this.disk = new Disk(disk)
    this.link = new Link(servers, clock, random.branch(`link of ${name}`), seen)
    const prefix = databasePrefix(domain.name, space, principal)
    this.logName = `${prefix}.log`
    this.place = { domain, space, principal, prefix, locks: new Locks(), channels: new Channels() }
    this.tabs = Array.from({ length: tabs }, (_, i) => new Tab(this, `tab ${i}`))
  }

  /** How often its log has lost what it had. */
  get life(): number {
    return this.#pastLives.length
  }

  /** The transactions of a life's log, from its first one on. */
  transactions(life: number): readonly (readonly LogRecord[])[] {
    return this.#pastLives[life] ?? this.#transactionsNow()
  }

  /** The tab that syncs, or will when it is thawed. */
  get holder(): Tab | undefined {
    const holder = this.place.locks.holder(`${this.place.prefix}.sync`)
    return this.tabs.find((tab) => tab.isProcess(holder))
  }

  /** Gives it in this tab, or in one that is open where it is not. */
  async give(command: CommandToGive, place = 0): Promise<Outcome> {
    const tab = this.#tab(place)
    const id = command.id ?? this.random.id()
    const given: GivenCommand = this.given.get(id) ?? { id, command, isLost: false }
    this.given.set(id, given)
    const { type, aggregateId, payload } = command
    try {
      given.outcome = await tab.give({
        type,
        ...(aggregateId !== undefined && { aggregateId }),
        payload,
        id,
        fresh: command.id === undefined,
        at: this.world.clock.now(),
        actor: this.principal,
        correlationId: id,
      })
      return given.outcome
    } catch (thrown) {
      given.fault = thrown
      throw thrown
    }
  }

  /** All tabs die at once, and what was not forced to the disk yet is lost in part. They are opened again when it is up. */
  async crash(loseTransactions: number, downMs: number): Promise<void> {
    const { clock, seen } = this.world
    this.#reopening++
    const open = this.tabs.filter((tab) => tab.isOpen)
    for (const tab of this.tabs) tab.crash(false)
    // What was under way at the disk has been carried out, or never will be.
    await clock.run(10)
    const before = this.#transactionsNow()
    const lost = await clock.work(this.disk.losePower(this.logName, loseTransactions))
    if (lost.length > 0) {
      this.#pastLives.push([...before])
      seen('power loss')
      for (const { commands } of lost) for (const { id } of commands) this.#lose(id)
    }
    clock.later(downMs, () => {
      this.#reopening--
      for (const tab of open) tab.open()
    })
  }

  get isDown(): boolean {
    return this.#reopening > 0
  }

  /** In a tab of it. */
  seen(tab: Tab, what: string): void {
    this.world.seen(what)
    if (what !== 'takeRole') return
    if (this.#syncedBy && this.#syncedBy !== tab) this.world.seen('role moves')
    this.#syncedBy = tab
  }

  report(tab: Tab, thrown: unknown): void {
    this.faults.push({ tab: tab.name, thrown })
  }

  #lose(id: string): void {
    const given = this.given.get(id)
    // Told before, and not in the log any more: unless it has reached the server, nobody knows of it.
    if (given && !this.#transactionsNow().some((records) => records.some(({ commands }) => commands.some((each) => each.id === id))))
      given.isLost = true
  }

  #transactionsNow(): readonly (readonly LogRecord[])[] {
    return this.disk.journal(this.logName).flatMap(({ records }) => (records.length > 0 ? [records] : []))
  }

  #tab(place: number): Tab {
    const asked = this.tabs[place % this.tabs.length] as Tab
    const tab = asked.isOpen ? asked : (this.tabs.find((each) => each.isOpen) ?? asked)
    if (!tab.isOpen && !this.isDown) tab.open()
    return tab
  }
}
