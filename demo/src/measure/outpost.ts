/** Outpost by its public names, without any switch. */
import type { App } from 'outpost/client'
import type { tasks } from './domain.ts'
import { destroyed, type Subject } from './subject.ts'
import type { Task } from './task.ts'

const portion = 1000
const portionsUnderWay = 2

const accepted = ({ ok }: { readonly ok: boolean }): void => {
  if (!ok) throw new Error('A Command was not accepted.')
}

/** @param connectApp called each time it is opened */
export function subjectOn(connectApp: () => App<typeof tasks>): Subject {
  let app: App<typeof tasks>
  let isOpen = false
  let isDestroyed = false
  const watching: { unsubscribe(): void }[] = []
  const query = (list: string) => app.read.taskList.where({ list }).orderBy('createdAt')
  const give = async (tasks: readonly Task[]): Promise<void> => {
    const outcomes = await app.commands.batch((commands) => tasks.map(({ id, ...content }) => commands.task.add(id, content)))
    for (const outcome of outcomes) accepted(outcome)
  }
  const unwatch = (): void => {
    for (const each of watching.splice(0)) each.unsubscribe()
  }
  return {
    open() {
      if (isDestroyed) throw destroyed()
      app = connectApp()
      isOpen = true
    },
    add: async ({ id, ...content }) => accepted(await app.commands.task.add(id, content)),
    setDone: async (id, done) => accepted(await app.commands.task.mark(id, { done })),
    async addMany(tasks) {
      const underWay: Promise<void>[] = []
      for (let from = 0; from < tasks.length; from += portion) {
        if (underWay.length >= portionsUnderWay) await underWay.shift()
        const given = give(tasks.slice(from, from + portion))
        // Where several fail, the first one that is waited for tells.
        given.catch(() => undefined)
        underWay.push(given)
      }
      await Promise.all(underWay)
    },
    count: async () => app.read.taskList.count(),
    list: async (list, limit) => (limit === undefined ? query(list) : query(list).limit(limit)),
    watch(list, changed) {
      watching.push(query(list).watch().subscribe(changed))
    },
    close() {
      isOpen = false
      unwatch()
      return app.close()
    },
    async destroy() {
      isDestroyed = true
      unwatch()
      if (!isOpen) app = connectApp()
      await app.destroy()
    },
  }
}
