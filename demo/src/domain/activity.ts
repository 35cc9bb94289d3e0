/** What was done when: the figures of a day, and its chart. */
import { readModel } from 'outpost'
import { z } from 'zod'
import { order } from './order.ts'
import { quarterOf } from './quarter-hour.ts'
import { stockItem } from './stock-item.ts'

const Activity = z.object({
  /** When the quarter hour began: ms since 1970. */
  quarter: z.number(),
  placed: z.number(),
  declined: z.number(),
  picked: z.number(),
  received: z.number(),
})
export type Activity = z.output<typeof Activity>

const plus =
  (at: number, what: Exclude<keyof Activity, 'quarter'>, amount: number) =>
  (row: Activity = { quarter: quarterOf(at), placed: 0, declined: 0, picked: 0, received: 0 }): Activity => ({
    ...row,
    [what]: row[what] + amount,
  })

export const activity = readModel('activity', {
  version: 1,
  from: [stockItem, order],
  row: Activity,
  key: 'quarter',
  ignores: ['stockItem.registered', 'stockItem.counted'],
  on: {
    'stockItem.received': ({ at, data }, rows) => rows.upsert(quarterOf(at), plus(at, 'received', data.quantity)),
    'stockItem.picked': ({ at, data }, rows) => rows.upsert(quarterOf(at), plus(at, 'picked', data.quantity)),
    'order.placed': ({ at }, rows) => rows.upsert(quarterOf(at), plus(at, 'placed', 1)),
    'order.declined': ({ at }, rows) => rows.upsert(quarterOf(at), plus(at, 'declined', 1)),
  },
})
