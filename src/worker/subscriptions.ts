/** All subscriptions of one client: what is new on them goes out together, one frame at a time for each. */
import { encodeError } from '../channel/codec.ts'
import type { Frame, FromWorker } from '../channel/protocol.ts'
import { messageOf, OutpostError } from '../errors.ts'
import type { Feed, FeedListener } from './feeds.ts'

interface Entry {
  readonly id: number
  feed: Feed | undefined
  /** The client has acknowledged the last frame. */
  ready: boolean
}

export class Subscriptions {
  readonly #post: (message: FromWorker) => void
  readonly #entries = new Map<number, Entry>()
  readonly #rung = new Set<Entry>()
  #flushing = false

  constructor(post: (message: FromWorker) => void) {
    this.#post = post
  }

  open(id: number, start: (listener: FeedListener) => Feed): void {
    const entry: Entry = { id, feed: undefined, ready: true }
    this.#entries.set(id, entry)
    const fail = (thrown: unknown): void => {
      if (this.#entries.get(id) === entry) this.#fail(id, thrown)
    }
    try {
      entry.feed = start({ ring: () => this.#ring(entry), fail })
    } catch (thrown) {
      fail(thrown)
    }
  }

  close(id: number): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#entries.delete(id)
    this.#rung.delete(entry)
    entry.feed?.close()
  }

  closeAll(): void {
    for (const id of [...this.#entries.keys()]) this.close(id)
  }

  acknowledge(ids: readonly number[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (!entry) continue
      entry.ready = true
      if (this.#rung.has(entry)) this.#flushSoon()
    }
  }

  #ring(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return
    this.#rung.add(entry)
    if (entry.ready) this.#flushSoon()
  }

  /** Later in the same tick, when all that one commit changes has rung. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    const frames: Frame[] = []
    for (const entry of this.#rung) {
      if (!entry.ready) continue
      this.#rung.delete(entry)
      const news = entry.feed?.take()
      if (!news) continue
      entry.ready = false
      frames.push({ id: entry.id, ...news })
    }
    if (frames.length > 0) this.#send(frames)
  }

  #send(frames: readonly Frame[]): void {
    try {
      this.#post({ kind: 'frames', frames })
    } catch (cause) {
      // One of them holds what cannot cross; alone, only that one fails.
      if (frames.length > 1) for (const frame of frames) this.#send([frame])
      else {
        const message = `The result cannot cross: ${messageOf(cause)}. Return plain data.`
        this.#fail((frames[0] as Frame).id, new OutpostError('invalid-query', message, {}, cause))
      }
    }
  }

  #fail(id: number, thrown: unknown): void {
    this.close(id)
    this.#post({ kind: 'frames', frames: [{ id, kind: 'error', error: encodeError(thrown) }] })
  }
}
