/** What is imported: the real orders where they are at hand, else as many made up ones. */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { type Expected, independentFold } from '../demo/independent-fold.ts'
import { readRealFile, realFilePath, someOrders } from '../demo/order-file.ts'

export interface Orders {
  readonly source: string
  readonly packed: Uint8Array
  readonly expected: Expected
  readonly lines: number
}

const wanted = 10_000
/** As the demo registers codes that it sees for the first time. */
const openingStock = 500
const reorderPoint = 50

export function readOrders(): Orders {
  const text = realFilePath === undefined ? someOrders(wanted) : readRealFile()
  return {
    source: realFilePath === undefined ? 'made up' : 'real ones of a shop',
    packed: realFilePath === undefined ? gzipSync(text) : readFileSync(realFilePath),
    expected: independentFold(text, openingStock, reorderPoint),
    lines: text.split('\n').filter((line) => line.trim() !== '').length,
  }
}

/** The figures that must come out, as the demo's start page and the hand-written import name them. */
export const figuresOf = ({ expected }: Orders) => ({
  ordersPlaced: expected.ordersPlaced,
  ordersDeclined: expected.ordersDeclined,
  unitsPicked: expected.unitsPicked,
  stockItems: expected.stockItems,
  openPurchaseOrders: expected.openPurchaseOrders,
  unitsOnHand: expected.unitsOnHand,
})
