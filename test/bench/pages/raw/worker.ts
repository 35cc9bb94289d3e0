/** By hand behind a worker: an Event and a row for each change, in one transaction. */
import { offer } from '../offer.ts'
import type { Task } from '../task.ts'
import type { Answer, Call } from './messages.ts'

const worker = new Worker(new URL('./tasks.worker.ts', import.meta.url), { type: 'module', name: 'tasks' })
const calls = new Map<number, { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }>()
const watchers = new Map<string, (tasks: readonly Task[]) => void>()
let lastId = 0

worker.onmessage = ({ data }: MessageEvent<Answer>) => {
  if ('list' in data) return watchers.get(data.list)?.(data.tasks)
  const waiting = calls.get(data.id)
  calls.delete(data.id)
  if ('problem' in data) waiting?.reject(new Error(data.problem))
  else waiting?.resolve(data.value as never)
}

const call = <T>(method: Call['method'], ...args: readonly unknown[]): Promise<T> =>
  new Promise((resolve, reject) => {
    calls.set(++lastId, { resolve, reject })
    worker.postMessage({ id: lastId, method, args } satisfies Call)
  })

offer({
  open: () => void call('open'),
  add: (task) => call('add', task),
  setDone: (id, done) => call('setDone', id, done),
  addMany: (tasks) => call('addMany', tasks),
  count: () => call('count'),
  list: (list, limit) => call('list', list, limit),
  watch(list, changed) {
    watchers.set(list, changed)
    void call('watch', list)
  },
  close: () => call('close'),
})
