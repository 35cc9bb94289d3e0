import type { Row } from '../storage/storage.ts'
import type { RowOrder } from './row-order.ts'

/** The first so many rows of an order, out of any number that pass by. */
export class RowHeap {
  readonly #order: RowOrder
  readonly #limit: number
  #rows: Row[] = []
  #complete = true

  constructor(order: RowOrder, limit: number) {
    this.#order = order
    this.#limit = limit
  }

  /** False where rows had to be left out. */
  get complete(): boolean {
    return this.#complete && this.#rows.length <= this.#limit
  }

  add(row: Row): void {
    this.#rows.push(row)
    // Sorting now and then is faster than finding a place for each.
    if (this.#rows.length >= 2 * this.#limit + 100) this.#cut()
  }

  sorted(): readonly Row[] {
    this.#cut()
    return this.#rows
  }

  #cut(): void {
    this.#rows.sort(this.#order)
    if (this.#rows.length <= this.#limit) return
    this.#rows.length = this.#limit
    this.#complete = false
  }
}
