/** Figures as people read them. */
import type { SubjectName } from './subject.ts'
import type { WorkloadName } from './workloads.ts'

/** Three digits that count, thousands apart. */
export const round = (value: number): string =>
  new Intl.NumberFormat('en-GB', value >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: value >= 100 ? 3 : 2 }).format(
    value,
  )

export const duration = (ms: number): string => (ms >= 1000 ? `${round(ms / 1000)} s` : `${round(ms)} ms`)

export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? sorted[middle]
    : sorted.length === 0
      ? undefined
      : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/** What came of one workload. */
export interface Figure {
  readonly workload: WorkloadName
  /** A rate is given a second, and more is better; otherwise milliseconds, and less is. */
  readonly isRate: boolean
  readonly values: Readonly<Record<SubjectName, number>>
}

export const valueText = ({ isRate }: Pick<Figure, 'isRate'>, value: number): string => (isRate ? `${round(value)}/s` : duration(value))

/** How many times as fast Outpost is; undefined where the clock saw nothing pass. */
export function ratio({ isRate, values }: Figure, other: Exclude<SubjectName, 'outpost'>): number | undefined {
  const times = isRate ? values.outpost / values[other] : values[other] / values.outpost
  return Number.isFinite(times) && times > 0 ? times : undefined
}

export function ratioText(figure: Figure, other: Exclude<SubjectName, 'outpost'>): string {
  const times = ratio(figure, other)
  return times === undefined ? '–' : `${times < 0.1 ? times.toPrecision(1) : times.toFixed(2)} ×`
}
