/**
 * How seldom to write what follows from the log while Commands keep coming. A state or row that a burst touches again and
 * again needs to be written once, at its end: each time before costs the browser's storage the time that the burst's own
 * commits wait for. So the more the last write took, the later the next one. What a crash costs is to fold that much again.
 */

/** Of the time of a burst, at most this share goes to such writes. */
const SHARE = 0.1
/** However much they take: some 100,000 Events are folded a second at the next start. */
const LONGEST_MS = 20_000

export class Pace {
  readonly #leastMs: number
  readonly #clock: () => number
  #tookMs = 0

  /** @param leastMs from the first touch to a write, where writing costs nothing */
  constructor(leastMs: number, clock: () => number) {
    this.#leastMs = leastMs
    this.#clock = clock
  }

  /** How long what a burst touched may wait. */
  get longestMs(): number {
    return Math.min(LONGEST_MS, Math.max(this.#leastMs, this.#tookMs / SHARE))
  }

  async measure<T>(write: () => Promise<T>): Promise<T> {
    const startedAt = this.#clock()
    try {
      return await write()
    } finally {
      this.#tookMs = this.#clock() - startedAt
    }
  }
}
