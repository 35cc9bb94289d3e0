/** Simulated devices over the hall, as the hazards need them. */
import { expect } from 'vitest'
import { simulate, type Simulation, type SimulationOptions } from 'outpost/testing'
import { hall } from '../../fixtures/hall.ts'

const open = new Set<Simulation>()

/** After each test: everything comes to the same, every Command has ended once, and nothing was reported. */
export async function checkHalls(): Promise<void> {
  for (const simulation of open) {
    open.delete(simulation)
    try {
      const settled = await simulation.settle()
      await settled.ended()
      await settled.equal()
      expect(simulation.devices.flatMap(({ faults }) => faults)).toEqual([])
      expect(simulation.servers.faults).toEqual([])
    } finally {
      await simulation.close()
    }
  }
}

export class Hall {
  readonly simulation: Simulation
  /** Ids of orders that were told of, as often as they were. */
  readonly told: readonly string[]

  private constructor(simulation: Simulation, told: readonly string[]) {
    this.simulation = simulation
    this.told = told
  }

  /** Two devices, the first with two tabs; both know bolts, 12 of them. */
  static async open(more: Partial<SimulationOptions<ReturnType<typeof hall>>> = {}): Promise<Hall> {
    const told: string[] = []
    const domain = hall((who, id) => who === 'device' && told.push(id))
    const simulation = await simulate({ domain, devices: [{ tabs: 2 }, { tabs: 1 }], watch: ['stockList'], ...more })
    open.add(simulation)
    const made = new Hall(simulation, told)
    await made.give(0, 'register', 'bolt', { name: 'bolt' })
    await made.give(0, 'receive', 'bolt', { quantity: 12 })
    await simulation.settle()
    return made
  }

  give(device: number, command: string, aggregateId: string, payload: object, tab = 0, id?: string): ReturnType<Simulation['give']> {
    return this.simulation.give(device, { type: `stockItem.${command}`, aggregateId, payload, ...(id !== undefined && { id }) }, tab)
  }

  pick(device: number, quantity: number, tab = 0): ReturnType<Simulation['give']> {
    return this.give(device, 'pick', 'bolt', { quantity }, tab)
  }

  receive(device: number, quantity: number, tab = 0): ReturnType<Simulation['give']> {
    return this.give(device, 'receive', 'bolt', { quantity }, tab)
  }

  async bolts(device: number, tab = 0): Promise<unknown> {
    return (await this.simulation.rows(device, 'stockList', tab)).find(({ sku }) => sku === 'bolt')?.['onHand']
  }

  cut(device: number): Promise<void> {
    return this.simulation.step({ do: 'cut', device, noticed: true })
  }

  async join(device: number): Promise<void> {
    await this.simulation.step({ do: 'join', device, noticed: true })
    await this.simulation.run(5000)
  }

  /** Types of all Events of the server's log. */
  get events(): readonly string[] {
    return this.simulation.serverRecords.flatMap(({ events }) => events.map(({ type }) => type))
  }

  countOf(type: string): number {
    return this.events.filter((each) => each === type).length
  }
}
