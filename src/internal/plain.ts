/**
 * Values that are shared and kept: frozen, so that a handler that changes one in place fails; and made only of what storage,
 * threads and exports give back as it was.
 */
import { isPlain } from './same-value.ts'

/** Built-in objects that are kept whole. */
const KEPT = new Set(['Date', 'RegExp', 'ArrayBuffer', 'Map', 'Set'])

/** What is frozen throughout and can be kept: a state shares most of its parts with the one before it, and they are not walked again. */
const known = new WeakSet<object>()

/** Freezes a value with all its parts. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) freezeParts(value, new Set())
  return value
}

/** @param met what was frozen before: it may hold parts that are not (zod's `readonly` makes such), and parts may form a circle */
function freezeParts(value: object, met: Set<object>): void {
  if (ArrayBuffer.isView(value) || met.has(value) || known.has(value)) return
  if (Object.isFrozen(value)) met.add(value)
  else Object.freeze(value)
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freezeParts(part as object, met)
}

/**
 * Freezes a value, and checks that it can be kept.
 *
 * @returns about how many bytes it takes
 * @throws TypeError naming the part that is a function, a class instance, a Blob or another thing that cannot be kept
 */
export function keep(value: unknown): number {
  const met = new Set<object>()
  try {
    const bytes = keepParts(value, met)
    for (const part of met) if (Object.isFrozen(part)) known.add(part)
    return bytes
  } catch (error) {
    if (!(error instanceof NotKept)) throw error
    const path = pathTo(error.part, value)
    throw new TypeError(`${path ? `"${path}"` : 'it'} ${error.problem}, which cannot be kept: use plain data`)
  }
}

class NotKept extends Error {
  readonly part: unknown
  readonly problem: string
  constructor(part: unknown, problem = `is ${describe(part)}`) {
    super()
    this.part = part
    this.problem = problem
  }
}

function keepParts(value: unknown, met: Set<object>): number {
  if (typeof value === 'string') return value.length
  if (typeof value === 'function' || typeof value === 'symbol') throw new NotKept(value)
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value)) {
    if (tagOf(value.buffer) !== 'ArrayBuffer') throw new NotKept(value, 'is a view of shared memory')
    return value.byteLength
  }
  if (met.has(value) || known.has(value)) return 8
  if (!Array.isArray(value) && !isPlain(value)) return keepBuiltIn(value, met)
  met.add(Object.freeze(value))
  const parts = Object.entries(value)
  // What structured cloning drops of an object, and exports drop of a list.
  if (Object.getOwnPropertySymbols(value).length > 0) throw new NotKept(value, 'has a field named by a symbol')
  const last = parts[parts.length - 1]?.[0]
  if (Array.isArray(value) && last !== undefined && String(Number(last) >>> 0) !== last)
    throw new NotKept(value, `is a list with a field "${last}"`)
  let bytes = 8
  for (const [key, part] of parts) bytes += key.length + keepParts(part, met)
  return bytes
}

function keepBuiltIn(value: object, met: Set<object>): number {
  if (!KEPT.has(tagOf(value))) throw new NotKept(value)
  if (value instanceof ArrayBuffer) return value.byteLength
  met.add(value)
  let bytes = 8
  if (value instanceof Map || value instanceof Set)
    for (const entry of value.entries()) bytes += keepParts(entry[0], met) + keepParts(entry[1], met)
  return bytes
}

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1)

function pathTo(part: unknown, within: unknown, seen = new Set<unknown>()): string | undefined {
  if (Object.is(part, within)) return ''
  if (typeof within !== 'object' || within === null || seen.has(within)) return undefined
  seen.add(within)
  const parts = within instanceof Map ? within : within instanceof Set ? [...within].entries() : Object.entries(within)
  for (const [key, value] of parts) {
    const rest = pathTo(part, value, seen)
    if (rest !== undefined) return rest === '' ? String(key) : `${String(key)}.${rest}`
  }
  return undefined
}

const describe = (part: unknown): string =>
  typeof part === 'object' && part !== null ? `a ${part.constructor?.name || tagOf(part)}` : `a ${typeof part}`
