/** A token bucket for each principal: so many requests at once, so many a second after that. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

interface Bucket {
  tokens: number
  at: number
}

/** Buckets looked through for full ones at once, when a new principal comes. */
const SWEPT = 8

export class RateLimit {
  readonly #rate: Rate
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: Rate, now: () => number) {
    this.#rate = rate
    this.#now = now
  }

  /** Takes a token. @returns 0, or the seconds after which there is one */
  take(principal: string): number {
    this.#sweep()
    const bucket = this.#buckets.get(principal) ?? { tokens: this.#rate.burst, at: this.#now() }
    this.#buckets.delete(principal) // the one heard of last comes last
    this.#buckets.set(principal, bucket)
    this.#fill(bucket)
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.#rate.perSecond))
    bucket.tokens -= 1
    return 0
  }

  #fill(bucket: Bucket): void {
    const { perSecond, burst } = this.#rate
    const now = this.#now()
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
    bucket.at = now
  }

  /** A full bucket is as good as none. */
  #sweep(): void {
    let looked = 0
    for (const [principal, bucket] of this.#buckets) {
      if (looked++ === SWEPT) return
      this.#fill(bucket)
      if (bucket.tokens < this.#rate.burst) return
      this.#buckets.delete(principal)
    }
  }
}
