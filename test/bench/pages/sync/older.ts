/** The domain from before tasks could be marked: what a server decides with that was not updated yet. */
import { aggregate, domain } from 'outpost'
import { z } from 'zod'

const Content = z.object({ list: z.string(), title: z.string().min(1), done: z.boolean(), createdAt: z.number() })

export const task = aggregate('task', {
  state: Content,
  events: { added: Content },
  commands: { add: Content },
  refusals: { alreadyThere: z.object({}) },
  create: { added: (content) => content },
  evolve: {},
  decide: { add: (state, content, { emit, refuse }) => (state ? refuse.alreadyThere({}) : emit.added(content)) },
})

export const olderTasks = domain('tasks', { aggregates: [task] })
