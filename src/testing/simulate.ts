/** Devices, network and server in one process, on a clock of their own. */
import type { AnyDomain } from '../domain/infer.ts'
import type { Simulation, SimulationOptions } from './simulation/simulation.ts'

/**
 * Puts devices with tabs, a network and sync servers on one virtual clock: engine, sync client and server are the real ones, and
 * all chance follows from the seed. The guide is `src/testing/README.md`.
 *
 * @returns once the schedule, where one was given, has been run; `close()` it in the end
 *
 * @example
 * const simulation = await simulate({ domain: stockroom, devices: 2, seed: 1 })
 * await simulation.give(0, { type: 'stockItem.register', aggregateId: 'bolt', payload: { name: 'Bolt' } })
 * await simulation.step({ do: 'crashTab', device: 0, tab: 0 })
 * const settled = await simulation.settle()
 * await settled.equal()
 * await settled.ended()
 * await simulation.close()
 */
export async function simulate<D extends AnyDomain>(options: SimulationOptions<D>): Promise<Simulation> {
  // Loaded when it is asked for: who only tests a domain loads neither a sync server nor Hono.
  const [{ Simulation }, { createSyncServer }] = await Promise.all([
    import('./simulation/simulation.ts'),
    import('../server/create-sync-server.ts'),
  ])
  const simulation = new Simulation(options, createSyncServer)
  await simulation.steps(options.schedule ?? [])
  return simulation
}
