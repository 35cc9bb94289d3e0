/** Outpost by its public names, without any switch. */
import { connect, type App } from 'outpost/client'
import { offer } from '../offer.ts'
import type { Task } from '../task.ts'
import type { tasks } from './domain.ts'

const portion = 1000
const portionsUnderWay = 2

let app: App<typeof tasks>

const accepted = ({ ok }: { readonly ok: boolean }): void => {
  if (!ok) throw new Error('A Command was not accepted.')
}
const query = (list: string) => app.read.taskList.where({ list }).orderBy('createdAt')

offer({
  open() {
    app = connect<typeof tasks>({
      space: 'bench',
      worker: () => new Worker(new URL('./app.worker.ts', import.meta.url), { type: 'module', name: 'tasks' }),
    })
  },
  add: async ({ id, ...content }) => accepted(await app.commands.task.add(id, content)),
  setDone: async (id, done) => accepted(await app.commands.task.mark(id, { done })),
  async addMany(tasks) {
    const underWay: Promise<void>[] = []
    for (let from = 0; from < tasks.length; from += portion) {
      if (underWay.length >= portionsUnderWay) await underWay.shift()
      underWay.push(give(tasks.slice(from, from + portion)))
    }
    await Promise.all(underWay)
  },
  count: async () => app.read.taskList.count(),
  list: async (list, limit) => (limit === undefined ? query(list) : query(list).limit(limit)),
  watch(list, changed) {
    query(list).watch().subscribe(changed)
  },
  close: () => app.close(),
})

async function give(tasks: readonly Task[]): Promise<void> {
  const outcomes = await app.commands.batch((commands) => tasks.map(({ id, ...content }) => commands.task.add(id, content)))
  for (const outcome of outcomes) accepted(outcome)
}
