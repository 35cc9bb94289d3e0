import { describe, expect, test } from 'vitest'
import { parseOrder } from '../../demo/src/import/parse-order.ts'
import { sampleFile, sampleOrders } from '../../demo/src/import/sample.ts'

describe('sample orders', () => {
  test('are the same each time, and others for another seed', () => {
    expect(sampleOrders()).toEqual(sampleOrders())
    expect(sampleOrders({ seed: 8 })).not.toEqual(sampleOrders())
  })

  test('begin alike whatever their number', () => {
    expect(sampleOrders({ orders: 2500 }).slice(0, 400)).toEqual(sampleOrders({ orders: 400 }))
  })

  test('are all well-formed, several units of a code among them', () => {
    const parsed = sampleOrders({ orders: 2500 }).map(parseOrder)
    expect(parsed.every((order) => order.kind === 'order')).toBe(true)
    expect(parsed.some((order) => order.kind === 'order' && order.lines.some((line) => line.quantity > 1))).toBe(true)
  })

  test('make a file of one line each', async () => {
    expect((await sampleFile({ orders: 30 }).text()).trimEnd().split('\n')).toEqual(sampleOrders({ orders: 30 }))
  })
})
