/** What a run of the benchmark leaves, and what is read out of it. */
import { median } from '../../demo/src/measure/figures.ts'
import type { SubjectName } from '../../demo/src/measure/subject.ts'
import type { Size } from '../support/size.mjs'

export interface Run {
  readonly workload: string
  readonly subject: SubjectName
  readonly run: number
  readonly metrics: Readonly<Record<string, number>>
}

/** The same workloads in several browsers, interleaved. */
export interface BrowserResults {
  /** The day, UTC. */
  readonly date: string
  /** By the browser's name and version. */
  readonly runs: Readonly<Record<string, readonly Run[]>>
}

export interface Results {
  /** The day, UTC. */
  readonly date: string
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGB: number; readonly os: string }
  readonly versions: Readonly<Record<string, string>>
  /** What was imported. */
  readonly orders: { readonly source: string; readonly lines: number; readonly units: number }
  readonly runs: readonly Run[]
  /** By door. */
  readonly sizes: Readonly<Record<string, Size>>
  /** Measured apart from the rest. */
  readonly browsers?: BrowserResults
}

/** The median over all runs; undefined where it was not measured. */
export const measured = ({ runs }: Pick<Results, 'runs'>, workload: string, subject: SubjectName, metric: string): number | undefined =>
  median(
    runs.flatMap((run) => {
      const value = run.workload === workload && run.subject === subject ? run.metrics[metric] : undefined
      return value === undefined ? [] : [value]
    }),
  )

export const runsOf = ({ runs }: Pick<Results, 'runs'>, workload: string): number =>
  new Set(runs.filter((run) => run.workload === workload).map(({ run }) => run)).size
