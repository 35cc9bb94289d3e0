/** Looks many hashes up in many packed runs with few reads: first all filters, then the blocks that these let through. */
import type { BlockKey, BlockReader } from './block-reader.ts'
import { BLOCKS_PER_FILTER, blocksFor, mayHold, openBlock, searchBlock } from './packed-run.ts'
import type { Run } from './packed-run.ts'

/** A hash that is looked for, and the numbers of the records found so far: in no order, with repeats. */
export interface Probe {
  readonly hash: number
  readonly found: number[]
}

/** A block to read, and for whom. */
interface Job extends BlockKey {
  readonly of: Run
  readonly probes: Probe[]
}

export interface Readers {
  readonly entries: BlockReader
  readonly filters: BlockReader
}

/**
 * Adds to each probe the records that may hold it, none above `last`.
 * @returns false where a block is not there: a run was merged away, what was found is not all
 */
export async function findInRuns(
  readers: Readers,
  index: string,
  runs: readonly Run[],
  probes: readonly Probe[],
  last: number,
): Promise<boolean> {
  // In the order of the blocks, so that what one block answers is asked of it at once.
  const sorted = [...probes].sort((a, b) => a.hash - b.hash)
  const passed = new Jobs(index)
  const filtersRead = await readers.filters.each(filterJobs(index, runs, sorted), ({ of, block, probes }, filter) => {
    const first = (block - of.firsts.length) * BLOCKS_PER_FILTER
    for (const probe of probes) {
      if (!mayHold(filter, probe.hash)) continue
      const { from, to } = blocksFor(of, probe.hash)
      const end = Math.min(to, first + BLOCKS_PER_FILTER - 1)
      for (let b = Math.max(from, first); b <= end; b++) passed.ask(of, b, probe)
    }
  })
  if (!filtersRead) return false
  return readers.entries.each(passed.all, (job, bytes) => {
    const block = openBlock(bytes)
    for (const { hash, found } of job.probes) searchBlock(block, hash, last, found)
  })
}

function filterJobs(index: string, runs: readonly Run[], probes: readonly Probe[]): readonly Job[] {
  const jobs = new Jobs(index)
  for (const run of runs) {
    for (const probe of probes) {
      const { from, to } = blocksFor(run, probe.hash)
      for (let group = Math.floor(from / BLOCKS_PER_FILTER); group * BLOCKS_PER_FILTER <= to; group++) {
        jobs.ask(run, run.firsts.length + group, probe)
      }
    }
  }
  return jobs.all
}

/** One job a block. */
class Jobs {
  readonly all: Job[] = []
  readonly #index: string
  readonly #byBlock = new Map<Run, Map<number, Job>>()

  constructor(index: string) {
    this.#index = index
  }

  ask(of: Run, block: number, probe: Probe): void {
    let jobs = this.#byBlock.get(of)
    if (!jobs) this.#byBlock.set(of, (jobs = new Map()))
    const job = jobs.get(block)
    if (job) {
      job.probes.push(probe)
      return
    }
    const added: Job = { index: this.#index, run: of.run, block, of, probes: [probe] }
    jobs.set(block, added)
    this.all.push(added)
  }
}
