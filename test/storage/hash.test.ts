import { describe, expect, test } from 'vitest'
import { hash53 } from '../../src/storage/hash.ts'

/** Chi-squared of 2¹² buckets: for an even spread 4,095 ± 90. */
function unevenness(hashes: readonly number[], bucketOf: (hash: number) => number): number {
  const buckets = new Float64Array(4096)
  for (const hash of hashes) buckets[bucketOf(hash)] = (buckets[bucketOf(hash)] as number) + 1
  const even = hashes.length / buckets.length
  return buckets.reduce((sum, count) => sum + (count - even) ** 2 / even, 0)
}

const families: Record<string, (i: number) => string> = {
  'counted ids': (i) => `order-${i}`,
  'ids of consequences': (i) => `9f1c2a7e-5b1d-4c0e-8a53-${String(i >> 3).padStart(12, '0')}.${i & 7}`,
  'ids that differ in their first letters': (i) => `${i.toString(36).padStart(6, '0')}-4c0e-8a53-9f1c2a7e5b1d`,
  'one letter repeated': (i) => 'a'.repeat(i % 500) + Math.floor(i / 500),
  'ids beyond Latin': (i) => `商品/${String.fromCharCode(0x4e00 + (i % 20_000))}${Math.floor(i / 20_000)}`,
}

describe('hash53', () => {
  test('is part of the format on disk: these values never change', () => {
    const texts = ['', 'a', 'b', 'aa', 'order-1', 'stockItem/85123A', '9f1c2a7e-5b1d-4c0e-8a53-000000000001.0', '\ud83d\ude00', '\ud83d']
    expect(texts.map(hash53)).toEqual([
      2_443_361_795_255_870, 3_910_555_604_032_803, 8_255_031_888_905_673, 8_579_575_196_227_433, 1_652_109_738_159_424,
      5_969_676_223_092_103, 4_059_348_686_846_012, 4_102_666_061_290_853, 6_485_383_915_307_615,
    ])
  })

  test.each(Object.keys(families))('spreads %s evenly over its highest, middle and lowest bits', (family) => {
    const hashes = Array.from({ length: 200_000 }, (_, i) => hash53((families[family] as (i: number) => string)(i)))
    expect(hashes.every((hash) => Number.isSafeInteger(hash) && hash >= 0)).toBe(true)
    expect(new Set(hashes).size).toBe(hashes.length)
    for (const divisor of [2 ** 41, 2 ** 32, 2 ** 20, 1]) {
      expect(unevenness(hashes, (hash) => Math.floor(hash / divisor) % 4096)).toBeLessThan(4095 + 6 * 90)
    }
  })

  test('turns about half of its bits when one unit of a text changes', () => {
    let turned = 0
    for (let i = 0; i < 10_000; i++) {
      const [a, b] = [BigInt(hash53(`order-${i}-line`)), BigInt(hash53(`order-${i}-lind`))]
      turned += (a ^ b).toString(2).replaceAll('0', '').length
    }
    expect(turned / 10_000).toBeGreaterThan(25.5)
    expect(turned / 10_000).toBeLessThan(27.5)
  })
})
