import { newerBuild } from '../errors.ts'
import { dueMerge } from './merge-runs.ts'
import type { Run } from './packed-run.ts'
import { LOG_START } from './record.ts'
import type { Checkpoint } from './record.ts'

const FORMAT = 1

export const SEGMENT_INDEXES = ['commands', 'streams'] as const
export type SegmentIndexName = (typeof SEGMENT_INDEXES)[number]

/** All runs of the packed index: one value, replaced whole. */
export interface Catalogue {
  readonly format: number
  /** Grows with every save. */
  readonly nextRun: number
  /** The record up to which the runs are complete; {@link LOG_START} where there are none. */
  readonly checkpoint: Checkpoint
  readonly runs: Readonly<Record<SegmentIndexName, readonly Run[]>>
}

export const NO_RUNS: Catalogue = { format: FORMAT, nextRun: 1, checkpoint: LOG_START, runs: { commands: [], streams: [] } }

/** What the store keeps and compares as its checkpoint: of this catalogue and no other; undefined where nothing was ever saved. */
export const tokenOf = (catalogue: Catalogue): Checkpoint | undefined => (catalogue === NO_RUNS ? undefined : savedTokenOf(catalogue))

export const savedTokenOf = ({ checkpoint: { record, id }, nextRun }: Catalogue): Checkpoint => ({ record, id: `${id}/${nextRun}` })

/** @throws `storage-newer` */
export function readCatalogue(value: unknown): Catalogue {
  if (value === undefined) return NO_RUNS
  const { format } = value as Catalogue
  if (format === FORMAT) return value as Catalogue
  throw newerBuild('The packed index')
}

/** The merge that is due next, if any. */
export function dueIn({ runs }: Catalogue): { readonly index: SegmentIndexName; readonly runs: readonly Run[] } | undefined {
  for (const index of SEGMENT_INDEXES) {
    const due = dueMerge(runs[index])
    if (due) return { index, runs: due }
  }
  return undefined
}
