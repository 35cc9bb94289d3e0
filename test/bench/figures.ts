/** Figures of the page's main thread, as people read them. */
import { duration } from '../../demo/src/measure/figures.ts'

/** What the longest task of a page's main thread was; those below 50 ms are not told by browsers. */
export const longestTask = (ms: number): string =>
  ms === 0 ? 'no task of the main thread took 50 ms' : `the longest task of the main thread took ${duration(ms)}`
