/**
 * One tab syncs for all that have the log open. A Web Lock says which:
 *
 *     waiting ──▶ holding ──▶ waiting …
 *
 * A lock tells who has the role, not whether he does anything: a frozen tab keeps it. So the holder beats, and a visible tab
 * that hears nothing for a while steals the lock. And a hidden holder lets go of it when a visible tab wants it.
 * This is economy, not safety: whoever takes the role raises an epoch in the log's meta data, and looks at it again before
 * anything that leaves a trace; so one who lost the role while he was frozen notices before he acts.
 */
import { pause } from '../internal/pause.ts'
import type { SyncEnvironment } from './environment.ts'
import type { SyncedLog } from './synced-log.ts'

const key = 'sync.role'
/** Between two beats, and between two looks of those who wait. */
export const beatMs = 2000
/** After so many looks without a beat the holder counts as frozen: 10 s. */
const silentLooks = 5
/** So often a tab steals at most: one that is deaf must not upset the others again and again. */
const stealMs = 60_000
/** A holder that has been hidden for so long makes room for a visible tab. */
const hiddenMs = 30_000

export interface RoleOptions {
  /** Name of the lock. */
  readonly name: string
  readonly meta: SyncedLog['meta']
  readonly environment: SyncEnvironment
  /** Says to the other tabs that the holder lives. */
  readonly beat: () => void
  /** Says to the holder that a visible tab waits. */
  readonly want: () => void
  /** Whether what another channel of this tab says is heard here; else silence means nothing. */
  readonly hears: () => Promise<boolean>
  /** Resolves when this tab may take the role; not asked for it before. */
  readonly ready: (signal: AbortSignal) => Promise<void>
  /** What the holder does until its signal fires. When it returns, the role is given up. */
  readonly work: (lost: AbortSignal) => Promise<void>
  readonly report: (thrown: unknown) => void
}

export class Role {
  readonly #options: RoleOptions
  /** undefined while the tab is visible. */
  #hiddenSince: number | undefined
  /** Looks without a beat. */
  #silence = 0
  #stolenAt = -Infinity
  #steal = (): void => undefined
  #holding: { readonly lost: AbortController; readonly done: Promise<void> } | undefined
  #epoch = 0

  constructor(options: RoleOptions) {
    this.#options = options
  }

  /** True between getting the lock and letting go of it, as far as this tab knows. */
  get isHeld(): boolean {
    return this.#holding?.lost.signal.aborted === false
  }

  get isVisible(): boolean {
    return this.#hiddenSince === undefined
  }

  /** Takes the role whenever it is to be had, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const stopLooking = this.#every(beatMs, () => this.#look())
    try {
      while (!signal.aborted) {
        await this.#options.ready(signal)
        if (!signal.aborted) await this.#turn(signal)
      }
    } finally {
      stopLooking()
    }
  }

  /** False where another tab has taken the role, whatever this one believes. */
  async holds(): Promise<boolean> {
    return this.isHeld && (await this.#options.meta.get(key)) === this.#epoch && this.isHeld
  }

  heardBeat(hidden: boolean): void {
    this.#silence = 0
    if (hidden && this.isVisible) this.#options.want()
  }

  /** A visible tab waits for the role. */
  heardWant(): void {
    if (this.#hiddenSince !== undefined && this.#options.environment.now() - this.#hiddenSince >= hiddenMs) this.#holding?.lost.abort()
  }

  setVisible(visible: boolean): void {
    if (visible === this.isVisible) return
    this.#hiddenSince = visible ? undefined : this.#options.environment.now()
    this.#silence = 0
  }

  /** One wait for the lock and, once it is had, the time of holding it. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { name, environment, report } = this.#options
    const waiting = new AbortController()
    let stealing = false
    const stop = (): void => {
      waiting.abort()
      this.#holding?.lost.abort()
    }
    this.#steal = () => {
      if (this.#holding) return
      stealing = true
      waiting.abort()
    }
    signal.addEventListener('abort', stop)
    const take = async (options: { signal: AbortSignal } | { steal: true }): Promise<void> => {
      try {
        await environment.lock(name, options, () => this.#hold())
      } catch (thrown) {
        // Taken back while it waited, or stolen while it was held.
        if (isAbort(thrown)) return
        report(thrown)
        // What failed is not tried again in the same breath.
        await pause(environment.later, beatMs, signal)
      } finally {
        this.#holding?.lost.abort()
        await this.#holding?.done.catch(() => undefined) // told by the lock, where that was not stolen
        this.#holding = undefined
      }
    }
    await take({ signal: waiting.signal })
    if (stealing && !signal.aborted) await take({ steal: true })
    signal.removeEventListener('abort', stop)
  }

  #hold(): Promise<void> {
    const lost = new AbortController()
    const done = this.#do(lost.signal)
    this.#holding = { lost, done }
    return done
  }

  async #do(lost: AbortSignal): Promise<void> {
    const { meta, beat, work } = this.#options
    this.#epoch = (await meta.update<number>(key, (epoch = 0) => epoch + 1)) ?? 0
    beat()
    const stopBeating = this.#every(beatMs, beat)
    try {
      if (!lost.aborted) await work(lost)
    } finally {
      this.#silence = 0
      stopBeating()
    }
  }

  /** Counts looks, not time: where this tab stands still, it is not the holder who is silent. */
  #look(): void {
    const { environment, hears } = this.#options
    if (this.isHeld || !this.isVisible || ++this.#silence < silentLooks) return
    this.#silence = 0
    if (environment.now() - this.#stolenAt < stealMs) return
    void hears().then((hearing) => {
      if (!hearing || this.isHeld || !this.isVisible) return
      // Tabs that wait side by side do not steal side by side for ever.
      this.#stolenAt = environment.now() + environment.random() * stealMs
      this.#steal()
    })
  }

  #every(ms: number, run: () => void): () => void {
    let cancel = (): void => undefined
    const again = (): void => {
      cancel = this.#options.environment.later(ms, () => {
        again()
        run()
      })
    }
    again()
    return () => cancel()
  }
}

const isAbort = (thrown: unknown): boolean => thrown instanceof Error && thrown.name === 'AbortError'
