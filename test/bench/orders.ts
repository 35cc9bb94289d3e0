/** What is imported: the real orders where they are at hand, else as many made up ones. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Expected, independentFold } from '../demo/independent-fold.ts'
import { readRealFile, realFilePath, someOrders } from '../demo/order-file.ts'
import { cache } from '../support/build.mjs'

export interface Orders {
  readonly source: string
  /** Where they lie, gzipped. */
  readonly path: string
  readonly expected: Expected
  readonly lines: number
}

const wanted = 10_000
/** As the demo registers codes that it sees for the first time. */
const openingStock = 500
const reorderPoint = 50

export function readOrders(): Orders {
  const isReal = realFilePath !== undefined
  const text = isReal ? readRealFile() : someOrders(wanted)
  return {
    source: isReal ? 'real ones of a shop' : 'made up',
    path: realFilePath ?? writeMadeUp(text),
    expected: independentFold(text, openingStock, reorderPoint),
    lines: text.split('\n').filter((line) => line.trim() !== '').length,
  }
}

function writeMadeUp(text: string): string {
  const path = join(cache, 'bench-orders.csv.gz')
  mkdirSync(cache, { recursive: true })
  writeFileSync(path, gzipSync(text))
  return path
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
