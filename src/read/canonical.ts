/** One string for each distinct query, whatever the order of its fields: watchers of equal queries share one evaluation. */
import { isPlain } from '../internal/same-value.ts'

let strangers = 0

/** Equal values, equal strings; different values, different ones. What cannot be told apart by content is equal to nothing. */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'object':
      return value === null ? 'null' : canonicalObject(value)
    default:
      return `stranger ${++strangers}`
  }
}

function canonicalObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value instanceof Date) return `date ${value.getTime()}`
  if (value instanceof Map) return `map ${canonical([...value])}`
  if (value instanceof Set) return `set ${canonical([...value])}`
  if (!isPlain(value)) return `stranger ${++strangers}`
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`
}
