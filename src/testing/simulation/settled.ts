/** What must hold when everything has come to rest. */
import { canonical } from '../../internal/canonical.ts'
import { createMemoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Row } from '../../storage/storage.ts'
import type { Receipt } from '../../sync/receipt.ts'
import { Device } from './device.ts'
import { createRandom } from './random.ts'
import type { Simulation } from './simulation.ts'
import type { Tab } from './tab.ts'

const limitMs = 60 * 60_000

export class Settled {
  readonly #simulation: Simulation

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  /**
   * Every tab of every device shows the same rows of every Read Model, and so do a new device that pulls all of it, and each
   * device's log folded anew.
   *
   * @throws Error that tells who shows what
   */
  async equal(): Promise<void> {
    const { devices, world } = this.#simulation
    const [first] = devices
    if (!first) return
    const models = [...world.domain.readModels.keys()]
    const fresh = await this.#freshDevice(first)
    const wanted = new Map<string, string>()
    for (const model of models) wanted.set(model, textOf(await this.#simulation.rowsOf(fresh, model)))
    const compare = async (who: string, tab: Tab): Promise<void> => {
      for (const model of models) {
        const shown = textOf(await this.#simulation.rowsOf(tab, model))
        if (shown !== wanted.get(model))
          throw new Error(`${who} shows of "${model}"\n${shown}\nand a new device shows\n${wanted.get(model)}`)
      }
    }
    for (const device of devices) {
      for (const tab of device.tabs) await compare(`${device.name}, ${tab.name}`, tab)
      const rebuilt = await this.#rebuilt(device)
      await compare(`${device.name}, its log folded anew,`, rebuilt)
      rebuilt.crash(false)
    }
    fresh.crash(false)
  }

  /**
   * Every Command that was told to be durable has ended, once: the server has it once, or it was withdrawn and the server
   * has it not. Those that were lost with the power have at most one effect.
   *
   * @returns how each has ended, by its id
   * @throws Error that names those that have not
   */
  async ended(): Promise<ReadonlyMap<string, Receipt['state']>> {
    const { devices, clock, serverRecords } = this.#simulation
    const times = new Map<string, { ok: number; refused: number }>()
    const problems: string[] = []
    for (const { commands } of serverRecords)
      for (const { id, type, outcome, origin, duplicateOf, withdrawn } of commands) {
        // Timers that fell due on a device before it had a server are the engine's own.
        if (origin && !withdrawn && !type.startsWith('$') && !devices.some(({ given }) => given.has(id)))
          problems.push(`${id} was given by nobody`)
        const count = times.get(id) ?? { ok: 0, refused: 0 }
        times.set(id, count)
        if (duplicateOf === undefined && !withdrawn) count[outcome.ok ? 'ok' : 'refused']++
      }
    const ended = new Map<string, Receipt['state']>()
    for (const device of devices) {
      const log = device.tabs[0]?.worker?.log
      for (const { id, outcome, isLost } of device.given.values()) {
        const { ok = 0, refused = 0 } = times.get(id) ?? {}
        if (ok > 1 || refused > 1) problems.push(`${id} is ${ok} times done and ${refused} times refused at the server`)
        if (!outcome?.ok || isLost || !log) continue
        const receipt = await clock.until(log.receipt(id), limitMs, `The receipt of ${id}`)
        if (!receipt || receipt.state === 'durable' || receipt.state === 'pushed') {
          problems.push(`${id} of ${device.name} has not ended: ${receipt?.state ?? 'its log does not know it'}`)
          continue
        }
        ended.set(id, receipt.state)
        const wanted = receipt.state === 'withdrawn' ? [0, 0] : receipt.state === 'refused' ? [0, 1] : [1, 0]
        if (ok !== wanted[0] || refused !== wanted[1])
          problems.push(`${id} of ${device.name} is ${receipt.state}, and ${ok} times done and ${refused} times refused at the server`)
      }
    }
    if (problems.length > 0) throw new Error(problems.join('\n'))
    return ended
  }

  /** Has nothing but what the server says. */
  async #freshDevice({ principal }: Device): Promise<Tab> {
    const { world, clock, serverRecords } = this.#simulation
    const storage = createMemoryStorage()
    const device = new Device(
      { ...world, watched: [] },
      'new device',
      principal,
      1,
      { open: () => storage.tab() },
      createRandom('new device'),
    )
    const [tab] = device.tabs as [Tab]
    tab.open()
    const head = serverRecords.at(-1)?.number ?? 0
    const end = clock.now() + limitMs
    while (tab.worker?.log.state.cursor?.record !== head) {
      if (clock.now() >= end) throw new Error(`A new device does not come to record ${head} of the server's log.`)
      await clock.run(1000)
    }
    return tab
  }

  /** A tab over a copy of the device's log, without anything that was made of it, and without a way to the server. */
  async #rebuilt(original: Device): Promise<Tab> {
    const { world, clock } = this.#simulation
    const storage = createMemoryStorage()
    await clock.work(original.disk.copyLog(original.logName, storage.tab()))
    const device = new Device(
      { ...world, watched: [] },
      'rebuilt',
      original.principal,
      1,
      { open: () => storage.tab() },
      createRandom('rebuilt'),
    )
    device.link.goDown()
    const [tab] = device.tabs as [Tab]
    tab.open()
    return tab
  }
}

const textOf = (rows: readonly Row[]): string =>
  rows
    .map((row) => canonical(row))
    .sort()
    .join('\n')
