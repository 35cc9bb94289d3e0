/** Watched results of one value: a row by its key, and a count. */
import type { Row } from '../storage/storage.ts'
import type { LiveResult } from './live-query.ts'
import type { QueryPlan } from './query-plan.ts'
import type { RowChange } from './row-changes.ts'
import type { Token } from './row-operations.ts'
import { sameValue } from '../internal/same-value.ts'

export class LiveRow implements LiveResult {
  readonly #token: Token
  readonly #read: (take: (row: Row | undefined) => void) => Promise<void>
  #row: Row | undefined

  constructor(token: Token, read: (take: (row: Row | undefined) => void) => Promise<void>) {
    this.#token = token
    this.#read = read
  }

  get data(): unknown {
    return this.#row
  }

  load(taken: () => void): Promise<void> {
    return this.#read((row) => {
      this.#set(row)
      taken()
    })
  }

  apply(changes: readonly RowChange[]): boolean {
    for (const { token, row } of changes) if (token === this.#token) this.#set(row)
    return true
  }

  #set(row: Row | undefined): void {
    if (!sameValue(this.#row, row)) this.#row = row
  }
}

export class LiveCount implements LiveResult {
  readonly #plan: QueryPlan
  readonly #read: (take: (count: number) => void) => Promise<void>
  #count = 0

  constructor(plan: QueryPlan, read: (take: (count: number) => void) => Promise<void>) {
    this.#plan = plan
    this.#read = read
  }

  get data(): unknown {
    return this.#count
  }

  load(taken: () => void): Promise<void> {
    return this.#read((count) => {
      this.#count = count
      taken()
    })
  }

  apply(changes: readonly RowChange[]): boolean {
    let difference = 0
    for (const { row, before } of changes) {
      if (!before) return false
      if (before.row && this.#plan.matches(before.row)) difference--
      if (row && this.#plan.matches(row)) difference++
    }
    this.#count += difference
    return true
  }
}
