import { domain, readModel } from 'outpost'
import { z } from 'zod'
import { task, taskList } from '../../../../demo/src/measure/domain.ts'

/** Counts Events in 256 rows, by how ids begin: all of it folds in memory. */
export const tally = readModel('tally', {
  version: 1,
  from: [task],
  row: z.object({ beginning: z.string(), added: z.number(), marked: z.number() }),
  key: 'beginning',
  on: {
    'task.added': ({ aggregateId }, rows) =>
      rows.upsert(aggregateId.slice(0, 2), (row = { beginning: aggregateId.slice(0, 2), added: 0, marked: 0 }) => ({
        ...row,
        added: row.added + 1,
      })),
    'task.marked': ({ aggregateId }, rows) => rows.update(aggregateId.slice(0, 2), (row) => ({ ...row, marked: row.marked + 1 })),
  },
})

export const tallied = domain('tasks', { aggregates: [task], readModels: [taskList, tally] })
