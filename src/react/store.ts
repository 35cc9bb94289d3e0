/** What a stream told last, in the shape that `useSyncExternalStore` asks for: the same value until it is told of another. */
import { nextFrame } from './frame.ts'

interface Stream {
  unsubscribe(): void
}

export class Store<T> {
  readonly #start: (set: (value: T) => void) => Stream
  readonly #idle: () => void
  #value: T
  #newest: T
  readonly #listeners = new Set<() => void>()
  #stream: Stream | undefined

  /**
   * @param start begins to listen; what is set at once is there for the first render already
   * @param idle called when the last listener has gone
   */
  constructor(initial: T, start: (set: (value: T) => void) => Stream, idle: () => void = () => undefined) {
    this.#idle = idle
    this.#value = initial
    this.#newest = initial
    this.#start = start
    start((value) => (this.#value = this.#newest = value)).unsubscribe()
  }

  readonly get = (): T => this.#value

  readonly subscribe = (changed: () => void): (() => void) => {
    this.#listeners.add(changed)
    this.#stream ??= this.#start((value) => {
      this.#newest = value
      nextFrame(this.#show)
    })
    return () => {
      this.#listeners.delete(changed)
      if (this.#listeners.size > 0) return
      this.#stream?.unsubscribe()
      this.#stream = undefined
      this.#idle()
    }
  }

  readonly #show = (): void => {
    if (this.#value === this.#newest) return
    this.#value = this.#newest
    for (const changed of [...this.#listeners]) changed()
  }
}
