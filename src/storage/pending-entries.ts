import { RunBuilder } from './packed-run.ts'
import type { PackedRun } from './packed-run.ts'

/** The entries of one index that are in no run yet, by their exact key. Records are added in ascending order. */
export class PendingEntries {
  readonly #records = new Map<string, number[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(key: string, record: number): void {
    const records = this.#records.get(key)
    if (!records) this.#records.set(key, [record])
    else if (records.at(-1) !== record) records.push(record)
    else return
    this.#size++
  }

  /** Ascending. */
  get(key: string): readonly number[] {
    return this.#records.get(key) ?? []
  }

  dropThrough(last: number): void {
    for (const [key, records] of this.#records) {
      const kept = (records.at(-1) as number) > last ? records.filter((record) => record > last) : []
      this.#size -= records.length - kept.length
      if (kept.length === 0) this.#records.delete(key)
      else this.#records.set(key, kept)
    }
  }

  clear(): void {
    this.#records.clear()
    this.#size = 0
  }

  pack(hash: (key: string) => number, into: { readonly run: number; readonly entriesPerBlock: number }): PackedRun {
    const sorted = [...this.#records].map(([key, records]) => ({ hash: hash(key), records })).sort((a, b) => a.hash - b.hash)
    const builder = new RunBuilder(into.entriesPerBlock)
    for (const { hash: of, records } of sorted) for (const record of records) builder.push(of, record)
    return builder.finish(into.run)
  }
}
