/** The rows that queries of one Read Model read from at the moment: others may take their place at any time. */
import type { AnyReadModel } from '../domain/infer.ts'
import { isOutpostError, OutpostError } from '../errors.ts'
import { isKey, keyToken } from '../storage/key.ts'
import type { Key, Row } from '../storage/storage.ts'
import type { Bell } from './bell.ts'
import type { Projection } from './projection.ts'
import type { QueryPlan } from './query-plan.ts'
import type { RowsRead } from './row-reader.ts'
import type { StoredRows } from './stored-rows.ts'

type Taken<T> = { readonly value: T } | undefined

export class ShownRows {
  readonly #name: string
  readonly #keyField: string
  readonly #bell: Bell
  #projection: Projection | undefined
  #error: unknown
  /** What was shown last by a projection that is gone: watchers never see less. */
  #floor = 0
  #wasTentative = false
  #isClosed = false

  /** @param bell rings when there may be rows to show */
  constructor({ name, key }: AnyReadModel, bell: Bell) {
    this.#name = name
    this.#keyField = key
    this.#bell = bell
  }

  get projection(): Projection | undefined {
    return this.#projection
  }
  /** The position that watchers have seen. */
  get position(): number {
    return Math.max(this.#floor, this.#projection?.position ?? 0)
  }

  show(projection: Projection): void {
    this.#projection = projection
    this.#error = undefined
    this.#bell.ring()
  }

  /** @param floor what comes next must not be before this position */
  hide(floor: number): void {
    this.#wasTentative = this.hasTentative
    this.#projection = undefined
    this.#floor = floor
  }

  /** There is nothing to show, and why; until something is. */
  fail(error: unknown): void {
    this.#error = error
    this.#bell.ring()
  }

  close(): void {
    this.#isClosed = true
    this.#floor = this.position
    this.#projection?.close()
    this.#projection = undefined
    this.#bell.ring()
  }

  /** Resolves when there are rows to read from; rejects where they cannot be opened. */
  async opened(): Promise<Projection> {
    while (!this.#projection) {
      if (this.#isClosed) throw closedError(this.#name)
      // oxlint-disable-next-line typescript/only-throw-error -- whatever storage threw
      if (this.#error !== undefined) throw this.#error
      await this.#bell.next()
    }
    return this.#projection
  }

  /** As {@link RowReader.get}, of the rows that are shown when `take` is called. */
  get<T>(key: Key, take: (row: Row | undefined) => T): Promise<T> {
    return this.#read(({ reader }, ifShown) => reader.get(key, (row) => ifShown(() => take(row))))
  }

  /** As {@link RowReader.scan}, of the rows that are shown when `take` is called. */
  scan<T>(plan: QueryPlan, need: number, take: (read: RowsRead) => T): Promise<T> {
    return this.#read(({ reader }, ifShown) => reader.scan(plan, need, (read) => ifShown(() => take(read))))
  }

  /** As {@link RowReader.count}, of the rows that are shown when `take` is called. */
  count<T>(plan: QueryPlan, take: (count: number) => T): Promise<T> {
    return this.#read(({ reader }, ifShown) => reader.count(plan, (count) => ifShown(() => take(count))))
  }

  /**
   * Stores what is shown, and says where that is.
   *
   * @throws what storage rejected with
   */
  stored(): Promise<StoredRows | undefined> {
    return this.#read(async (projection, ifShown) => {
      await projection.flush()
      return ifShown(() => projection.storedRows)
    })
  }

  /** Looks whether others have stored more than is shown; if so, it stands elsewhere afterwards. */
  async refresh(): Promise<void> {
    await this.#projection?.refresh()
  }

  /** Reads again where others took the place of the rows meanwhile. */
  async #read<T>(read: (projection: Projection, ifShown: (take: () => T) => Taken<T>) => Promise<Taken<T>>): Promise<T> {
    for (;;) {
      const projection = await this.opened()
      try {
        const taken = await read(projection, (take) => (projection === this.#projection ? { value: take() } : undefined))
        if (taken) return taken.value
      } catch (error) {
        if (!projection.hasEnded || !isOutpostError(error, 'closed')) throw error
        // Whoever noticed its end first lets another one take its place.
        if (projection === this.#projection) await this.#bell.next()
      }
    }
  }

  /** Lets nothing be folded in until the returned function is called. */
  hold(): () => void {
    return this.#projection?.hold() ?? (() => {})
  }

  /** True where something tentative shows, or did when there last was something to show. */
  get hasTentative(): boolean {
    return this.#projection ? !this.#projection.tentative.isEmpty : this.#wasTentative
  }

  /** Which of these rows, or of one, the tentative layer gives: their places; undefined for none. */
  pendingIn(data: unknown): readonly number[] | undefined {
    return this.hasTentative ? placesIn(data, (row) => this.pendingRow(row) !== undefined) : undefined
  }

  /** The row that the tentative layer gives in the place of this one; undefined for none. */
  pendingRow(row: unknown): Row | undefined {
    const key = typeof row === 'object' && row !== null ? (row as Row)[this.#keyField] : undefined
    return isKey(key) ? this.#projection?.tentative.visible(keyToken(key))?.row : undefined
  }

  /** What the rows are as of: equal ones (same `rows`, same `record`), and nothing has changed in between. */
  standing(): { readonly rows: unknown; readonly record: string | undefined } {
    return { rows: this.#projection, record: this.#projection?.standing }
  }
}

/** Places of these items, or of one, that are so; undefined for none. */
export function placesIn(data: unknown, isSo: (item: unknown) => boolean): readonly number[] | undefined {
  const items: readonly unknown[] = Array.isArray(data) ? data : [data]
  const places = items.flatMap((item, i) => (isSo(item) ? [i] : []))
  return places.length > 0 ? places : undefined
}

export const closedError = (readModel: string): OutpostError =>
  new OutpostError('closed', `Read Model "${readModel}" is closed. Connect again.`, { readModel })
