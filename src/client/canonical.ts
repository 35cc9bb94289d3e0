let last = 0

/**
 * One text for equal values, whatever the order of their keys: what makes two descriptions one query, and two rows one row.
 * What cannot be looked into (a Blob) equals nothing.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : typeof value + String(value)
  return `${value.constructor?.name}[${partsOf(value).map(canonical).join()}]`
}

function partsOf(value: object): unknown[] {
  if (value instanceof Date) return [value.getTime()]
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)]
  const isPlain = value.constructor === undefined || value.constructor === Object
  return isPlain
    ? Object.keys(value)
        .sort()
        .map((key) => [key, (value as Record<string, unknown>)[key]])
    : [++last]
}
