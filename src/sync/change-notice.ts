/** Hears from the server how far its log has grown, over one stream that is opened again when it ends. */
import { backOffMs } from './back-off.ts'
import type { SyncEnvironment } from './environment.ts'
import type { Place } from './protocol.ts'
import type { Transport } from './transport.ts'

/** A stream that lived so long ended of something passing, and is opened again at once. */
const longLivedMs = 10_000

export class ChangeNotice {
  readonly #transport: Transport
  readonly #environment: SyncEnvironment
  readonly #ring: () => void
  #stream: AbortController | undefined
  #failures = 0
  /** Told last, by the stream that is open. */
  place: Place | undefined
  /** True from when a stream has ended by itself until it is to be opened again: the server may be gone, or may not want us any more. */
  hasEnded = false
  /** Before then it is not opened again: a minute at most. */
  reopenAt = 0

  /** @param ring called after each change of what it shows */
  constructor(transport: Transport, environment: SyncEnvironment, ring: () => void) {
    this.#transport = transport
    this.#environment = environment
    this.#ring = ring
  }

  get isOpen(): boolean {
    return this.#stream !== undefined
  }

  open(): void {
    this.hasEnded = false
    if (this.#stream || this.#environment.now() < this.reopenAt) return
    const stream = (this.#stream = new AbortController())
    const openedAt = this.#environment.now()
    const ended = (): void => {
      if (this.#stream !== stream) return
      const now = this.#environment.now()
      this.close()
      this.hasEnded = true
      this.#failures = now - openedAt >= longLivedMs ? 0 : this.#failures + 1
      this.reopenAt = this.#failures === 0 ? now : now + backOffMs(this.#failures, this.#environment.random())
      this.#ring()
    }
    const heard = (place: Place): void => {
      if (this.#stream !== stream) return
      this.place = place
      this.#ring()
    }
    // Why it ended shows when the loop connects again, which is what follows; without a stream it asks from time to time.
    this.#transport.changes(heard, stream.signal).then(ended, ended)
  }

  close(): void {
    this.#stream?.abort()
    this.#stream = undefined
    this.place = undefined
    this.hasEnded = false
  }
}
