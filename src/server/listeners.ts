/** Change notices: Server-Sent Events that say how far a space's log has grown. Limited in number, ended when the server closes. */
import type { Place } from '../sync/protocol.ts'
import type { HeldSpace } from './spaces.ts'
import { SyncFault } from './sync-fault.ts'

/** A comment so often keeps proxies from taking a silent stream for a dead one: most give up after a minute. */
const HEARTBEAT_MS = 25_000

export interface ListenersOptions {
  readonly perPrincipal: number
  readonly inAll: number
  readonly later: (delayMs: number, run: () => void) => () => void
}

export class Listeners {
  readonly #options: ListenersOptions
  readonly #count = new Map<string, number>()
  readonly #open = new Set<() => void>()

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** How many there are. */
  get size(): number {
    return this.#open.size
  }

  /** @throws SyncFault `rate` where there are enough of them */
  check(principal: string): void {
    const { perPrincipal, inAll } = this.#options
    if ((this.#count.get(principal) ?? 0) >= perPrincipal || this.#open.size >= inAll)
      throw new SyncFault('rate', 'There are too many listeners already.', {}, 30)
  }

  /** The stream for one listener; it holds its space for as long as it lasts. */
  listen(principal: string, held: HeldSpace): ReadableStream<Uint8Array> {
    this.check(principal)
    const encoder = new TextEncoder()
    let controller: ReadableStreamDefaultController<Uint8Array>
    let told = ''
    let stop = (): void => undefined
    /** @returns false where the reader has not taken what came before: nothing piles up behind a slow one */
    const write = (text: string): boolean => {
      if ((controller.desiredSize ?? 0) <= 0) return false
      controller.enqueue(encoder.encode(text))
      return true
    }
    /** The newest place, unless it was told. */
    const tell = (): void => {
      const notice = noticeOf(held.space.place)
      if (notice === told) return
      const before = told
      told = notice // writing may ask for more at once, and come here again
      if (!write(notice)) told = before
    }
    const beat = (): void => {
      write(': still here\n\n')
      stop = this.#options.later(HEARTBEAT_MS, beat)
    }
    let unwatch = (): void => undefined
    const leave = (): boolean => {
      if (!this.#open.delete(end)) return false
      const left = (this.#count.get(principal) ?? 1) - 1
      if (left === 0) this.#count.delete(principal)
      else this.#count.set(principal, left)
      stop()
      unwatch()
      held.release()
      return true
    }
    const end = (): void => {
      if (leave()) controller.close()
    }
    this.#open.add(end)
    this.#count.set(principal, (this.#count.get(principal) ?? 0) + 1)
    return new ReadableStream<Uint8Array>({
      start: (own) => {
        controller = own
        tell()
        stop = this.#options.later(HEARTBEAT_MS, beat)
        unwatch = held.space.watch(tell, end)
      },
      pull: tell,
      cancel: () => void leave(),
    })
  }

  /** Ends every stream: their clients come again, here or elsewhere. */
  close(): void {
    for (const end of [...this.#open]) end()
  }
}

const noticeOf = (place: Place): string => `data: ${JSON.stringify(place)}\n\n`
