/** By hand behind a worker: an Event and a row for each change, in one transaction. */
import { destroyed, type Subject } from '../subject.ts'
import type { Task } from '../task.ts'
import { removeDatabase } from './idb.ts'
import type { Answer, Call } from './messages.ts'

/** @param name of its database */
export function inWorker(name: string): Subject {
  const calls = new Map<number, { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }>()
  const watchers = new Map<string, (tasks: readonly Task[]) => void>()
  let worker: Worker | undefined
  let isDestroyed = false
  let lastId = 0

  const start = (): void => {
    const started = new Worker(new URL('./by-hand.worker.ts', import.meta.url), { type: 'module', name })
    started.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ('list' in data) return watchers.get(data.list)?.(data.tasks)
      const waiting = calls.get(data.id)
      calls.delete(data.id)
      if ('problem' in data) waiting?.reject(new Error(data.problem))
      else waiting?.resolve(data.value as never)
    }
    started.onerror = ({ message }) => end(new Error(message || 'The hand-written worker could not be started.'))
    worker = started
  }
  let why = new Error('The hand-written worker was never started.')
  const end = (because: Error): void => {
    why = because
    worker?.terminate()
    worker = undefined
    watchers.clear()
    for (const { reject } of calls.values()) reject(why)
    calls.clear()
  }
  const call = <T>(method: Call['method'], ...args: readonly unknown[]): Promise<T> =>
    new Promise((resolve, reject) => {
      if (worker === undefined) return reject(why)
      calls.set(++lastId, { resolve, reject })
      worker.postMessage({ id: lastId, method, args } satisfies Call)
    })

  return {
    open() {
      if (isDestroyed) throw destroyed()
      start()
      // Where this fails, so does whatever is asked next.
      call('open').catch(() => undefined)
    },
    add: (task) => call('add', task),
    setDone: (id, done) => call('setDone', id, done),
    addMany: (tasks) => call('addMany', tasks),
    count: () => call('count'),
    list: (list, limit) => call('list', list, limit),
    watch(list, changed) {
      watchers.set(list, changed)
      // As above: nothing is shown then, and the next change fails.
      call('watch', list).catch(() => undefined)
    },
    async close() {
      await call('close')
      end(new Error('The hand-written worker was ended.'))
    },
    async destroy() {
      isDestroyed = true
      // Its connection ends with it.
      end(destroyed())
      await removeDatabase(name)
    },
  }
}
