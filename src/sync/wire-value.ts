/** Values as JSON takes them. Most are JSON already; the others (Dates, Maps, BigInts, `undefined`, bytes) are packed. */
import { parse, stringify } from 'devalue'
import type { WireValue } from './protocol.ts'

/** The inverse of {@link fromWire}. */
export const toWire = (value: unknown): WireValue => (isJson(value) ? { json: value as never } : { packed: stringify(value) })

/** The inverse of {@link toWire}. @throws where it was packed by something else */
export const fromWire = (value: WireValue): unknown => ('json' in value ? value.json : parse(value.packed))

/** True where `JSON.parse(JSON.stringify(value))` is the same. */
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean'
  if (value === null) return true
  if (Array.isArray(value)) return value.every(isJson) && Object.keys(value).length === value.length
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.keys(value).every((key) => key !== '__proto__' && isJson((value as Record<string, unknown>)[key]))
}
