/** What the status tells beside the engine's own: how many tabs there are, and what the browser says of storage. */
import type { StorageStatus } from '../engine/status.ts'

type Figures = Omit<StorageStatus, 'state'>

/** The figures are rough, and asking for them costs the browser a walk over its files: while a start reads them, too. */
const estimateFirstMs = 1000
const estimateEveryMs = 30_000

export class Surroundings {
  tabs = 1
  figures: Figures = {}
  #estimatedAt = Infinity
  /** Called at each change. */
  readonly listeners = new Set<() => void>()
  readonly #first = setTimeout(() => void this.#estimate(), estimateFirstMs)

  counted(tabs: number): void {
    if (tabs === this.tabs) return
    this.tabs = tabs
    this.#tell()
  }

  /** Asks anew, unless that was done so lately. */
  estimate(everyMs = estimateEveryMs): void {
    if (performance.now() - this.#estimatedAt >= everyMs) void this.#estimate()
  }

  close(): void {
    clearTimeout(this.#first)
  }

  async #estimate(): Promise<void> {
    this.#estimatedAt = performance.now()
    const storage = globalThis.navigator?.storage as Partial<StorageManager> | undefined
    const unknown = (): undefined => undefined
    const [persisted, estimated, refused] = await Promise.all([
      storage?.persisted?.().catch(unknown),
      storage?.estimate?.().catch(unknown),
      // The private windows of Firefox and Safari keep IndexedDB in memory and refuse this.
      storage?.getDirectory?.().then(unknown, () => true),
    ])
    this.figures = { persisted, usage: estimated?.usage, quota: estimated?.quota, private: refused }
    this.#tell()
  }

  #tell(): void {
    for (const changed of this.listeners) changed()
  }
}
