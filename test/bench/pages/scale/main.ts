/** The page of the workloads on long logs and many watchers: what it does comes from the runner. */
import { type App, connect, type ReadModelStatus } from 'outpost/client'
import { filter, firstValueFrom, map } from 'rxjs'
import { inWorker } from '../../../../demo/src/measure/by-hand/in-worker.ts'
import type { tasks } from '../../../../demo/src/measure/domain.ts'
import { subjectOn } from '../../../../demo/src/measure/outpost.ts'
import type { Subject } from '../../../../demo/src/measure/subject.ts'
import { assert, makeTasks, randomBy, type Task } from '../../../../demo/src/measure/task.ts'
import { latency, type Metrics, perSecond, phases } from '../../../../demo/src/measure/workloads.ts'
import { sizes } from '../sizes.ts'

/** `#tally` opens the next version of the app, `#by-hand` what is written by hand. */
const isTallied = location.hash === '#tally'
const alone = (): Worker =>
  new Worker(new URL('../../../../demo/src/measure/tasks.worker.ts', import.meta.url), { type: 'module', name: 'tasks' })
const tallied = (): Worker => new Worker(new URL('./tally.worker.ts', import.meta.url), { type: 'module', name: 'tasks' })

let app: App<typeof tasks>
const subject =
  location.hash === '#by-hand'
    ? inWorker('tasks')
    : subjectOn(() => (app = connect<typeof tasks>({ space: 'bench', worker: isTallied ? tallied : alone })))
subject.open()

const portion = 1000
const inSequence = 300
const watched = 300
const tasksOfShelf = 10
/** Whoever writes behind, or tidies up, gets the time for it. */
const rest = (ms = 3000): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Makes them what they are here, in portions, of which one is made while the other is decided. */
async function mark(tasks: readonly Task[]): Promise<void> {
  const underWay: Promise<void>[] = []
  const give = async (some: readonly Task[]): Promise<void> => {
    const outcomes = await app.commands.batch(({ task: { mark } }) => some.map(({ id, done }) => mark(id, { done })))
    assert(
      outcomes.every(({ ok }) => ok),
      'A Command was not accepted.',
    )
  }
  for (let from = 0; from < tasks.length; from += portion) {
    if (underWay.length > 1) await underWay.shift()
    underWay.push(give(tasks.slice(from, from + portion)))
  }
  await Promise.all(underWay)
}

/** Sees of a subject only what is added from now on: the same workload, whatever is stored before it. */
async function newcomersOf(subject: Subject): Promise<Subject> {
  const before = await subject.count()
  const sign = 'new-'
  return {
    ...subject,
    add: (task) => subject.add({ ...task, id: sign + task.id, list: sign + task.list }),
    count: async () => (await subject.count()) - before,
    list: async (list, limit) =>
      (await subject.list(sign + list, limit)).map((task) => ({ ...task, id: task.id.slice(sign.length), list })),
  }
}

/** Commands one after the other, as long as this holds. */
async function inTurn(run: string, goesOn: (count: number) => boolean): Promise<number[]> {
  const samples: number[] = []
  for (const task of makeTasks(100_000)) {
    if (!goesOn(samples.length)) break
    const givenAt = performance.now()
    await subject.add({ ...task, id: `${run}-${task.id}`, list: run })
    samples.push(performance.now() - givenAt)
  }
  return samples
}

const modelWhere = (name: string, holds: (model: ReadModelStatus) => boolean): Promise<ReadModelStatus> =>
  firstValueFrom(
    app.status$.pipe(
      map(({ readModels }) => readModels.find((model) => model.name === name)),
      filter((model) => model !== undefined && holds(model)),
    ),
  ) as Promise<ReadModelStatus>
const isLive = ({ state, rebuild }: ReadModelStatus): boolean => state === 'live' && rebuild === undefined

/** @returns Events per second, from the call until the new rows are shown */
async function rebuilt(model: string): Promise<number> {
  const startedAt = performance.now()
  await app.rebuild(model)
  await modelWhere(model, (status) => !isLive(status))
  const { position } = await modelWhere(model, isLive)
  return perSecond(position, performance.now() - startedAt)
}

const shelfName = (n: number): string => `shelf-${String(n).padStart(4, '0')}`

const api = {
  /** Resolves when the app answers. @returns ms since the page's navigation began */
  async ready(): Promise<number> {
    await subject.count()
    return performance.now()
  },

  /**
   * Makes a log of so many Events, as work makes it: a thousand tasks are added, each of them turned round again and again, and at
   * last as it was; then come the next.
   */
  async fill(rows: number, events: number): Promise<Metrics> {
    const tasks = makeTasks(rows)
    const rounds = events / rows - 1
    const startedAt = performance.now()
    for (let from = 0; from < rows; from += portion) {
      const some = tasks.slice(from, from + portion)
      await subject.addMany(some)
      const turned = Array.from({ length: rounds }, (_, round) =>
        some.map((task) => ({ ...task, done: (rounds - round) % 2 === 1 ? task.done : !task.done })),
      )
      await mark(turned.flat())
    }
    const { position } = await firstValueFrom(app.status$.pipe(filter(({ position }) => position >= events)))
    assert(position === events, `The log has ${position} Events, not ${events}.`)
    const perSecondFilled = perSecond(events, performance.now() - startedAt)
    await subject.count()
    await rest(10_000)
    return { perSecond: perSecondFilled }
  },

  /** So many tasks, each with one Event: what is written by hand has no more. */
  async fillByHand(rows: number): Promise<void> {
    await subject.addMany(makeTasks(rows))
    await subject.count()
    await rest(10_000)
  },

  /** A workload of those on an empty log, beside what is there. */
  async work(name: 'seq' | 'burst'): Promise<Metrics> {
    await subject.count()
    await rest()
    return phases[name][0](await newcomersOf(subject), sizes)
  },

  /** Until a Read Model that a new version of the app brings is there. */
  built: async (model: string): Promise<void> => void (await modelWhere(model, isLive)),

  /** Builds a Read Model anew, with nothing else to do; then once more, while Commands are given one after the other. */
  async rebuild(model: string): Promise<Metrics> {
    await rest()
    await inTurn(`${model}-warm`, (count) => count < 50)
    const before = await inTurn(`${model}-before`, (count) => count < inSequence)
    await rest()
    const alone = await rebuilt(model)
    await rest()
    let isBuilding = true
    const building = rebuilt(model).finally(() => (isBuilding = false))
    const meanwhile = await inTurn(`${model}-meanwhile`, () => isBuilding)
    const busy = await building
    const { p50Ms, p99Ms } = latency(meanwhile)
    const { p50Ms: idleP50Ms } = latency(before)
    return { perSecond: alone, busyPerSecond: busy, seqP50Ms: p50Ms, seqP99Ms: p99Ms, idleP50Ms, seqCount: meanwhile.length }
  },

  /**
   * So many shelves of ten tasks, each watched by a query of its own; one task changes at a time.
   *
   * @param kind `equal` names the shelf, `range` a range that is that shelf alone
   * @returns how long until the watcher has it, with its query alone and among all; and how many others were told anything
   */
  async watchers(kind: 'equal' | 'range', shelves: number): Promise<Metrics> {
    const tasks = makeTasks(shelves * tasksOfShelf).map((task, n) => ({ ...task, list: shelfName(n % shelves) }))
    await subject.addMany(tasks)
    await rest()
    const state = new Map(tasks.map(({ id, done }) => [id, done]))
    const random = randomBy(11)
    let told: (shelf: string, rows: readonly Task[]) => void = () => undefined
    const deliveries = { own: 0, other: 0 }
    const watch = (shelf: string): Promise<void> =>
      new Promise((resolve) => {
        const where = { list: kind === 'equal' ? shelf : { from: shelf, to: shelf } }
        const rows = app.read.taskList.where(where).orderBy('createdAt').watch()
        rows.subscribe((now) => {
          resolve()
          told(shelf, now)
        })
      })
    const measure = async (shelvesInTurn: readonly string[]): Promise<number[]> => {
      const samples: number[] = []
      for (let step = 0; step < watched; step++) {
        const shelf = shelvesInTurn[Math.floor(random() * shelvesInTurn.length)] as string
        const ofShelf = tasks.filter(({ list }) => list === shelf)
        const { id } = ofShelf[Math.floor(random() * ofShelf.length)] as Task
        const done = !state.get(id)
        state.set(id, done)
        const givenAt = performance.now()
        const seen = new Promise<void>((resolve) => {
          told = (which, rows) => {
            if (which !== shelf) deliveries.other++
            else {
              deliveries.own++
              if (rows.find((row) => row.id === id)?.done === done) resolve()
            }
          }
        })
        await Promise.all([seen, subject.setDone(id, done)])
        samples.push(performance.now() - givenAt)
      }
      return samples
    }
    const all = Array.from({ length: shelves }, (_, n) => shelfName(n))
    await watch(shelfName(7))
    const alone = latency(await measure([shelfName(7)]))
    for (const shelf of all) if (shelf !== shelfName(7)) await watch(shelf)
    deliveries.own = deliveries.other = 0
    const { p50Ms, p99Ms } = latency(await measure(all))
    assert(deliveries.own === watched, `${deliveries.own} results for ${watched} changes.`)
    return { aloneP50Ms: alone.p50Ms, p50Ms, p99Ms, others: deliveries.other }
  },

  close: (): Promise<void> => subject.close(),
}

export type ScaleApi = typeof api
Object.assign(globalThis, { remote: api })
