import { Bell } from './bell.ts'

/** Lets something stand still for as long as anybody needs that. */
export class Hold {
  #holders = 0
  readonly #freed = new Bell()

  /** Until the returned function is called. */
  take(): () => void {
    this.#holders++
    let isHolding = true
    return () => {
      if (!isHolding) return
      isHolding = false
      if (--this.#holders === 0) this.#freed.ring()
    }
  }

  get isHeld(): boolean {
    return this.#holders > 0
  }

  /** Resolves when nobody holds it. */
  async free(): Promise<void> {
    while (this.#holders > 0) await this.#freed.next()
  }
}
