/** One measurement from beginning to end: all workloads in turn on all subjects, some rounds. */
import { median, type Figure } from './figures.ts'
import type { Plan } from './sizes.ts'
import type { Subject, SubjectName } from './subject.ts'
import { subjects, subjectsInOrder } from './subjects.ts'
import { phases, type Metrics, type Sizes, type WorkloadName } from './workloads.ts'

export interface Step {
  /** From 0. */
  readonly round: number
  readonly workload: WorkloadName
  readonly subject: SubjectName
}

const workloads = Object.keys(phases) as readonly WorkloadName[]

/** Another one begins each round, so that no one always runs when the browser is warm. */
const turned = <T>(items: readonly T[], by: number): T[] => items.map((_, n) => items[(n + by) % items.length] as T)

const stepsOf = (round: number): readonly Step[] =>
  workloads.flatMap((workload) => turned(subjectsInOrder, round).map((subject): Step => ({ round, workload, subject })))

/** The one figure that stands for a workload. */
const headlines: Readonly<
  Record<WorkloadName, { readonly isRate: boolean; readonly of: (metrics: Metrics, tickMs: number) => number | undefined }>
> = {
  seq: { isRate: true, of: ({ perSecond }) => perSecond },
  burst: { isRate: true, of: ({ perSecond }) => perSecond },
  update: { isRate: true, of: ({ perSecond }) => perSecond },
  bulk: { isRate: true, of: ({ perSecond }) => perSecond },
  coldstart: { isRate: false, of: ({ ms }) => ms },
  // The median, but where the clock is too coarse for one update: then the mean.
  watch: { isRate: false, of: ({ p50Ms, perSecond }, tickMs) => (tickMs < 0.5 ? p50Ms : perSecond && 1000 / perSecond) },
  fanout: { isRate: false, of: ({ ms }) => ms },
}

async function measure(subject: Subject, workload: WorkloadName, sizes: Sizes): Promise<Metrics> {
  let metrics: Metrics = {}
  for (const phase of phases[workload]) {
    subject.open()
    await subject.count()
    metrics = { ...metrics, ...(await phase(subject, sizes)) }
    await subject.close()
  }
  return metrics
}

/** What `work` comes to, or the signal's reason, whichever is first. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

export interface RunOptions extends Plan {
  /** Of the page's clock. */
  readonly tickMs: number
  /** Ends it at once; what a step has stored is deleted all the same. */
  readonly signal: AbortSignal
  readonly onStep: (step: Step, rounds: number, doneInRound: number) => void
}

export interface Run {
  readonly figures: readonly Figure[]
  readonly rounds: number
}

type Measured = Step & { readonly metrics: Metrics }

export async function run({ sizes, rounds: most, budgetMs, tickMs, signal, onStep }: RunOptions): Promise<Run> {
  const measured: Measured[] = []
  const startedAt = performance.now()
  let rounds = most
  for (let round = 0; round < rounds; round++) {
    for (const [done, step] of stepsOf(round).entries()) {
      signal.throwIfAborted()
      onStep(step, rounds, done)
      measured.push({ ...step, metrics: await runStep(step, sizes, signal) })
    }
    const roundMs = (performance.now() - startedAt) / (round + 1)
    rounds = Math.max(round + 1, Math.min(most, Math.floor(budgetMs / roundMs)))
  }
  return { figures: workloads.map((workload) => figureOf(workload, measured, tickMs)), rounds }
}

async function runStep({ workload, subject: name }: Step, sizes: Sizes, signal: AbortSignal): Promise<Metrics> {
  const subject = subjects[name]()
  try {
    const metrics = await unlessAborted(measure(subject, workload, sizes), signal)
    await subject.destroy()
    return metrics
  } catch (error) {
    // Why it failed is what counts; whether anything is left is looked at in the end.
    await subject.destroy().catch(() => undefined)
    throw error
  }
}

function figureOf(workload: WorkloadName, measured: readonly Measured[], tickMs: number): Figure {
  const { isRate, of } = headlines[workload]
  const value = (name: SubjectName): number => {
    const ofIt = measured.filter((each) => each.workload === workload && each.subject === name)
    return median(ofIt.flatMap(({ metrics }) => of(metrics, tickMs) ?? [])) ?? 0
  }
  return { workload, isRate, values: { outpost: value('outpost'), put: value('put'), worker: value('worker') } }
}

/** How many steps a round has. */
export const stepsInRound = workloads.length * subjectsInOrder.length
