/** The real orders, where they are at hand; else sample orders of the demo's generator. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { sampleOrders } from '../../demo/src/import/sample.ts'

const data = (name: string): string => fileURLToPath(new URL(`../../../shared/data/${name}`, import.meta.url))

export const realFilePath: string | undefined = existsSync(data('retail-orders.csv.gz')) ? data('retail-orders.csv.gz') : undefined

export interface RealFigures {
  readonly orders: number
  readonly placed: number
  readonly refused: number
  readonly unitsPicked: number
  readonly stockItems: number
  readonly openPurchaseOrders: number
  readonly unitsOnHand: number
}

export const readRealFile = (): string => gunzipSync(readFileSync(data('retail-orders.csv.gz'))).toString('utf8')
export const readRealFigures = (): RealFigures => JSON.parse(readFileSync(data('expected.json'), 'utf8')) as RealFigures

/** So many lines of orders, real where possible. */
export function someOrders(count: number): string {
  const lines = realFilePath === undefined ? sampleOrders({ orders: count }) : readRealFile().split('\n').slice(0, count)
  return `${lines.join('\n')}\n`
}
