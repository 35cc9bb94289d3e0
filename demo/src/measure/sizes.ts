/** How much this page measures: enough to see how things stand, in less than a minute. */
import { lists } from './task.ts'
import type { Sizes } from './workloads.ts'

export interface Plan {
  readonly sizes: Sizes
  /** Each workload on each subject so often, where the time suffices, and once at least; what is shown is the median. */
  readonly rounds: number
  /** No round begins that would not be through by then. */
  readonly budgetMs: number
}

const usual = { inSequence: 200, atOnce: 1000, stored: 2000, updates: 300, inBulk: 5000, watched: 100 }

/** `?measureSize=0.1` asks for a tenth of it. */
export function planFromAddress(search: string): Plan {
  const asked = Number(new URLSearchParams(search).get('measureSize'))
  const times = asked > 0 && asked <= 100 ? asked : 1
  const so = (size: number, least = 10): number => Math.max(least, Math.round(size * times))
  const sizes = {
    warmUps: so(20),
    inSequence: so(usual.inSequence),
    atOnce: so(usual.atOnce),
    // Every list has two rows at least.
    stored: so(usual.stored, 2 * lists),
    updates: so(usual.updates),
    inBulk: so(usual.inBulk, 2 * lists),
    watched: so(usual.watched),
    restMs: 300,
  }
  return { sizes, rounds: 3, budgetMs: 45_000 * Math.max(1, times) }
}
