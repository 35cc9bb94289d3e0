import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseOrder } from '../../demo/src/import/parse-order.ts'

describe('one line of an order file', () => {
  test('is an order of its codes, one unit each, a repeated code being more units', () => {
    expect(parseOrder(' 22632, POST ,22632,bank charges')).toEqual({
      kind: 'order',
      content: '22632,POST,22632,bank charges',
      lines: [
        { sku: '22632', quantity: 2 },
        { sku: 'POST', quantity: 1 },
        { sku: 'bank charges', quantity: 1 },
      ],
    })
  })

  test.each(['', '   ', '\t'])('is passed over where nothing is on it: %j', (text) => {
    expect(parseOrder(text)).toEqual({ kind: 'empty' })
  })

  test.each(['a,,b', ',', 'a,', ',a', 'a, ,b'])('is malformed where a code is empty: %j', (text) => {
    expect(parseOrder(text)).toMatchObject({ kind: 'malformed', problem: expect.stringMatching(/^Code \d of \d is empty/) })
  })

  test('is malformed where bytes were no UTF-8', () => {
    expect(parseOrder('a\ufffd,b')).toMatchObject({ kind: 'malformed' })
  })

  test.each(['__proto__', 'constructor', '"a"', 'A/B', '0', '😀'])('takes any text without a comma for a code: %s', (code) => {
    expect(parseOrder(`${code},x,${code}`)).toMatchObject({
      lines: [
        { sku: code, quantity: 2 },
        { sku: 'x', quantity: 1 },
      ],
    })
  })

  test('holds as many units as codes stand on it', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'B', 'c d', '__proto__'), { minLength: 1 }), (codes) => {
        const parsed = parseOrder(codes.join(' , '))
        expect(parsed.kind === 'order' && parsed.lines.reduce((sum, line) => sum + line.quantity, 0)).toBe(codes.length)
        expect(parsed.kind === 'order' && parsed.content).toBe(codes.join(','))
      }),
    ))
})
