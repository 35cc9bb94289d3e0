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
  /** Absent: a probe that passes a filter counts as found, as of record 0. */
  readonly entries?: BlockReader
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
  const passed: Jobs = new Map()
  const filtersRead = await readers.filters.each(filterJobs(index, runs, sorted), ({ of, block, probes }, filter) => {
    const first = (block - of.firsts.length) * BLOCKS_PER_FILTER
    for (const probe of probes) {
      if (!mayHold(filter, probe.hash)) continue
      if (!readers.entries) probe.found.push(0)
      const { from, to } = blocksFor(of, probe.hash)
      const end = Math.min(to, first + BLOCKS_PER_FILTER - 1)
      for (let b = Math.max(from, first); b <= end; b++) ask(passed, index, of, b, probe)
    }
  })
  if (!filtersRead || !readers.entries) return filtersRead
  return readers.entries.each([...passed.values()], (job, bytes) => {
    const block = openBlock(bytes)
    for (const { hash, found } of job.probes) searchBlock(block, hash, last, found)
  })
}

function filterJobs(index: string, runs: readonly Run[], probes: readonly Probe[]): readonly Job[] {
  const jobs: Jobs = new Map()
  for (const run of runs) {
    for (const probe of probes) {
      const { from, to } = blocksFor(run, probe.hash)
      for (let group = Math.floor(from / BLOCKS_PER_FILTER); group * BLOCKS_PER_FILTER <= to; group++) {
        ask(jobs, index, run, run.firsts.length + group, probe)
      }
    }
  }
  return [...jobs.values()]
}

/** One a block, by a number that is the block's own: no run has so many. */
type Jobs = Map<number, Job>

function ask(jobs: Jobs, index: string, of: Run, block: number, probe: Probe): void {
  const place = of.run * 1e6 + block
  const job = jobs.get(place)
  if (job) job.probes.push(probe)
  else jobs.set(place, { index, run: of.run, block, of, probes: [probe] })
}
