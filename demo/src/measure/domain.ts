/** One Aggregate and one Read Model, declared as any user would. */
import { aggregate, domain, readModel } from 'outpost'
import { z } from 'zod'

const Content = z.object({ list: z.string(), title: z.string().min(1), done: z.boolean(), createdAt: z.number() })
const Done = z.object({ done: z.boolean() })

export const task = aggregate('task', {
  state: Content,
  events: { added: Content, marked: Done },
  commands: { add: Content, mark: Done },
  refusals: { alreadyThere: z.object({}), unknownTask: z.object({}) },
  create: { added: (content) => content },
  evolve: { marked: (state, { done }) => ({ ...state, done }) },
  decide: {
    add: (state, content, { emit, refuse }) => (state ? refuse.alreadyThere({}) : emit.added(content)),
    mark: (state, { done }, { emit, refuse }) => (state ? emit.marked({ done }) : refuse.unknownTask({})),
  },
})

export const taskList = readModel('taskList', {
  version: 1,
  from: [task],
  row: Content.extend({ id: z.string() }),
  key: 'id',
  indexes: [['list', 'createdAt']],
  on: {
    'task.added': ({ aggregateId: id, data }, rows) => rows.put({ id, ...data }),
    'task.marked': ({ aggregateId, data: { done } }, rows) => rows.update(aggregateId, (row) => ({ ...row, done })),
  },
})

export const tasks = domain('tasks', { aggregates: [task], readModels: [taskList] })
