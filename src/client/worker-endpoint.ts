import type { Port } from '../channel/port.ts'

/** The way to a host that is no `Worker` of this page: in the same realm, or behind some other port. */
export interface WorkerEndpoint {
  /** The host listens at its other end. */
  readonly port: Port
  /** Resolves when the other end is gone, where it holds no Web Lock that tells. */
  readonly died?: Promise<void>
  /** Ends the other end, which may no longer be listening. */
  terminate?(): void
}

export const endpointOf = (worker: Worker): WorkerEndpoint => ({ port: worker, terminate: () => worker.terminate() })
