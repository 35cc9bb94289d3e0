/** Rings once, at the earliest of the times that it was set to since it last rang. */
export class Alarm {
  readonly #clock: AlarmClock
  readonly #ring: () => void
  #cancel: () => void = () => undefined
  /** When it rings, ms since 1970; Infinity where it is not set. */
  at = Infinity

  constructor(clock: AlarmClock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  set(delayMs: number): void {
    const { now, later } = this.#clock
    const at = now() + delayMs
    // One whose time has passed has slept with the machine, or the clock was set: it may ring much later.
    if (at >= this.at && this.at > now()) return
    this.clear()
    this.at = at
    this.#cancel = later(delayMs, () => {
      this.at = Infinity
      this.#ring()
    })
  }

  clear(): void {
    this.#cancel()
    this.at = Infinity
  }
}

export interface AlarmClock {
  readonly now: () => number
  readonly later: (delayMs: number, run: () => void) => () => void
}
