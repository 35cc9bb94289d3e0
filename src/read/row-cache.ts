/** Clean rows in memory, the least recently used leaving first. */
import type { Row } from '../storage/storage.ts'
import type { Token } from './row-operations.ts'

export class RowCache {
  readonly #limit: number
  readonly #rows = new Map<Token, Row>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get(token: Token): Row | undefined {
    const row = this.#rows.get(token)
    if (row !== undefined) {
      this.#rows.delete(token)
      this.#rows.set(token, row)
    }
    return row
  }

  set(token: Token, row: Row): void {
    this.#rows.delete(token)
    this.#rows.set(token, row)
    if (this.#rows.size <= this.#limit) return
    for (const oldest of this.#rows.keys()) {
      this.#rows.delete(oldest)
      return
    }
  }

  delete(token: Token): void {
    this.#rows.delete(token)
  }

  clear(): void {
    this.#rows.clear()
  }
}
