/**
 * The rows of a watched query, kept up to date from changes alone as far as that goes: a sorted window that begins with the
 * first matching row and reaches somewhat beyond the last one that is shown, so that rows which leave are replaced from
 * memory. Only when the window runs dry it is read again.
 */
import { keyToken } from '../storage/key.ts'
import type { Key, Row } from '../storage/storage.ts'
import type { LiveResult } from './live-query.ts'
import { amendSorted } from './merge-rows.ts'
import type { QueryPlan } from './query-plan.ts'
import type { RowChange } from './row-changes.ts'
import type { RowsRead } from './row-reader.ts'
import type { Token } from './row-operations.ts'
import { sameValue } from '../internal/same-value.ts'

const LEAST_RESERVE = 10
const LARGEST_RESERVE = 100

/** Told of each row that enters or leaves the window. */
export interface Membership {
  add(token: Token): void
  delete(token: Token): void
}

export class LiveRows implements LiveResult {
  readonly #plan: QueryPlan
  readonly #keyField: string
  readonly #read: (need: number, take: (read: RowsRead) => void) => Promise<void>
  readonly #membership: Membership | undefined
  /** Rows to show, with those passed over before them. */
  readonly #need: number
  readonly #reserve: number
  #window: readonly Row[] = []
  readonly #members = new Map<Token, Row>()
  /** Where the window does not hold all that match: it holds those up to this row, which may itself have left. */
  #end: Row | undefined
  #shown: readonly Row[] = []
  #closed = false

  constructor(
    plan: QueryPlan,
    keyField: string,
    read: (need: number, take: (read: RowsRead) => void) => Promise<void>,
    membership: Membership | undefined,
  ) {
    this.#plan = plan
    this.#keyField = keyField
    this.#read = read
    this.#membership = membership
    this.#need = plan.offset + plan.limit
    this.#reserve = Math.min(Math.max(this.#need, LEAST_RESERVE), LARGEST_RESERVE)
  }

  get data(): unknown {
    return this.#plan.result === 'first' ? this.#shown[0] : this.#shown
  }

  load(taken: () => void): Promise<void> {
    return this.#read(this.#need + this.#reserve, (read) => {
      if (this.#closed) return
      this.#replace(read)
      this.#show()
      taken()
    })
  }

  apply(changes: readonly RowChange[]): boolean {
    const changed: Row[] = []
    for (const { token, row } of changes) {
      const before = this.#members.get(token)
      const after = row && this.#plan.matches(row) && this.#isWithin(row) ? row : undefined
      if (before === after || (before && after && sameValue(before, after))) continue
      if (before) changed.push(before)
      if (after) {
        changed.push(after)
        this.#enter(token, after)
      } else this.#leave(token)
    }
    if (changed.length === 0) return true
    this.#window = amendSorted(this.#window, changed, this.#plan.order)
    if (this.#end && this.#window.length < this.#need) return false
    this.#trim()
    this.#show()
    return true
  }

  /** Holds no row any more. */
  close(): void {
    this.#replace({ rows: [], complete: true })
    this.#closed = true
  }

  #isWithin(row: Row): boolean {
    return this.#end === undefined || this.#plan.order(row, this.#end) <= 0
  }

  #replace({ rows, complete }: RowsRead): void {
    const before = new Map(this.#members)
    for (const token of before.keys()) this.#leave(token)
    this.#window = rows.map((row) => {
      const token = keyToken(row[this.#keyField] as Key)
      const known = before.get(token)
      const same = known && sameValue(known, row) ? known : row
      this.#enter(token, same)
      return same
    })
    this.#end = complete ? undefined : this.#window.at(-1)
    this.#trim()
  }

  #trim(): void {
    if (this.#window.length <= this.#need + 2 * this.#reserve) return
    const kept = this.#need + this.#reserve
    for (const row of this.#window.slice(kept)) this.#leave(keyToken(row[this.#keyField] as Key))
    this.#window = this.#window.slice(0, kept)
    this.#end = this.#window.at(-1)
  }

  #show(): void {
    const { offset, limit } = this.#plan
    const shown = offset === 0 && limit >= this.#window.length ? this.#window : this.#window.slice(offset, offset + limit)
    if (shown.length !== this.#shown.length || shown.some((row, i) => row !== this.#shown[i])) this.#shown = shown
  }

  #enter(token: Token, row: Row): void {
    if (!this.#members.has(token)) this.#membership?.add(token)
    this.#members.set(token, row)
  }

  #leave(token: Token): void {
    if (this.#members.delete(token)) this.#membership?.delete(token)
  }
}
