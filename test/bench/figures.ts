/** Figures as people read them. */

/** Three digits that count, thousands apart. */
export const round = (value: number): string =>
  new Intl.NumberFormat('en-GB', value >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: value >= 100 ? 3 : 2 }).format(
    value,
  )

export const duration = (ms: number): string => (ms >= 1000 ? `${round(ms / 1000)} s` : `${round(ms)} ms`)

/** What the longest task of a page's main thread was; those below 50 ms are not told by browsers. */
export const longestTask = (ms: number): string =>
  ms === 0 ? 'no task of the main thread took 50 ms' : `the longest task of the main thread took ${duration(ms)}`
