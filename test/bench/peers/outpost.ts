/**
 * Outpost among the peers of the field, by its public names and without any switch. The bench of the peers lies outside this
 * project; it takes the built package:
 *
 *     npm run build
 *     node run.mjs --with outpost=«this file» --only raw-log-worker,dexie --workload seq,burst
 */
import { type App, connect } from 'outpost/client'
import type { todos } from './outpost.schema.ts'

/** As that bench has it. */
interface Todo {
  readonly id: string
  readonly listId: string
  readonly title: string
  readonly done: boolean
  readonly createdAt: number
}

/** Commands that cross together, and how many such portions are under way: one is made while the other is decided. */
const portion = 1000
const portionsUnderWay = 2

let app: App<typeof todos>

const accepted = ({ ok }: { readonly ok: boolean }): void => {
  if (!ok) throw new Error('A Command was not accepted.')
}
const query = (listId: string) => app.read.todoList.where({ listId }).orderBy('createdAt')

async function give(todos: readonly Todo[]): Promise<void> {
  const outcomes = await app.commands.batch((commands) => todos.map(({ id, ...content }) => commands.todo.add(id, content)))
  for (const outcome of outcomes) accepted(outcome)
}

export const adapter = {
  /** What is asked from now on waits for the worker by itself. */
  async open() {
    app = connect<typeof todos>({
      space: 'bench',
      worker: () => new Worker(new URL('./outpost.worker.ts', import.meta.url), { type: 'module' }),
    })
  },
  insert: async ({ id, ...content }: Todo) => accepted(await app.commands.todo.add(id, content)),
  setDone: async (id: string, done: boolean) => accepted(await app.commands.todo.mark(id, { done })),
  async bulk(todos: readonly Todo[]) {
    const underWay: Promise<void>[] = []
    for (let from = 0; from < todos.length; from += portion) {
      if (underWay.length >= portionsUnderWay) await underWay.shift()
      underWay.push(give(todos.slice(from, from + portion)))
    }
    await Promise.all(underWay)
  },
  count: async () => app.read.todoList.count(),
  list: async (listId: string, limit?: number) => (limit === undefined ? query(listId) : query(listId).limit(limit)),
  watch(listId: string, changed: (todos: readonly Todo[]) => void) {
    query(listId).watch().subscribe(changed)
  },
  close: () => app.close(),
}
