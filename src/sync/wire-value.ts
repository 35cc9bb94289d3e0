/** Values as JSON takes them. Most are JSON already; the others (Dates, Maps, BigInts, `undefined`, bytes) are packed. */
import { isJson, MAX_DEPTH, pack, unpack } from '../internal/pack.ts'
import type { WireValue } from './protocol.ts'

/** However short its text, a value may have so many parts: holes of lists, things that are named several times. */
const FREE_PARTS = 1000

/** The inverse of {@link fromWire}. */
export const toWire = (value: unknown): WireValue => (isJson(value) ? { json: value } : { packed: pack(value) })

/**
 * The inverse of {@link toWire}.
 *
 * @throws where it was packed by something else, or is more than it seems: nested too deep, a circle, or parts that name one
 * another so often that walking it takes far longer than sending it took
 */
export function fromWire(wire: WireValue): unknown {
  const [value, parts] = 'json' in wire ? [wire.json, Infinity] : [unpack(wire.packed), FREE_PARTS + wire.packed.length]
  checkExtent(value, 0, { left: parts })
  return value
}

/** @param budget parts that may still come, each counted wherever it is named: a tree takes more than one character for each */
function checkExtent(value: unknown, depth: number, budget: { left: number }): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  if (depth > MAX_DEPTH) throw new RangeError(`The value is nested deeper than ${MAX_DEPTH}, or in a circle: it is not taken.`)
  // A list's length may be a claim: nothing stands behind its holes.
  budget.left -= Array.isArray(value) ? value.length : 1
  if (budget.left < 0) throw new RangeError('The value unfolds to far more than was sent: it is not taken.')
  if (value instanceof Map)
    for (const [key, part] of value) {
      checkExtent(key, depth + 1, budget)
      checkExtent(part, depth + 1, budget)
    }
  else for (const part of value instanceof Set ? value : Object.values(value)) checkExtent(part, depth + 1, budget)
}
