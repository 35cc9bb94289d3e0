/** By hand on the main thread: one put into one store, no Event, no rule. */
import type { Subject } from '../subject.ts'
import type { Task } from '../task.ts'
import { TaskStore } from './task-store.ts'

/** @param name of its database */
export function onPage(name: string): Subject {
  const watchers = new Map<string, (tasks: readonly Task[]) => void>()
  const store = new TaskStore({ name, events: false, changed: (list, tasks) => watchers.get(list)?.(tasks) })
  return {
    open: () => store.open(),
    add: (task) => store.add(task),
    setDone: (id, done) => store.setDone(id, done),
    addMany: (tasks) => store.addMany(tasks),
    count: () => store.count(),
    list: (list, limit) => store.list(list, limit),
    watch(list, changed) {
      watchers.set(list, changed)
      store.watch(list)
    },
    close: () => store.close(),
    destroy: () => store.destroy(),
  }
}
