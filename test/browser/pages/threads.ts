/** The page of threads: an app whose worker dies, hangs, or does not start, and what the page hears of it. */
import { type App, connect, type ConnectOptions, type Status } from 'outpost/client'
import { filter, firstValueFrom } from 'rxjs'
import { expose } from './control.ts'
import type { jobs } from './jobs.ts'

/** `good`, `late` and `throwing` are the same script, see there; the others are none. */
export type Start = 'good' | 'late' | 'throwing' | 'absent' | 'not a script'

let app: App<typeof jobs>
const workers: Worker[] = []
const errors: Error[] = []
const states: { readonly worker: Status['worker']; readonly problem: string | undefined; readonly at: number }[] = []

const spawn = (start: Start): Worker => {
  const worker =
    start === 'absent'
      ? new Worker('absent.js', { type: 'module' })
      : start === 'not a script'
        ? new Worker('/?', { type: 'module' })
        : new Worker(new URL('./threads.worker.ts', import.meta.url), { type: 'module', name: start })
  workers.push(worker)
  return worker
}
const asData = (error: unknown) => {
  const { code, message, details } = error as { code?: string; message: string; details?: object }
  return { code, message, details }
}
const add = (id: string, endless = false) =>
  app.commands.job.add(id, endless ? { name: id, endless } : { name: id }, { commandId: `add ${id}` }).catch(asData)

const api = {
  connect(start: Start, options: Partial<Omit<ConnectOptions, 'worker' | 'endpoint'>> = {}): void {
    app = connect({ ...options, worker: () => spawn(start), onError: (error) => errors.push(error) })
    app.status$.subscribe(({ worker, problem }) => {
      if (states.at(-1)?.worker !== worker) states.push({ worker, problem, at: performance.now() })
    })
  },
  workers: () => workers.length,
  states: () => states,
  errors: () => errors.map(({ name, message }) => `${name}: ${message}`),
  async until(state: Status['worker']): Promise<Status> {
    return firstValueFrom(app.status$.pipe(filter(({ worker }) => worker === state)))
  },

  /** One after the other. */
  async add(...ids: string[]) {
    const outcomes = []
    for (const id of ids) outcomes.push(await add(id))
    return outcomes
  },
  addAtOnce: (...given: [id: string, endless: boolean][]) => Promise.all(given.map(([id, endless]) => add(id, endless))),
  rows: async () => (await app.read.jobList).map(({ id }) => id),
  watch: () => firstValueFrom(app.read.jobList.watch()).catch(asData),

  /** Kills the worker while nothing is asked of it; answers how long it took until that was noticed, in ms. */
  async noticeDeath(): Promise<number> {
    const lost = firstValueFrom(app.status$.pipe(filter(({ worker }) => worker === 'lost')))
    const killedAt = performance.now()
    workers.at(-1)?.terminate()
    await lost
    return performance.now() - killedAt
  },
  killAndAdd(id: string) {
    const outcome = add(id)
    workers.at(-1)?.terminate()
    return outcome
  },
  tell: (message: 'throw' | 'reject') => workers.at(-1)?.postMessage(message),
  locks: async () => {
    const { held = [], pending = [] } = await navigator.locks.query()
    return [...held, ...pending].map(({ name }) => name)
  },
  close: () => app.close(),
  destroy: () => app.destroy(),
}

export type ThreadsPage = typeof api
expose(api)
