import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orderIds } from '../../demo/src/import/order-ids.ts'
import { parseOrder } from '../../demo/src/import/parse-order.ts'
import { someOrders } from './order-file.ts'

const contentsOf = (file: string): string[] =>
  file.split('\n').flatMap((line) => {
    const parsed = parseOrder(line)
    return parsed.kind === 'order' ? [parsed.content] : []
  })

describe('ids of imported orders', () => {
  test('are all different in a file that repeats itself', async () => {
    const contents = contentsOf(someOrders(2500))
    expect(new Set(contents).size).toBeLessThan(contents.length)
    expect(new Set(await orderIds()(contents)).size).toBe(contents.length)
  })

  test('are the same for the same file, in whatever portions it is read', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'a,b', 'b,a', 'c'), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        async (contents, portion) => {
          const whole = await orderIds()(contents)
          const inPortions = orderIds()
          const ids: string[] = []
          for (let i = 0; i < contents.length; i += portion) ids.push(...(await inPortions(contents.slice(i, i + portion))))
          expect(ids).toEqual(whole)
        },
      ),
      { numRuns: 50 },
    ))

  test('follow from content and occurrence, not from the place in the file', async () => {
    const [first, , second] = await orderIds()(['a,b', 'x', 'a,b'])
    const [, , , sameFirst, sameSecond] = await orderIds()(['y', 'z', 'x', 'a,b', 'a,b'])
    expect([sameFirst, sameSecond]).toEqual([first, second])
    expect(second).toBe(`${first}-2`)
  })

  test('are others in another batch', async () => {
    const contents = ['a,b', 'x', 'a,b']
    const ids = [...(await orderIds()(contents)), ...(await orderIds('first')(contents)), ...(await orderIds('second')(contents))]
    expect(new Set(ids).size).toBe(9)
    expect(await orderIds('first')(contents)).toEqual(ids.slice(3, 6))
  })

  test('stay what they have always been, or a second import would place every order again', async () => {
    expect(await orderIds()(['22632,22633', '22632,22633'])).toEqual(['VTXFQZQQPCN0K7NW', 'VTXFQZQQPCN0K7NW-2'])
  })
})
