/**
 * A projection that had to stop at an Event: it waits here, tries again by itself more and more rarely, and goes on as soon
 * as the Event passes. Where only another build can go on, it does not try by itself.
 */
import type { Environment } from '../engine/engine.ts'
import type { Parked } from '../engine/status.ts'
import { messageOf } from '../errors.ts'
import { sameCheckpoint } from '../storage/record.ts'
import type { EventSource } from './event-source.ts'
import type { Stop } from './folding.ts'
import { backoff } from './timing.ts'

const RETRY_FIRST_MS = 1_000
const RETRY_LONGEST_MS = 60_000

type TailState = Pick<EventSource, 'tailEpoch' | 'settled'>

export class Parking {
  readonly #environment: Environment
  readonly #retry: () => void
  #parked: Parked | undefined
  /** What the log was when a tentative Event stopped the fold. */
  #tail: TailState | undefined
  #cancel: () => void = () => {}

  constructor(environment: Environment, retry: () => void) {
    this.#environment = environment
    this.#retry = retry
  }

  get parked(): Parked | undefined {
    return this.#parked
  }

  /** @param tail of a tentative Event: what the log was */
  park({ position, eventType, error, retryable }: Stop, tail?: TailState): void {
    this.#cancel()
    this.#tail = tail
    const attempts = this.#parked?.position === position ? this.#parked.attempts + 1 : 1
    const delayMs = backoff(attempts, RETRY_FIRST_MS, RETRY_LONGEST_MS)
    this.#parked = {
      position,
      eventType,
      error: messageOf(error),
      attempts,
      ...(retryable && { retryAt: this.#environment.now() + delayMs }),
    }
    this.#cancel = retryable ? this.#environment.later(delayMs, this.#retry) : () => {}
  }

  clear(): void {
    this.#cancel()
    this.#parked = undefined
    this.#tail = undefined
  }

  /** True where a tentative Event stopped it, and the tail is another one by now: it may not be there any more. */
  isOfOtherTail({ tailEpoch, settled }: TailState): boolean {
    return this.#tail !== undefined && (this.#tail.tailEpoch !== tailEpoch || !sameCheckpoint(this.#tail.settled, settled))
  }

  /** Stops trying by itself. */
  close(): void {
    this.#cancel()
  }
}
