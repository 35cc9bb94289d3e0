/** A device of the sync workloads: who it is stands in its address, what it does comes from the runner. */
import { type App, connect, type SyncStatus } from 'outpost/client'
import { filter, firstValueFrom } from 'rxjs'
import type { tasks } from '../../../../demo/src/measure/domain.ts'
import { subjectOn } from '../../../../demo/src/measure/outpost.ts'
import { assert, assertSameTasks, listName, makeTasks, type Task } from '../../../../demo/src/measure/task.ts'
import { checkRows, type Metrics, phases, watchLongTasks } from '../../../../demo/src/measure/workloads.ts'
import { sizes } from '../sizes.ts'

const startedAt = performance.now()
const longestTaskOfStart = watchLongTasks()

/** What the address says behind `#`. */
export interface Address {
  readonly space: string
  readonly principal: string
  /** Where the server is; absent: the worker knows no sync. */
  readonly url?: string
  /** Set where the page asks for its first rows at once. */
  readonly cold?: string
}
const { space, principal, url, cold } = Object.fromEntries(new URLSearchParams(location.hash.slice(1))) as unknown as Address

const firstRows = 50
const shownList = listName(7)
const patienceMs = 60_000

let app: App<typeof tasks>
const subject = subjectOn(() => {
  const alone = (): Worker =>
    new Worker(new URL('../../../../demo/src/measure/tasks.worker.ts', import.meta.url), { type: 'module', name: 'tasks' })
  const synced = (): Worker => new Worker(new URL('./synced.worker.ts', import.meta.url), { type: 'module', name: url ?? '' })
  const who = { space, actor: principal, token: () => Promise.resolve(principal) }
  return (app = connect<typeof tasks>({ ...who, worker: url === undefined ? alone : synced }))
})
subject.open()
const first = cold === undefined ? undefined : subject.list(shownList, firstRows).then((rows) => ({ rows, at: performance.now() }))

const statusWhere = (holds: (status: SyncStatus) => boolean): Promise<SyncStatus> =>
  firstValueFrom(app.sync.status$.pipe(filter((status) => holds(status))))
const isDone = ({ state, pending }: SyncStatus): boolean => state === 'upToDate' && pending === 0

/** Until it holds; what is asked of the worker has its own pace. */
async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + patienceMs; !(await holds());) {
    assert(performance.now() < end, what)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
const untilRows = (rows: number): Promise<void> => until(async () => (await subject.count()) >= rows, `There are no ${rows} rows.`)

let shown: readonly Task[] | undefined

/** Tasks by their numbers; those of a range the other way round. */
const tasksWith = (count: number, [from, to]: readonly [number, number] = [0, 0]): Task[] =>
  makeTasks(count).map((task, n) => (n >= from && n < to ? { ...task, done: !task.done } : task))

const api = {
  /** Resolves when the app answers. */
  ready: async (): Promise<void> => void (await subject.count()),

  /** Adds these tasks, by their numbers. @returns ms until they are visible */
  async add(from: number, to: number): Promise<Metrics> {
    const tasks = makeTasks(to).slice(from)
    const before = await subject.count()
    const since = performance.now()
    await subject.addMany(tasks)
    const count = await subject.count()
    const ms = performance.now() - since
    assert(count === before + tasks.length, `${count} rows are visible, not ${before + tasks.length}.`)
    return { ms }
  },
  /** Turns these tasks round, by their numbers. */
  async mark(from: number, to: number): Promise<void> {
    const tasks = makeTasks(to).slice(from)
    const outcomes = await app.commands.batch((commands) => tasks.map(({ id, done }) => commands.task.mark(id, { done: !done })))
    assert(
      outcomes.every(({ ok }) => ok),
      'A Command was not accepted.',
    )
  },
  /** Gives a Command that is refused and leaves no row, and rests until all is written behind: the log is no new one then. */
  async settle(): Promise<void> {
    const { ok } = await app.commands.task.mark('nobody', { done: true })
    assert(!ok, 'There is a task that nobody added.')
    await new Promise((resolve) => setTimeout(resolve, 1000))
  },
  /** A workload of those without a server. */
  work: (name: 'seq' | 'burst'): Promise<Metrics> => phases[name][0](subject, sizes),

  /** Keeps a list on the screen from now on. */
  watch: (): Promise<void> =>
    new Promise((resolve) =>
      subject.watch(shownList, (rows) => {
        shown = rows
        resolve()
      }),
    ),

  /** Until all is exchanged and so many rows are visible. @returns ms since the page began */
  async exchanged(rows: number): Promise<Metrics> {
    await statusWhere(isDone)
    await untilRows(rows)
    return { ms: performance.now() - startedAt, longestTaskMs: longestTaskOfStart() }
  },
  async pause(): Promise<void> {
    await app.sync.pause()
    await statusWhere(({ state }) => state === 'paused')
  },
  /**
   * Goes on to sync, until that is through or a Command is held, and the list on the screen has what it has of so many tasks.
   *
   * @returns ms from here
   */
  async resume(end: 'upToDate' | 'held', tasks: number): Promise<Metrics> {
    const rows = makeTasks(tasks).filter(({ list }) => list === shownList).length
    const longestTask = watchLongTasks()
    const since = performance.now()
    await app.sync.resume()
    await statusWhere((status) => (end === 'held' ? status.state === 'held' : isDone(status)))
    await until(() => Promise.resolve(shown?.length === rows), 'The screen does not show what came.')
    return { ms: performance.now() - since, longestTaskMs: longestTask() }
  },
  /** Of a page that was opened `cold`. @returns ms from its first line to the first rows of a list */
  async firstRows(count: number): Promise<Metrics> {
    const { rows, at } = (await first) as NonNullable<Awaited<typeof first>>
    const expected = makeTasks(count).filter(({ list }) => list === shownList)
    assertSameTasks(rows, expected.slice(0, firstRows), 'the first rows')
    return { ms: at - startedAt }
  },

  /** Rows are the first so many tasks, those of the range turned round, and what is on the screen is right. */
  async check(count: number, marked?: readonly [number, number]): Promise<void> {
    const expected = tasksWith(count, marked)
    await checkRows(subject, expected)
    const ofList = expected.filter(({ list }) => list === shownList)
    const isShown = (): boolean => shown === undefined || JSON.stringify(shown.map(textOf)) === JSON.stringify(ofList.map(textOf))
    await until(() => Promise.resolve(isShown()), 'The screen does not show what is there.')
  },
  /** What waits for the server, how many Commands came back from it, and the position of the last Event. */
  async look() {
    const { pending } = await statusWhere(({ state }) => state !== 'connecting')
    const { position } = await app.read.taskList.limit(1).snapshot()
    return { pending, inbox: await app.inbox.count(), position }
  },
  close: (): Promise<void> => subject.close(),
}

const textOf = ({ id, done }: Task): string => `${id} ${done}`

export type DeviceApi = typeof api
Object.assign(globalThis, { remote: api })
