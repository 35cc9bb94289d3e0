import { given, past, refused } from 'outpost/testing'
import { describe, test } from 'vitest'
import { activity } from '../../demo/src/domain/activity.ts'
import { figures } from '../../demo/src/domain/figures.ts'
import { ledger } from '../../demo/src/domain/ledger.ts'
import { order } from '../../demo/src/domain/order.ts'
import { orderList } from '../../demo/src/domain/order-list.ts'
import { purchaseOrder } from '../../demo/src/domain/purchase-order.ts'
import { reorder } from '../../demo/src/domain/reorder.ts'
import { stockItem } from '../../demo/src/domain/stock-item.ts'
import { stockList } from '../../demo/src/domain/stock-list.ts'

const mugs = { registered: { name: 'Mug', openingStock: 5, reorderPoint: 3 } }

describe('a Stock Item', () => {
  test('is registered once; the second time nothing happens', () => {
    given(stockItem)
      .when({ register: { name: 'Mug', openingStock: 5, reorderPoint: 3 } })
      .then(mugs)
    given(stockItem, mugs)
      .when({ register: { name: 'Other', openingStock: 9, reorderPoint: 9 } })
      .then()
  })

  test.each(['a,b', ' a', 'a '])('is not registered under %j, which is no code', (aggregateId) => {
    given(stockItem)
      .when({ register: { name: 'Mug', openingStock: 0, reorderPoint: 0 } }, { aggregateId })
      .then(refused('invalidCode'))
  })

  test('is picked down to nothing, and no further', () => {
    given(stockItem, mugs)
      .when({ pick: { quantity: 5 } })
      .then({ picked: { quantity: 5 } })
    given(stockItem, mugs, { picked: { quantity: 3 } })
      .when({ pick: { quantity: 3 } })
      .then(refused('outOfStock', { onHand: 2 }))
  })

  test('is counted, whatever the book said', () => {
    given(stockItem, mugs)
      .when({ count: { onHand: 2 } })
      .then({ counted: { onHand: 2, difference: -3 } })
    given(stockItem, mugs, { counted: { onHand: 2, difference: -3 } })
      .when({ pick: { quantity: 3 } })
      .then(refused('outOfStock', { onHand: 2 }))
  })

  test('that is not in the book cannot be picked, received or counted', () => {
    given(stockItem)
      .when({ pick: { quantity: 1 } })
      .then(refused('unknownItem'))
    given(stockItem)
      .when({ receive: { quantity: 1 } })
      .then(refused('unknownItem'))
    given(stockItem)
      .when({ count: { onHand: 1 } })
      .then(refused('unknownItem'))
  })

  test('takes no quantity that is not a whole number above zero', () => {
    for (const quantity of [0, -1, 1.5]) given(stockItem, mugs).when({ pick: { quantity } }).thenFails('invalid-command')
  })
})

describe('a Purchase Order', () => {
  const opened = { opened: { sku: 'mug', quantity: 10 } }

  test('is opened once and can be cancelled while it is open', () => {
    given(purchaseOrder)
      .when({ open: { sku: 'mug', quantity: 10 } })
      .then(opened)
    given(purchaseOrder, opened)
      .when({ open: { sku: 'mug', quantity: 10 } })
      .then()
    given(purchaseOrder, opened)
      .when({ cancel: {} })
      .then({ cancelled: { sku: 'mug' } })
    given(purchaseOrder, opened, { received: { sku: 'mug', quantity: 8 } })
      .when({ cancel: {} })
      .then(refused('notOpen'))
    given(purchaseOrder).when({ cancel: {} }).then(refused('notOpen'))
  })
})

describe('reordering', () => {
  const registered = past(stockItem, 'mug', mugs)
  const picked = (quantity: number) => past(stockItem, 'mug', { picked: { quantity } })
  const opened = past(purchaseOrder, 'po-1', { opened: { sku: 'mug', quantity: 5 } })

  test('asks for nothing at the reorder point, only below it', () => {
    given(reorder, registered).when(picked(2)).then()
    given(reorder, registered)
      .when(picked(3))
      .then(({ send, newId }) => [send.purchaseOrder.open(newId(), { sku: 'mug', quantity: 4 })])
  })

  test('asks for nothing while a Purchase Order is open', () => {
    given(reorder, registered, opened).when(picked(4)).then()
  })

  test('asks again once that one is received or cancelled', () => {
    const received = past(purchaseOrder, 'po-1', { received: { sku: 'mug', quantity: 1 } })
    const cancelled = past(purchaseOrder, 'po-1', { cancelled: { sku: 'mug' } })
    for (const ended of [received, cancelled])
      given(reorder, registered, opened, ended)
        .when(picked(4))
        .then(({ send, newId }) => [send.purchaseOrder.open(newId(), { sku: 'mug', quantity: 5 })])
  })

  test('asks for as much as the item was opened with, and twice the reorder point at least', () => {
    given(reorder, past(stockItem, 'mug', { registered: { name: 'Mug', openingStock: 20, reorderPoint: 3 } }))
      .when(picked(18))
      .then(({ send, newId }) => [send.purchaseOrder.open(newId(), { sku: 'mug', quantity: 18 })])
    given(reorder, registered)
      .when(picked(4))
      .then(({ send, newId }) => [send.purchaseOrder.open(newId(), { sku: 'mug', quantity: 5 })])
  })
})

describe('Read Models', () => {
  const at = Date.UTC(2026, 0, 5, 13, 20)

  test('the stock list knows a level for each item and finds codes without regard to capitals', () => {
    given(stockList, past(stockItem, 'MUG', mugs, { at }), past(stockItem, 'MUG', { picked: { quantity: 3 } }, { at: at + 1 })).then([
      { sku: 'MUG', name: 'Mug', search: 'mug', onHand: 2, reorderPoint: 3, level: 'low', version: 2, changedAt: at + 1 },
    ])
  })

  test.each([
    { picked: 2, onHand: 3, level: 'enough' },
    { picked: 5, onHand: 0, level: 'empty' },
  ] as const)('the stock list calls $onHand on hand, with a reorder point of 3, $level', ({ picked, onHand, level }) => {
    given(stockList, past(stockItem, 'MUG', mugs, { at }), past(stockItem, 'MUG', { picked: { quantity: picked } }, { at })).then([
      { sku: 'MUG', name: 'Mug', search: 'mug', onHand, reorderPoint: 3, level, version: 2, changedAt: at },
    ])
  })

  test('the ledger holds each movement under a key that sorts by item and version', () => {
    const picked = past(stockItem, 'A/B', { picked: { quantity: 1, orderId: 'o-1' } }, { at })
    const movement = { at, kind: 'picked', change: -1, reference: 'o-1' } as const
    given(ledger, past(stockItem, 'A/B', mugs, { at }), ...Array.from({ length: 10 }, () => picked)).then([
      { key: 'A/B,000000001', version: 1, at, kind: 'registered', change: 5, reference: '' },
      ...Array.from({ length: 10 }, (_, index) => ({
        ...movement,
        key: `A/B,${String(index + 2).padStart(9, '0')}`,
        version: index + 2,
      })),
    ])
  })

  test('the order list tells what an order lacked', () => {
    given(
      orderList,
      past(order, 'o-1', { placed: { lines: [{ sku: 'a', quantity: 2 }] } }, { at }),
      past(
        order,
        'o-2',
        {
          declined: {
            lines: [
              { sku: 'a', quantity: 2 },
              { sku: 'b', quantity: 1 },
            ],
            missing: ['b'],
          },
        },
        { at },
      ),
    ).then([
      { orderId: 'o-1', status: 'placed', units: 2, codes: 1, missing: [], at, position: 1 },
      { orderId: 'o-2', status: 'declined', units: 3, codes: 2, missing: ['b'], at, position: 2 },
    ])
  })

  test('the figures add everything up', () => {
    given(
      figures,
      past(stockItem, 'mug', mugs),
      past(order, 'o-1', { placed: { lines: [{ sku: 'mug', quantity: 4 }] } }),
      past(stockItem, 'mug', { picked: { quantity: 4, orderId: 'o-1' } }),
      past(purchaseOrder, 'po-1', { opened: { sku: 'mug', quantity: 5 } }),
      past(order, 'o-2', { declined: { lines: [{ sku: 'mug', quantity: 4 }], missing: ['mug'] } }),
      past(purchaseOrder, 'po-1', { received: { sku: 'mug', quantity: 6 } }),
      past(stockItem, 'mug', { received: { quantity: 6, purchaseOrderId: 'po-1' } }),
      past(stockItem, 'mug', { counted: { onHand: 5, difference: -2 } }),
    ).then([
      {
        id: 'warehouse',
        ordersPlaced: 1,
        ordersDeclined: 1,
        unitsPicked: 4,
        stockItems: 1,
        openPurchaseOrders: 0,
        unitsOnHand: 5,
        position: 8,
      },
    ])
  })

  test('activity is kept by the quarter hour', () => {
    const line = { lines: [{ sku: 'mug', quantity: 1 }] }
    given(
      activity,
      past(order, 'o-1', { placed: line }, { at }),
      past(stockItem, 'mug', { picked: { quantity: 1 } }, { at: at + 60_000 }),
      past(order, 'o-2', { declined: { ...line, missing: ['mug'] } }, { at: at + 15 * 60_000 }),
    ).then([
      { quarter: Date.UTC(2026, 0, 5, 13, 15), placed: 1, declined: 0, picked: 1, received: 0 },
      { quarter: Date.UTC(2026, 0, 5, 13, 30), placed: 0, declined: 1, picked: 0, received: 0 },
    ])
  })
})
