let last = 0

/**
 * One text for equal values, whatever the order of their keys: what makes two descriptions one query, and two rows one row.
 * What cannot be looked into (a Blob, a function) equals nothing.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Object(value) !== value) return Object.is(value, -0) ? '-0' : typeof value + String(value)
  // Not its own `constructor`: that is a field like any other.
  const { name } = ((Object.getPrototypeOf(value) as object | null) ?? Object.prototype).constructor
  return `${name}[${partsOf(value as object, name)
    .map(canonical)
    .join()}]`
}

function partsOf(value: object, name: string): unknown[] {
  if (value instanceof Date) return [value.getTime()]
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)]
  return name === 'Object'
    ? Object.keys(value)
        .sort()
        .map((key) => [key, (value as Record<string, unknown>)[key]])
    : [++last]
}
