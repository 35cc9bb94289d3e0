/** Stockroom: a warehouse's stock book. Pure declarations; the worker runs them, tests run them, the page takes their types. */
import { domain } from 'outpost'
import { activity } from './activity.ts'
import { figures } from './figures.ts'
import { fulfilment } from './fulfilment.ts'
import { ledger } from './ledger.ts'
import { orderList } from './order-list.ts'
import { order } from './order.ts'
import { purchaseOrderList } from './purchase-order-list.ts'
import { purchaseOrder } from './purchase-order.ts'
import { purchasing } from './purchasing.ts'
import { reorder } from './reorder.ts'
import { shortages } from './shortages.ts'
import { stockItem } from './stock-item.ts'
import { stockList } from './stock-list.ts'

export const stockroom = domain('stockroom', {
  aggregates: [stockItem, order, purchaseOrder],
  applicationServices: [fulfilment, purchasing],
  processManagers: [reorder],
  readModels: [stockList, orderList, purchaseOrderList, ledger, figures, activity],
  queries: [shortages],
})
