import type { Sizes } from '../../../demo/src/measure/workloads.ts'

export const sizes: Sizes = {
  warmUps: 50,
  inSequence: 500,
  atOnce: 5000,
  stored: 10_000,
  updates: 1000,
  inBulk: 50_000,
  watched: 300,
  restMs: 1000,
}
