/** The spaces that are open in this process: opened by whoever needs one, closed when nobody has for a while. */
import { databasePrefix } from '../engine/open-log.ts'
import type { Environment } from '../engine/engine.ts'
import type { Space } from './space.ts'
import { unavailable } from './sync-fault.ts'

export interface SpacesOptions {
  readonly environment: Environment
  /** @param onClosed to be called if storage takes the log away */
  readonly open: (name: string, onClosed: () => void) => Promise<Space>
  /** Open at once. */
  readonly most: number
  /** Unused for so long, a space is closed. */
  readonly idleMs: number
  /** Hears of a space that could not be opened or closed while nobody waited for it. */
  readonly onFault: (space: string, fault: unknown) => void
}

export interface HeldSpace {
  readonly space: Space
  /** Works twice. */
  release(): void
}

interface Entry {
  readonly opening: Promise<Space>
  /** Set once it is open. */
  space: Space | undefined
  holders: number
  usedAt: number
  closing: Promise<void> | undefined
}

export class Spaces {
  readonly #options: SpacesOptions
  readonly #entries = new Map<string, Entry>()
  /** Closed spaces with work of their own later (timers), and what wakes them. */
  readonly #alarms = new Map<string, () => void>()
  #cancelSweep: (() => void) | undefined
  #closed = false

  constructor(options: SpacesOptions) {
    this.#options = options
  }

  /** How many are open. */
  get size(): number {
    return this.#entries.size
  }

  /** @throws what opening throws; SyncFault `unavailable` */
  async use<T>(name: string, work: (space: Space) => Promise<T>): Promise<T> {
    const held = await this.hold(name)
    try {
      return await work(held.space)
    } finally {
      held.release()
    }
  }

  /** As `use`, until it is released. */
  async hold(name: string): Promise<HeldSpace> {
    for (;;) {
      if (this.#closed) throw unavailable('The server is shutting down.')
      const entry = this.#entries.get(name) ?? (await this.#open(name))
      if (!entry) continue
      if (entry.closing) {
        await entry.closing
        continue
      }
      entry.holders++
      try {
        return this.#held(entry, await entry.opening)
      } catch (error) {
        entry.holders--
        throw error
      }
    }
  }

  /**
   * Opens each of these spaces for a moment, one after the other: what fell due while no process ran is done now.
   * Those that cannot be opened are told to `onFault`.
   */
  async wake(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.#closed) return
      await this.use(name, () => Promise.resolve()).catch((fault: unknown) => this.#options.onFault(name, fault))
    }
  }

  /** Finishes what is under way in each, and closes them. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancelSweep?.()
    for (const cancel of this.#alarms.values()) cancel()
    this.#alarms.clear()
    await Promise.all([...this.#entries].map(([name, entry]) => this.#close(name, entry)))
  }

  #held(entry: Entry, space: Space): HeldSpace {
    let released = false
    return {
      space,
      release: () => {
        if (released) return
        released = true
        entry.holders--
        entry.usedAt = this.#options.environment.now()
        this.#sweepLater()
      },
    }
  }

  /** @returns undefined where room had to be made first: look again */
  async #open(name: string): Promise<Entry | undefined> {
    const { most, open, environment } = this.#options
    if (this.#entries.size >= most) {
      await this.#makeRoom()
      return undefined
    }
    this.#alarms.get(name)?.()
    this.#alarms.delete(name)
    const entry: Entry = {
      opening: open(name, () => void this.#close(name, entry)),
      space: undefined,
      holders: 0,
      usedAt: environment.now(),
      closing: undefined,
    }
    this.#entries.set(name, entry)
    entry.opening.then(
      (space) => (entry.space = space),
      () => this.#entries.delete(name), // whoever wanted it has the error
    )
    return entry
  }

  /** Closes the one that has been unused for longest. */
  async #makeRoom(): Promise<void> {
    let oldest: readonly [string, Entry] | undefined
    for (const [name, entry] of this.#entries)
      if (entry.closing) return entry.closing
      else if (entry.holders === 0 && entry.space && (!oldest || entry.usedAt < oldest[1].usedAt)) oldest = [name, entry]
    if (!oldest) throw unavailable('Too many spaces are in use.')
    await this.#close(...oldest)
  }

  #sweepLater(): void {
    const { environment, idleMs } = this.#options
    if (this.#closed) return
    this.#cancelSweep ??= environment.later(idleMs, () => {
      this.#cancelSweep = undefined
      this.#sweep()
    })
  }

  #sweep(): void {
    const { environment, idleMs } = this.#options
    const now = environment.now()
    for (const [name, entry] of this.#entries) {
      if (entry.holders > 0 || entry.closing || !entry.space) continue
      // What has something to do soon is not worth closing.
      if (now - entry.usedAt >= idleMs && entry.space.nextWorkAt - now > idleMs) void this.#close(name, entry)
    }
    if (this.#entries.size > 0) this.#sweepLater()
  }

  #close(name: string, entry: Entry): Promise<void> {
    return (entry.closing ??= this.#end(name, entry))
  }

  async #end(name: string, entry: Entry): Promise<void> {
    const { environment, onFault } = this.#options
    try {
      const space = await entry.opening
      const wakeAt = space.nextWorkAt
      await space.close()
      if (!this.#closed && wakeAt < Infinity)
        this.#alarms.set(
          name,
          environment.later(Math.max(1000, wakeAt - environment.now()), () => {
            this.#alarms.delete(name)
            void this.wake([name])
          }),
        )
    } catch (fault) {
      onFault(name, fault)
    } finally {
      this.#entries.delete(name)
    }
  }
}

/** The spaces whose logs are among these databases. */
export function spacesAmong(domain: string, databases: readonly string[]): readonly string[] {
  const prefix = `${databasePrefix(domain)}.`
  return databases.flatMap((name) => {
    const middle = name.startsWith(prefix) && name.endsWith('.log') ? name.slice(prefix.length, -'.log'.length) : ''
    return middle === '' || middle.includes('.') ? [] : [decodeURIComponent(middle)]
  })
}
