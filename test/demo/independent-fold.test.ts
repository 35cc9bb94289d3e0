import { describe, expect, test } from 'vitest'
import { sampleOrders, sampleStock } from '../../demo/src/import/sample.ts'
import { independentFold } from './independent-fold.ts'
import { readRealFigures, readRealFile, realFilePath } from './order-file.ts'

describe('the fold that the demo is held to', () => {
  test.skipIf(realFilePath === undefined)('gives the figures stated for the real orders', () => {
    const { placed, refused, unitsPicked, stockItems, openPurchaseOrders, unitsOnHand } = readRealFigures()
    expect(independentFold(readRealFile(), 500, 50)).toMatchObject({
      ordersPlaced: placed,
      ordersDeclined: refused,
      unitsPicked,
      stockItems,
      openPurchaseOrders,
      unitsOnHand,
      malformedLines: [],
    })
  })

  test('declines an order whole and still counts its codes', () => {
    const fold = independentFold('a,a,a,b\na\n a , a \n', 2, 1)
    expect(fold).toMatchObject({ ordersPlaced: 1, ordersDeclined: 2, unitsPicked: 1, stockItems: 2, openPurchaseOrders: 0, unitsOnHand: 3 })
  })

  test('finds declined orders, Purchase Orders and repeated orders in the sample', () => {
    const orders = sampleOrders()
    const fold = independentFold(orders.join('\n'), sampleStock.openingStock, sampleStock.reorderPoint)
    expect(fold.ordersPlaced).toBeGreaterThan(200)
    expect(fold.ordersDeclined).toBeGreaterThan(20)
    expect(fold.openPurchaseOrders).toBeGreaterThan(3)
    const long = orders.filter((order) => order.split(',').length > 4)
    expect(new Set(long).size).toBeLessThan(long.length)
  })
})
