/** What was measured beside what it is to be, as Markdown. */
import { measured, type Results } from './results.ts'

export type Of = (metric: string) => number | undefined

export interface TargetRow {
  readonly workload: string
  readonly label: string
  /** Undefined where it was not measured. */
  readonly cell: (of: Of) => string | undefined
  readonly target: string
}

export const ofWorkload =
  (results: Results, workload: string): Of =>
  (metric) =>
    measured(results, workload, 'outpost', metric)

/** @returns nothing where none of it was measured */
export function targetTable(results: Results, rows: readonly TargetRow[]): readonly string[] {
  const lines = rows.flatMap(({ workload, label, cell, target }) => {
    const text = cell(ofWorkload(results, workload))
    return text === undefined ? [] : [`| ${label} | ${text} | ${target} |`]
  })
  return lines.length === 0 ? [] : [['| | measured | target |', '|---|---|---|', ...lines].join('\n')]
}
