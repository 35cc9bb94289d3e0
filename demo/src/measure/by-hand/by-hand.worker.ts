/** The other side of `in-worker.ts`; its own name is that of its database. */
import type { Answer, Call } from './messages.ts'
import { TaskStore } from './task-store.ts'

const answer = (message: Answer): void => (globalThis as unknown as { postMessage(message: unknown): void }).postMessage(message)
const store = new TaskStore({ name: self.name, events: true, changed: (list, tasks) => answer({ list, tasks }) })

addEventListener('message', ({ data: { id, method, args } }: MessageEvent<Call>) => {
  const call = store[method] as (...args: readonly unknown[]) => unknown
  Promise.resolve(call.apply(store, args as unknown[])).then(
    (value) => answer({ id, value }),
    (error: unknown) => answer({ id, problem: String(error) }),
  )
})
