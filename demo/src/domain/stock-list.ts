/** The stock list: every Stock Item as it is now. */
import { readModel } from 'outpost'
import { z } from 'zod'
import { stockItem } from './stock-item.ts'

const StockRow = z.object({
  sku: z.string(),
  name: z.string(),
  /** The code in lower case: searching does not mind capitals. */
  search: z.string(),
  onHand: z.number(),
  reorderPoint: z.number(),
  level: z.enum(['empty', 'low', 'enough']),
  /** Version of its stream that the row is as of. */
  version: z.number(),
  changedAt: z.number(),
})
type StockRow = z.output<typeof StockRow>

const levelOf = (onHand: number, reorderPoint: number): StockRow['level'] =>
  onHand === 0 ? 'empty' : onHand < reorderPoint ? 'low' : 'enough'

const withOnHand = (row: StockRow, onHand: number, event: { readonly version: number; readonly at: number }): StockRow => ({
  ...row,
  onHand,
  level: levelOf(onHand, row.reorderPoint),
  version: event.version,
  changedAt: event.at,
})

export const stockList = readModel('stockList', {
  version: 1,
  from: [stockItem],
  row: StockRow,
  key: 'sku',
  indexes: ['search', 'level'],
  on: {
    'stockItem.registered': ({ aggregateId: sku, version, at, data: { name, openingStock, reorderPoint } }, rows) =>
      rows.put({
        sku,
        name,
        search: sku.toLowerCase(),
        onHand: openingStock,
        reorderPoint,
        level: levelOf(openingStock, reorderPoint),
        version,
        changedAt: at,
      }),
    'stockItem.received': (event, rows) =>
      rows.update(event.aggregateId, (row) => withOnHand(row, row.onHand + event.data.quantity, event)),
    'stockItem.picked': (event, rows) => rows.update(event.aggregateId, (row) => withOnHand(row, row.onHand - event.data.quantity, event)),
    'stockItem.counted': (event, rows) => rows.update(event.aggregateId, (row) => withOnHand(row, event.data.onHand, event)),
  },
})
