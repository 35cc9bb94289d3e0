/** What the browser says of storage costs it a walk over its files: it is asked when the start is over, and seldom. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Surroundings } from '../../src/worker/surroundings.ts'

const estimate = vi.fn<() => Promise<StorageEstimate>>(async () => ({ usage: 12, quota: 100 }))
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('navigator', { storage: { estimate, persisted: async () => true } })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  estimate.mockClear()
})

test('it is asked a second after the start, and tells whoever listens', async () => {
  const surroundings = new Surroundings()
  const changed = vi.fn<() => void>()
  surroundings.listeners.add(changed)
  surroundings.estimate()
  await vi.advanceTimersByTimeAsync(900)
  expect(estimate).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(200)
  expect(surroundings.figures).toMatchObject({ persisted: true, usage: 12, quota: 100 })
  expect(changed).toHaveBeenCalledOnce()
})

test('it is asked again when the last answer is half a minute old, or somebody wants it now', async () => {
  const surroundings = new Surroundings()
  await vi.advanceTimersByTimeAsync(1_100)
  surroundings.estimate()
  expect(estimate).toHaveBeenCalledTimes(1)
  surroundings.estimate(0)
  expect(estimate).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(31_000)
  surroundings.estimate()
  expect(estimate).toHaveBeenCalledTimes(3)
})

test('one that was closed asks nothing', async () => {
  new Surroundings().close()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(estimate).not.toHaveBeenCalled()
})
