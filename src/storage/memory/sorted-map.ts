import { lowerBound } from '../../internal/lower-bound.ts'
import { compareKeys } from '../key.ts'
import type { Key, KeyRange } from '../storage.ts'

/** A map in the order of IndexedDB's keys: what an object store is. */
export class SortedMap<V> {
  readonly #entries: { readonly key: Key; value: V }[] = []

  get(key: Key): V | undefined {
    const place = this.#placeOf(key)
    return this.#isAt(place, key) ? this.#entries[place]?.value : undefined
  }

  set(key: Key, value: V): void {
    const place = this.#placeOf(key)
    this.#entries.splice(place, this.#isAt(place, key) ? 1 : 0, { key, value })
  }

  delete(key: Key): void {
    const place = this.#placeOf(key)
    if (this.#isAt(place, key)) this.#entries.splice(place, 1)
  }

  /** Entries in the range, in order. */
  entries({ lower, upper, lowerOpen = false, upperOpen = false }: KeyRange = {}): readonly { readonly key: Key; readonly value: V }[] {
    const from = lower === undefined ? 0 : this.#placeOf(lower, lowerOpen)
    const to = upper === undefined ? this.#entries.length : this.#placeOf(upper, !upperOpen)
    return this.#entries.slice(from, to)
  }

  /** How many entries come before the key; `after` counts its own with them. */
  #placeOf(key: Key, after = false): number {
    return lowerBound(this.#entries, (each) => {
      const order = compareKeys(each.key, key)
      return order < 0 || (after && order === 0)
    })
  }

  #isAt(place: number, key: Key): boolean {
    const entry = this.#entries[place]
    return entry !== undefined && compareKeys(entry.key, key) === 0
  }
}
