/** Devices, network and server in one process, on a clock of their own. */
import type { AnyDomain } from '../domain/infer.ts'
import type { Simulation, SimulationOptions } from './simulation/simulation.ts'

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
