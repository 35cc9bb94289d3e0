/** What is measured, in words. */
import { count } from '../format.ts'
import { duration, ratioText, valueText, type Figure } from './figures.ts'
import type { Result } from './measurer.ts'
import type { SubjectName } from './subject.ts'
import { lists } from './task.ts'
import { coldRows, type Sizes, type WorkloadName } from './workloads.ts'

export const subjectNames: Readonly<Record<SubjectName, string>> = {
  outpost: 'Outpost',
  put: 'By hand: one put',
  worker: 'By hand, in a worker: Event and row',
}
/** Where there is little room. */
export const shortNames: Readonly<Record<SubjectName, string>> = { outpost: 'Outpost', put: 'One put', worker: 'Event and row' }

export const labels: Readonly<Record<WorkloadName, (sizes: Sizes) => string>> = {
  seq: ({ inSequence }) => `${count(inSequence, 'Command')}, each awaited`,
  burst: ({ atOnce }) => `${count(atOnce, 'Command')} at once, until visible`,
  update: ({ updates, stored }) => `${count(updates, 'update')} of ${count(stored, 'row')}, each awaited`,
  bulk: ({ inBulk }) => `${count(inBulk, 'Command')} in batches, until visible`,
  coldstart: ({ inBulk }) => `Opening ${count(inBulk, 'row')} again, to the first ${coldRows}`,
  watch: ({ stored }) => `An update until a watcher of ${count(stored / lists, 'row')} has it`,
  fanout: ({ updates }) => `${count(updates, 'update')} until ${count(lists, 'watcher')} are right`,
}

export const medianOf = (rounds: number): string => (rounds === 1 ? 'One round' : `Medians of ${count(rounds, 'round')}`)

/** A workload's figures as one sentence. */
export function sentence(figure: Figure, sizes: Sizes): string {
  const { workload, values } = figure
  const byHand = (['put', 'worker'] as const).map(
    (name) =>
      `${subjectNames[name].toLowerCase().replace('event', 'Event')} ${valueText(figure, values[name])} (Outpost ${ratioText(figure, name)})`,
  )
  return `${labels[workload](sizes)}: Outpost ${valueText(figure, values.outpost)}; ${byHand.join('; ')}`
}

/** All of it, to be sent to somebody. */
export const asText = ({ figures, rounds, machine, at }: Result, sizes: Sizes): string =>
  [
    `Outpost beside the same by hand on IndexedDB, measured in Stockroom on ${new Date(at).toISOString().slice(0, 10)}:`,
    ...figures.map((figure) => `- ${sentence(figure, sizes)}`),
    `${medianOf(rounds)}, ${machine.browser}, ${count(machine.cores, 'core')}, clock ticks every ${duration(machine.tickMs)}. Above 1 × Outpost is faster.`,
    '',
  ].join('\n')
