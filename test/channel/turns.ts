/** Time, as page and worker in one realm have it. */
import { vi } from 'vitest'

/** Lets both threads do what they have to do: some turns of the one event loop that they share here. */
export async function turns(count = 6): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets time pass (with fake timers), and both threads act in it. */
export async function pass(ms: number, stepMs = 50): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await vi.advanceTimersByTimeAsync(stepMs)
    await turns()
  }
}

/** Node has an event loop to itself: everything but timers stays real. */
export const fakeTimers = (): void => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })

/** What it rejects with; listened to from now on, so that it may be looked at later. */
export const rejectionOf = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    (value) => Promise.reject(new Error(`It resolved, with ${JSON.stringify(value)}.`)),
    (error: unknown) => error,
  )
