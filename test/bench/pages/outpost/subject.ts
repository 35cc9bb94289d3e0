/** Outpost by its public names, without any switch. */
import type { App } from 'outpost/client'
import type { Subject } from '../subject.ts'
import type { Task } from '../task.ts'
import type { tasks } from './domain.ts'

const portion = 1000
const portionsUnderWay = 2

const accepted = ({ ok }: { readonly ok: boolean }): void => {
  if (!ok) throw new Error('A Command was not accepted.')
}

/** @param connectApp called once, when it is opened */
export function subjectOn(connectApp: () => App<typeof tasks>): Subject {
  let app: App<typeof tasks>
  const query = (list: string) => app.read.taskList.where({ list }).orderBy('createdAt')
  const give = async (tasks: readonly Task[]): Promise<void> => {
    const outcomes = await app.commands.batch((commands) => tasks.map(({ id, ...content }) => commands.task.add(id, content)))
    for (const outcome of outcomes) accepted(outcome)
  }
  return {
    open() {
      app = connectApp()
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
  }
}
