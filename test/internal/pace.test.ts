import { expect, test } from 'vitest'
import { Pace } from '../../src/internal/pace.ts'

test('the longer a write took, the later the next one, within bounds', async () => {
  let now = 0
  const pace = new Pace(2_000, () => now)
  const takes = (ms: number) => pace.measure(() => Promise.resolve((now += ms)))
  expect(pace.longestMs).toBe(2_000)
  await takes(100)
  expect(pace.longestMs).toBe(2_000)
  await takes(700)
  expect(pace.longestMs).toBe(7_000)
  await takes(60_000)
  expect(pace.longestMs).toBe(20_000)
  await takes(1)
  expect(pace.longestMs).toBe(2_000)
})

test('a write that failed counts as well: what made it slow is still there', async () => {
  let now = 0
  const pace = new Pace(2_000, () => now)
  const failing = pace.measure(() => {
    now += 1_000
    return Promise.reject(new Error('no space'))
  })
  await expect(failing).rejects.toThrow('no space')
  expect(pace.longestMs).toBe(10_000)
})
