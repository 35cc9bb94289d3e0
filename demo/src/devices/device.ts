/** A device of its own in this window: its own worker, its own databases, its own way to the network. */
import { connect, type App } from 'outpost/client'
import type { stockroom } from '../domain/domain.ts'
import { layCable, type Cable } from './cable.ts'

export type DeviceName = 'Left' | 'Right'

/** Theirs alone: nothing that is tried out here is in anybody's book. */
const space = 'two-devices'

export interface Device {
  readonly name: DeviceName
  readonly app: App<typeof stockroom>
  readonly cable: Cable
  close(): void
}

export function openDevice(name: DeviceName): Device {
  const cable = layCable(name)
  const app = connect<typeof stockroom>({
    space,
    // Databases are a principal's, so two principals of one page are two devices.
    actor: name,
    token: () => Promise.resolve(name),
    worker: () => new Worker(new URL('./device.worker.ts', import.meta.url), { type: 'module', name }),
  })
  return {
    name,
    app,
    cable,
    close() {
      cable.close()
      void app.close()
    },
  }
}
