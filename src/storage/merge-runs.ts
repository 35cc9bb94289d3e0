/** Merges packed runs, a few blocks of each in memory at a time. */
import { openBlock, RunBuilder } from './packed-run.ts'
import type { Block, PackedRun, Run } from './packed-run.ts'
import type { SegmentStore } from './storage.ts'

/** So many runs of like size become one. */
export const FAN_OUT = 8
/** No merge makes a longer run: 8 MiB, which one transaction writes without long holding up the appends behind it. */
export const MOST_BLOCKS_OF_MERGE = 256

/** Blocks of each run that are read ahead: with 8 runs 1 MiB, and the thread is free again every 87,000 entries. */
const READ_AHEAD = 4

/** Runs of 1, up to 8, up to 64, up to 128 blocks. Beyond that two no longer fit into one merge: they stay. */
const tierOf = ({ firsts }: Run): number | undefined =>
  firsts.length > MOST_BLOCKS_OF_MERGE / 2 ? undefined : Math.ceil(Math.log2(firsts.length) / Math.log2(FAN_OUT))

/**
 * The runs to merge next: of the lowest tier that has {@link FAN_OUT} of them, the shortest, as many as fit into one
 * merge, at least two. Tiers are by size, not by age, so that neither many small flushes nor few large ones make more
 * runs than the size of the whole asks for.
 */
export function dueMerge(runs: readonly Run[]): readonly Run[] | undefined {
  const due = [0, 1, 2, 3].map((tier) => runs.filter((run) => tierOf(run) === tier)).find((tier) => tier.length >= FAN_OUT)
  if (!due) return undefined
  const chosen: Run[] = []
  let blocks = 0
  for (const run of [...due].sort((a, b) => a.firsts.length - b.firsts.length).slice(0, FAN_OUT)) {
    blocks += run.firsts.length
    if (blocks > MOST_BLOCKS_OF_MERGE) break
    chosen.push(run)
  }
  return chosen
}

/** @returns undefined where a block is not there: another tab merged these runs first */
export async function mergeRuns(
  store: SegmentStore,
  index: string,
  runs: readonly Run[],
  into: { readonly run: number; readonly entriesPerBlock: number },
): Promise<PackedRun | undefined> {
  const builder = new RunBuilder(into.entriesPerBlock)
  let cursors = runs.map((run) => new Cursor(run))
  while (cursors.length > 0) {
    const wanted = cursors.flatMap((cursor) => cursor.wanted().map((block) => ({ cursor, key: { index, run: cursor.run.run, block } })))
    const read = wanted.length === 0 ? [] : await store.blocks(wanted.map(({ key }) => key))
    for (const [i, { cursor }] of wanted.entries()) {
      const bytes = read[i]
      if (bytes === undefined) return undefined
      cursor.take(openBlock(bytes))
    }
    let least: Cursor
    do {
      least = cursors[0] as Cursor
      for (const cursor of cursors) if (cursor.hash < least.hash) least = cursor
      builder.push(least.hash, least.record)
      least.advance()
    } while (least.ready)
    cursors = cursors.filter((cursor) => !cursor.ended)
  }
  return builder.finish(into.run)
}

/** A place in a run that is read from its begin to its end. */
class Cursor {
  readonly run: Run
  hash = 0
  record = 0
  #ahead: Block[] = []
  #nextRead = 0
  #at = 0

  constructor(run: Run) {
    this.run = run
  }

  /** Stands on an entry. */
  get ready(): boolean {
    return this.#ahead.length > 0
  }

  get ended(): boolean {
    return !this.ready && this.#nextRead === this.run.firsts.length
  }

  /** Blocks to read next; each is then taken. */
  wanted(): readonly number[] {
    const count = Math.min(READ_AHEAD - this.#ahead.length, this.run.firsts.length - this.#nextRead)
    return Array.from({ length: count }, (_, i) => this.#nextRead + i)
  }

  take(block: Block): void {
    this.#ahead.push(block)
    this.#nextRead++
    if (this.#ahead.length === 1) this.#stand()
  }

  advance(): void {
    this.#at++
    if (this.#at === (this.#ahead[0] as Block).hashes.length) {
      this.#ahead.shift()
      this.#at = 0
    }
    if (this.ready) this.#stand()
  }

  #stand(): void {
    const block = this.#ahead[0] as Block
    this.hash = block.hashes[this.#at] as number
    this.record = block.records[this.#at] as number
  }
}
