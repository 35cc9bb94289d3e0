/** By hand on the main thread: one put into one store, no Event, no rule. */
import { offer } from '../offer.ts'
import type { Task } from '../task.ts'
import { TaskStore } from './task-store.ts'

const watchers = new Map<string, (tasks: readonly Task[]) => void>()
const store = new TaskStore({ events: false, changed: (list, tasks) => watchers.get(list)?.(tasks) })

offer({
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
})
