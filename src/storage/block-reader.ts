/** Reads blocks of the packed index, a bounded number of them from memory. Blocks never change: nothing goes stale. */
import { Recent } from '../internal/recent.ts'
import type { SegmentStore } from './storage.ts'

export interface BlockKey {
  readonly index: string
  readonly run: number
  readonly block: number
}

/** At most so many blocks in one call to storage: 8 MiB. */
export const MOST_BLOCKS_A_READ = 256

export class BlockReader {
  readonly #store: SegmentStore
  readonly #kept: Recent<string, Uint8Array>

  /** @param most blocks that stay in memory */
  constructor(store: SegmentStore, most: number) {
    this.#store = store
    this.#kept = new Recent(most)
  }

  keep(key: BlockKey, bytes: Uint8Array): void {
    this.#kept.set(tokenOf(key), bytes)
  }

  /**
   * Reads the block of each job and hands it to `visit`, in order: one call to storage for each
   * {@link MOST_BLOCKS_A_READ} jobs, none where all are in memory.
   * @returns false where a block is not there, which ends the reading
   */
  async each<J extends BlockKey>(jobs: readonly J[], visit: (job: J, bytes: Uint8Array) => void): Promise<boolean> {
    for (let at = 0; at < jobs.length; at += MOST_BLOCKS_A_READ) {
      const part = jobs.slice(at, at + MOST_BLOCKS_A_READ)
      const found = part.map((job) => this.#kept.get(tokenOf(job)))
      const absent = part.filter((_, i) => found[i] === undefined)
      const read = absent.length === 0 ? [] : await this.#store.blocks(absent.map(({ index, run, block }) => ({ index, run, block })))
      let next = 0
      for (const [i, job] of part.entries()) {
        const bytes = found[i] ?? read[next++]
        if (bytes === undefined) return false
        this.keep(job, bytes)
        visit(job, bytes)
      }
    }
    return true
  }
}

const tokenOf = ({ index, run, block }: BlockKey): string => `${index}/${run}/${block}`
