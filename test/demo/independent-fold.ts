/**
 * What an order file must come to, folded in the plainest way: no Aggregate, no Event, no code of the demo. The demo and
 * this agree, or one of them is wrong.
 */

export interface Expected {
  readonly ordersPlaced: number
  readonly ordersDeclined: number
  readonly unitsPicked: number
  readonly stockItems: number
  readonly openPurchaseOrders: number
  readonly unitsOnHand: number
  readonly malformedLines: readonly number[]
  readonly onHand: ReadonlyMap<string, number>
}

export function independentFold(file: string, openingStock: number, reorderPoint: number): Expected {
  const onHand = new Map<string, number>()
  const reordered = new Set<string>()
  const malformedLines: number[] = []
  let ordersPlaced = 0
  let ordersDeclined = 0
  let unitsPicked = 0
  for (const [index, line] of file
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '') continue
    const codes = line.split(',').map((code) => code.trim())
    if (codes.includes('')) {
      malformedLines.push(index + 1)
      continue
    }
    for (const code of codes) if (!onHand.has(code)) onHand.set(code, openingStock)
    const before = new Map(codes.map((code) => [code, onHand.get(code) as number]))
    for (const code of codes) onHand.set(code, (onHand.get(code) as number) - 1)
    if ([...before.keys()].some((code) => (onHand.get(code) as number) < 0)) {
      for (const [code, units] of before) onHand.set(code, units)
      ordersDeclined++
      continue
    }
    ordersPlaced++
    unitsPicked += codes.length
    for (const code of before.keys()) if ((onHand.get(code) as number) < reorderPoint) reordered.add(code)
  }
  return {
    ordersPlaced,
    ordersDeclined,
    unitsPicked,
    stockItems: onHand.size,
    openPurchaseOrders: reordered.size,
    unitsOnHand: [...onHand.values()].reduce((sum, units) => sum + units, 0),
    malformedLines,
    onHand,
  }
}
