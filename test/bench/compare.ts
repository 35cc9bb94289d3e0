/** This tree beside another commit, in alternating runs: the same workloads, its package in them. */
import { duration, median, round } from '../../demo/src/measure/figures.ts'
import type { Metrics } from '../../demo/src/measure/workloads.ts'

/** One workload, once on each of both, one after the other: whatever else the machine does then hits both. */
export interface Pair {
  readonly workload: string
  readonly own: Metrics
  readonly other: Metrics
}

interface Kind {
  readonly of: RegExp
  readonly isMoreBetter: boolean
  readonly text: (value: number) => string
}

const kinds: readonly Kind[] = [
  { of: /perSecond$/i, isMoreBetter: true, text: (value) => `${round(value)}/s` },
  { of: /kept$/i, isMoreBetter: true, text: round },
  { of: /ms$/i, isMoreBetter: false, text: duration },
  { of: /MB$/, isMoreBetter: false, text: (value) => `${round(value)} MB` },
  { of: /gzip$/, isMoreBetter: false, text: (value) => `${round(value)} B` },
]

/** Fewer tell nothing of how far runs lie apart. */
export const fewestRuns = 3

/** From the least to the most. */
const spread = (values: readonly number[], text: (value: number) => string): string => {
  const [least, most] = [text(Math.min(...values)), text(Math.max(...values))]
  return least === most ? '' : ` (${least}–${most})`
}

/** How many times as good, to as many places as tell it. */
const times = (ratio: number): string => `${ratio.toFixed(2)} ×`

/**
 * As Markdown. Ratios are taken within each pair, above 1 this tree is better. Where they lie on both sides of 1, the difference
 * is one of runs and not of trees: noise.
 *
 * @param name of the other
 */
export function comparison(pairs: readonly Pair[], name: string): string {
  const lines: string[] = []
  for (const workload of new Set(pairs.map((pair) => pair.workload))) {
    const ofWorkload = pairs.filter((pair) => pair.workload === workload)
    for (const metric of Object.keys(ofWorkload[0]?.own ?? {})) {
      const kind = kinds.find(({ of }) => of.test(metric))
      const both = ofWorkload.flatMap(({ own, other }) => {
        const [a, b] = [own[metric], other[metric]]
        return a === undefined || b === undefined ? [] : [[a, b] as const]
      })
      if (kind && both.length > 0) lines.push(`| ${[`${workload} ${metric}`, ...cells(both, kind)].join(' | ')} |`)
    }
  }
  return [`| | this tree | ${name} | how many times as good | |`, '|---|--:|--:|--:|---|', ...lines].join('\n')
}

function cells(both: readonly (readonly [own: number, other: number])[], { isMoreBetter, text }: Kind): readonly string[] {
  const [own, other] = [both.map(([value]) => value), both.map(([, value]) => value)]
  // Two times nothing is the same; a task that took none is no ratio otherwise.
  const ratios = both.map(([a, b]) => (a === b ? 1 : isMoreBetter ? a / b : b / a))
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
  const verdict =
    both.length < fewestRuns
      ? 'too few runs to tell'
      : least > 1
        ? 'better'
        : most < 1
          ? 'worse'
          : least === 1 && most === 1
            ? 'same'
            : 'noise'
  const figures = [own, other].map((values) => `${text(median(values) ?? Number.NaN)}${spread(values, text)}`)
  return [...figures, `${times(median(ratios) ?? Number.NaN)}${spread(ratios, times)}`, verdict]
}
