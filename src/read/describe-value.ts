/** A value in a sentence about what it should have been: itself where that is short, else what it is. */
export const describeValue = (value: unknown): string =>
  value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number'
    ? String(value)
    : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
