/** A domain whose `decide` never returns where that is asked of it. */
import { aggregate, domain, readModel } from 'outpost'
import { z } from 'zod'

export const job = aggregate('job', {
  state: z.object({ name: z.string() }),
  events: { added: z.object({ name: z.string() }) },
  commands: { add: z.object({ name: z.string(), endless: z.boolean().optional() }) },
  create: { added: ({ name }) => ({ name }) },
  evolve: {},
  decide: {
    add: (state, { name, endless }, { emit }) => {
      while (endless) JSON.stringify(name)
      return state ? [] : emit.added({ name })
    },
  },
})

export const jobList = readModel('jobList', {
  version: 1,
  from: [job],
  row: z.object({ id: z.string(), name: z.string() }),
  key: 'id',
  on: { 'job.added': ({ aggregateId, data }, rows) => rows.put({ id: aggregateId, name: data.name }) },
})

export const jobs = domain('jobs', { aggregates: [job], readModels: [jobList] })
