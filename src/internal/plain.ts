/**
 * Values that are shared and kept: frozen, so that a handler that changes one in place fails; and made only of what storage,
 * threads and exports give back as it was.
 */

/** Built-in objects that are kept whole. */
const KEPT = new Set(['Date', 'RegExp', 'ArrayBuffer', 'Map', 'Set'])

/** Freezes a value with all its parts. A part that is frozen already is taken to be so throughout. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}

/**
 * Freezes a value, and checks that it can be kept.
 *
 * @returns about how many bytes it takes
 * @throws TypeError naming the part that is a function, a class instance, a Blob or another thing that cannot be kept
 */
export function keep(value: unknown): number {
  try {
    return freeze(value)
  } catch (error) {
    if (!(error instanceof NotKept)) throw error
    const path = pathTo(error.part, value)
    throw new TypeError(`${path === '' ? 'it' : `"${path}"`} is ${describe(error.part)}, which cannot be kept: use plain data`)
  }
}

class NotKept extends Error {
  readonly part: unknown
  constructor(part: unknown) {
    super()
    this.part = part
  }
}

function freeze(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value === 'function' || typeof value === 'symbol') throw new NotKept(value)
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (Object.isFrozen(value)) return 8
  if (!Array.isArray(value) && !isPlain(value)) return sizeOfBuiltIn(value)
  Object.freeze(value)
  let bytes = 8
  for (const [key, part] of Object.entries(value)) bytes += key.length + freeze(part)
  return bytes
}

function sizeOfBuiltIn(value: object): number {
  if (!KEPT.has(tagOf(value))) throw new NotKept(value)
  if (value instanceof ArrayBuffer) return value.byteLength
  let bytes = 8
  if (value instanceof Map || value instanceof Set) for (const entry of value.entries()) bytes += freeze(entry[0]) + freeze(entry[1])
  return bytes
}

/** By its chain of prototypes, because a value may come from another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1)

function pathTo(part: unknown, within: unknown, seen = new Set<unknown>()): string | undefined {
  if (Object.is(part, within)) return ''
  if (typeof within !== 'object' || within === null || seen.has(within)) return undefined
  seen.add(within)
  for (const [key, value] of within instanceof Map ? within : Object.entries(within)) {
    const rest = pathTo(part, value, seen)
    if (rest !== undefined) return rest === '' ? String(key) : `${String(key)}.${rest}`
  }
  return undefined
}

const describe = (part: unknown): string =>
  typeof part === 'object' && part !== null ? `a ${part.constructor?.name || tagOf(part)}` : `a ${typeof part}`
