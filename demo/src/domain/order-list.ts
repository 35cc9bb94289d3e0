/** The order list: what came of each Order. */
import { readModel } from 'outpost'
import { z } from 'zod'
import { order, type OrderLine } from './order.ts'

const units = (lines: readonly OrderLine[]): number => lines.reduce((sum, line) => sum + line.quantity, 0)

export const orderList = readModel('orderList', {
  version: 1,
  from: [order],
  row: z.object({
    orderId: z.string(),
    status: z.enum(['placed', 'declined']),
    units: z.number(),
    codes: z.number(),
    /** Codes of which there was not enough. */
    missing: z.array(z.string()),
    at: z.number(),
    position: z.number(),
  }),
  key: 'orderId',
  indexes: ['position', ['status', 'position']],
  on: {
    'order.placed': ({ aggregateId: orderId, at, position, data: { lines } }, rows) =>
      rows.put({ orderId, status: 'placed', units: units(lines), codes: lines.length, missing: [], at, position }),
    'order.declined': ({ aggregateId: orderId, at, position, data: { lines, missing } }, rows) =>
      rows.put({ orderId, status: 'declined', units: units(lines), codes: lines.length, missing, at, position }),
  },
})
