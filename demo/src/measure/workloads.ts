/**
 * The workloads. Each is a list of phases, and each phase begins with opening what is measured; the last one sees what the ones
 * before have left. Every run is checked: a fast wrong answer is none.
 */
import type { Subject } from './subject.ts'
import { assert, assertSameTasks, listName, lists, makeTasks, randomBy, shuffled, type Task } from './task.ts'

export type Metrics = Readonly<Record<string, number>>
type Phase = (subject: Subject, sizes: Sizes) => Promise<Metrics>

/** How much of each. */
export interface Sizes {
  /** Before the clock starts. */
  readonly warmUps: number
  readonly inSequence: number
  readonly atOnce: number
  /** So many rows are there before any is updated or watched. */
  readonly stored: number
  readonly updates: number
  /** What a cold start finds, as well. */
  readonly inBulk: number
  /** Updates of rows that are watched. */
  readonly watched: number
  /** For what is written behind, before the clock starts. */
  readonly restMs: number
}

const waves = 10
/** What a cold start shows. */
export const coldList = listName(7)
export const coldRows = 50

export const perSecond = (count: number, ms: number): number => (count * 1000) / ms

function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] as number
}
export const latency = (samples: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } => ({
  p50Ms: quantile(samples, 0.5),
  p99Ms: quantile(samples, 0.99),
})

/** The tasks, with what was done to them since. */
const asDone = (tasks: readonly Task[], done: ReadonlyMap<string, boolean>): Task[] =>
  tasks.map((task) => ({ ...task, done: done.get(task.id) ?? task.done }))

export async function checkRows(subject: Subject, expected: readonly Task[]): Promise<void> {
  const count = await subject.count()
  assert(count === expected.length, `${count} rows instead of ${expected.length}.`)
  for (const index of [0, 7, 42, 99]) {
    const name = listName(index)
    const ofList = expected.filter(({ list }) => list === name)
    assertSameTasks(await subject.list(name), ofList, name)
  }
}

const afterReload =
  (expected: (sizes: Sizes) => readonly Task[]): Phase =>
  async (subject, sizes) => {
    await checkRows(subject, expected(sizes))
    return {}
  }

/** So much as is stored before the clock starts. */
async function given(subject: Subject, count: number, restMs: number): Promise<readonly Task[]> {
  const tasks = makeTasks(count)
  await subject.addMany(tasks)
  // Rows that are written behind belong to what was before.
  await checkRows(subject, tasks)
  await new Promise((resolve) => setTimeout(resolve, restMs))
  return tasks
}

/** Collects main-thread tasks of 50 ms and more. */
export function watchLongTasks(): () => number {
  let longest = 0
  const take = (entries: PerformanceEntryList): void => {
    for (const { duration } of entries) longest = Math.max(longest, duration)
  }
  const observer = new PerformanceObserver((list) => take(list.getEntries()))
  observer.observe({ type: 'longtask' })
  return () => {
    take(observer.takeRecords())
    observer.disconnect()
    return longest
  }
}

async function timed<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<Metrics> {
  const samples: number[] = []
  const startedAt = performance.now()
  for (const item of items) {
    const givenAt = performance.now()
    await work(item)
    samples.push(performance.now() - givenAt)
  }
  return { perSecond: perSecond(items.length, performance.now() - startedAt), ...latency(samples) }
}

const seq: Phase = async (subject, { warmUps, inSequence }) => {
  const tasks = makeTasks(warmUps + inSequence)
  for (const task of tasks.slice(0, warmUps)) await subject.add(task)
  const metrics = await timed(tasks.slice(warmUps), (task) => subject.add(task))
  await checkRows(subject, tasks)
  return metrics
}

const burst: Phase = async (subject, { warmUps, atOnce }) => {
  const tasks = makeTasks(warmUps + atOnce)
  for (const task of tasks.slice(0, warmUps)) await subject.add(task)
  const startedAt = performance.now()
  await Promise.all(tasks.slice(warmUps).map((task) => subject.add(task)))
  const acknowledgedAt = performance.now()
  const visible = await subject.list(listName(7))
  const visibleAt = performance.now()
  assert(visible.length === tasks.filter(({ list }) => list === listName(7)).length, `Only ${visible.length} rows are visible.`)
  await checkRows(subject, tasks)
  return { perSecond: perSecond(atOnce, visibleAt - startedAt), acknowledgedMs: acknowledgedAt - startedAt }
}

/** Tasks by chance, some of them again and again, each with what it becomes. */
function changes(tasks: readonly Task[], count: number): { readonly steps: readonly Task[]; readonly done: ReadonlyMap<string, boolean> } {
  const random = randomBy(99)
  const done = new Map<string, boolean>()
  const steps = Array.from({ length: count }, () => {
    const task = tasks[Math.floor(random() * tasks.length)] as Task
    const next = !(done.get(task.id) ?? task.done)
    done.set(task.id, next)
    return { ...task, done: next }
  })
  return { steps, done }
}

const update: Phase = async (subject, { stored, updates, restMs }) => {
  const tasks = await given(subject, stored, restMs)
  const { steps, done } = changes(tasks, updates)
  const metrics = await timed(steps, ({ id, done }) => subject.setDone(id, done))
  await checkRows(subject, asDone(tasks, done))
  return metrics
}

const bulk: Phase = async (subject, { inBulk }) => {
  const tasks = makeTasks(inBulk)
  const startedAt = performance.now()
  await subject.addMany(tasks)
  const acknowledgedAt = performance.now()
  const count = await subject.count()
  const visibleAt = performance.now()
  assert(count === inBulk, `Only ${count} rows are visible.`)
  await checkRows(subject, tasks)
  return { perSecond: perSecond(inBulk, visibleAt - startedAt), acknowledgedMs: acknowledgedAt - startedAt }
}

const seed: Phase = async (subject, { inBulk, restMs }) => {
  await given(subject, inBulk, restMs)
  return {}
}

const coldStart: Phase = async (subject, { inBulk }) => {
  await subject.close()
  const startedAt = performance.now()
  subject.open()
  const rows = await subject.list(coldList, coldRows)
  const ms = performance.now() - startedAt
  await checkCold(subject, rows, inBulk)
  return { ms }
}

export async function checkCold(subject: Subject, rows: readonly Task[], seeded: number): Promise<void> {
  const expected = makeTasks(seeded).filter(({ list }) => list === coldList)
  assertSameTasks(rows, expected.slice(0, coldRows), 'the first rows')
  assert((await subject.count()) === seeded, 'Not all rows are there after the cold start.')
}

const watch: Phase = async (subject, { stored, watched, restMs }) => {
  const tasks = await given(subject, stored, restMs)
  const ofList = tasks.filter(({ list }) => list === listName(7))
  const { steps, done } = changes(ofList, watched)
  let shown: readonly Task[] = []
  let changed: () => void = () => undefined
  const first = new Promise<void>((resolve) => (changed = resolve))
  subject.watch(listName(7), (rows) => {
    shown = rows
    changed()
  })
  await first
  const metrics = await timed(steps, async (step) => {
    const seen = new Promise<void>((resolve) => {
      changed = () => {
        if (shown.find(({ id }) => id === step.id)?.done === step.done) resolve()
      }
    })
    await Promise.all([seen, subject.setDone(step.id, step.done)])
  })
  assertSameTasks(shown, asDone(ofList, done), 'what the subscriber has')
  return metrics
}

const fanout: Phase = async (subject, { stored, updates, restMs }) => {
  const tasks = await given(subject, stored, restMs)
  const steps = shuffled(tasks, 7).slice(0, updates)
  const done = new Map(steps.map((task) => [task.id, !task.done]))
  const after = asDone(tasks, done)
  const shown = new Map<string, readonly Task[]>()
  const wanted = new Map(Array.from({ length: lists }, (_, n) => [listName(n), after.filter(({ list }) => list === listName(n))]))
  let changed: (list: string) => void = () => undefined
  const first = new Promise<void>((resolve) => (changed = () => shown.size === lists && resolve()))
  for (const list of wanted.keys()) {
    subject.watch(list, (rows) => {
      shown.set(list, rows)
      changed(list)
    })
  }
  await first
  const isRight = (list: string): boolean => {
    const rows = shown.get(list) ?? []
    return (wanted.get(list) ?? []).every((task, n) => rows[n]?.done === task.done)
  }
  const longestTask = watchLongTasks()
  const startedAt = performance.now()
  for (let wave = 0; wave < waves; wave++) {
    const part = steps.slice((wave * updates) / waves, ((wave + 1) * updates) / waves)
    await Promise.all(part.map(({ id, done }) => subject.setDone(id, !done)))
  }
  const stale = new Set([...wanted.keys()].filter((list) => !isRight(list)))
  await new Promise<void>((resolve) => {
    changed = (list) => {
      if (stale.has(list) && isRight(list)) stale.delete(list)
      if (stale.size === 0) resolve()
    }
    if (stale.size === 0) resolve()
  })
  const ms = performance.now() - startedAt
  for (const [list, expected] of wanted) assertSameTasks(shown.get(list) ?? [], expected, list)
  return { ms, longestTaskMs: longestTask() }
}

export const phases = {
  seq: [seq, afterReload(({ warmUps, inSequence }) => makeTasks(warmUps + inSequence))],
  burst: [burst, afterReload(({ warmUps, atOnce }) => makeTasks(warmUps + atOnce))],
  update: [update, afterReload(({ stored, updates }) => asDone(makeTasks(stored), changes(makeTasks(stored), updates).done))],
  bulk: [bulk, afterReload(({ inBulk }) => makeTasks(inBulk))],
  coldstart: [seed, coldStart],
  watch: [watch],
  fanout: [fanout],
} as const satisfies Readonly<Record<string, readonly Phase[]>>

export type WorkloadName = keyof typeof phases
