/** One text for equal values, whatever the order of their keys: what makes two descriptions one query, and two rows one row. */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof Map || value instanceof Set) return `${value instanceof Map ? 'Map' : 'Set'}${canonical([...value])}`
  if (value instanceof ArrayBuffer) return canonical(new Uint8Array(value))
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name}(${new Uint8Array(value.buffer, value.byteOffset, value.byteLength).join()})`
  const entries = Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`)
  return `{${entries.sort().join()}}`
}
