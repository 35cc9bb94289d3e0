/** A clock that stands until the test moves it; what was put off until then runs in order of its time. */
export interface TestClock {
  readonly now: () => number
  readonly later: (delayMs: number, run: () => void) => () => void
  /** Moves on, running what falls due; lets asynchronous work in between come to rest. */
  advance(ms: number): Promise<void>
  /** Moves on as where the machine slept: the time is another one, and what was put off still has as long to go. */
  sleep(ms: number): void
}

/** Lets promises and storage callbacks run until nothing more follows at once. */
export async function settle(rounds = 20): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise((resolve) => setImmediate(resolve))
}

export function createTestClock(startAt = 1_000_000): TestClock {
  let now = startAt
  const waiting = new Set<{ at: number; readonly run: () => void }>()
  return {
    now: () => now,
    later(delayMs, run) {
      const entry = { at: now + delayMs, run }
      waiting.add(entry)
      return () => void waiting.delete(entry)
    },
    async advance(ms) {
      const until = now + ms
      await settle()
      for (;;) {
        const next = [...waiting].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        waiting.delete(next)
        now = Math.max(now, next.at)
        next.run()
        await settle()
      }
      now = until
    },
    sleep(ms) {
      now += ms
      for (const entry of waiting) entry.at += ms
    },
  }
}
