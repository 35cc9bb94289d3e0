/** Waiting, on the clock of the environment. */
import type { Environment } from '../engine/engine.ts'

/** Resolves with whether the promise settled in time; a rejection counts as settled. */
export function within(promise: Promise<unknown>, deadlineMs: number, environment: Environment): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = environment.later(deadlineMs, () => resolve(false))
    const settled = (): void => {
      cancel()
      resolve(true)
    }
    promise.then(settled, settled)
  })
}

/** Resolves in a later task, so that others get their turn in between; unlike a timeout without a least delay. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}

/** Doubles from the first delay up to the longest. */
export const backoff = (failures: number, firstMs: number, longestMs: number): number => Math.min(firstMs * 2 ** (failures - 1), longestMs)

/** From 0 to 1, so that several tabs do not do the same thing at the same time. */
export const jitter = ({ random = Math.random }: Environment): number => random()

/** Resolves when the signal aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
