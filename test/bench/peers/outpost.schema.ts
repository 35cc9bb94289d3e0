/** One Aggregate and one Read Model, declared as any user would. */
import { aggregate, domain, readModel } from 'outpost'
import { z } from 'zod'

const Content = z.object({ listId: z.string(), title: z.string(), done: z.boolean(), createdAt: z.number() })
const Done = z.object({ done: z.boolean() })

export const todo = aggregate('todo', {
  state: Content,
  events: { added: Content, marked: Done },
  commands: { add: Content, mark: Done },
  refusals: { alreadyThere: z.object({}), unknownTodo: z.object({}) },
  create: { added: (content) => content },
  evolve: { marked: (state, { done }) => ({ ...state, done }) },
  decide: {
    add: (state, content, { emit, refuse }) => (state ? refuse.alreadyThere({}) : emit.added(content)),
    mark: (state, { done }, { emit, refuse }) => (state ? emit.marked({ done }) : refuse.unknownTodo({})),
  },
})

export const todoList = readModel('todoList', {
  version: 1,
  from: [todo],
  row: Content.extend({ id: z.string() }),
  key: 'id',
  indexes: [['listId', 'createdAt']],
  on: {
    'todo.added': ({ aggregateId: id, data }, rows) => rows.put({ id, ...data }),
    'todo.marked': ({ aggregateId, data: { done } }, rows) => rows.update(aggregateId, (row) => ({ ...row, done })),
  },
})

export const todos = domain('todos', { aggregates: [todo], readModels: [todoList] })
