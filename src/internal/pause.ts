/** Resolves after that time, or at once when the signal fires. */
export const pause = (later: (delayMs: number, run: () => void) => () => void, delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = later(delayMs, end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
