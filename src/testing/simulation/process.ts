/**
 * A thread that runs code under test: a tab's worker, a server process. Whatever comes to it from outside comes through here, so
 * that it can stand still and die at any point, as real ones do.
 */
import { turn } from '../../storage/memory/turn.ts'
import type { VirtualClock } from './virtual-clock.ts'

export class Process {
  readonly clock: VirtualClock
  #missed: (() => void)[] | undefined
  #isThawing = false
  #isDead = false
  readonly #onKilled = new Set<() => void>()

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  get isDead(): boolean {
    return this.#isDead
  }
  get isFrozen(): boolean {
    return this.#missed !== undefined && !this.#isThawing && !this.#isDead
  }

  /** Runs it in there: at once, when it is thawed, or never. */
  deliver(run: () => void): void {
    if (this.#isDead) return
    if (this.#missed) this.#missed.push(run)
    else run()
  }

  /** What was asked for in there is answered in there. */
  brought<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.deliver(() => resolve(value)),
        (thrown: unknown) => this.deliver(() => reject(thrown instanceof Error ? thrown : new Error(String(thrown)))),
      )
    })
  }

  readonly later = (delayMs: number, run: () => void): (() => void) => {
    let cancelled = false
    const cancel = this.clock.later(delayMs, () => this.deliver(() => cancelled || run()))
    return () => {
      cancelled = true
      cancel()
    }
  }

  freeze(): void {
    this.#missed ??= []
    this.#isThawing = false
  }

  /** All that came meanwhile comes now, each as a task of its own, and before what comes from now on. */
  thaw(): void {
    const missed = this.#missed
    if (!missed || this.#isThawing) return
    this.#isThawing = true
    const drain = async (): Promise<void> => {
      while (this.#isThawing && missed.length > 0) {
        missed.shift()?.()
        await turn()
      }
      if (this.#isThawing) this.#missed = undefined
      this.#isThawing = false
    }
    void this.clock.work(drain())
  }

  /** At once, between two instructions. Nothing of it ever runs again. */
  kill(): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#isThawing = false
    this.#missed = []
    for (const killed of this.#onKilled) killed()
    this.#onKilled.clear()
  }

  /** @returns stops that */
  onKilled(killed: () => void): () => void {
    this.#onKilled.add(killed)
    return () => this.#onKilled.delete(killed)
  }
}
