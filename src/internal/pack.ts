/**
 * Values as text, for what leaves the thread: exports, the wire, text columns. Everything that `plain.ts` keeps comes back as it
 * was, parts that are shared or hold themselves too. The notation is that of devalue (https://github.com/sveltejs/devalue), so
 * that others have a library for it. It is not that library, which brings 3.4 kB (gzipped) into every worker where 1.1 do:
 *
 *     [{"at":1,"tags":2}, ["Date","2026-01-01T00:00:00.000Z"], ["Set",3], "a"]
 *
 * A list of parts, the whole first, in which a part names others by their index; what JSON has no word for is a negative one.
 * Only a field called `__proto__`, which that library refuses, is one like any other here. An object without a prototype comes
 * back with one, as it does from a structured clone.
 */
import { isPlain } from './same-value.ts'

/** What JSON has no word for, by its index. */
const LITERALS: readonly (readonly [number, unknown])[] = [
  [-1, undefined],
  [-3, NaN],
  [-4, Infinity],
  [-5, -Infinity],
]
/** A Map does not tell it from 0. */
const NEGATIVE_ZERO = -6
/** Stands for the length of a list with holes, and pairs of index and part. */
const SPARSE = -7
/** In the place of an element: there is none. */
const HOLE = -2

const VIEW = /^((Big)?(Int|Uint|Float)\d+(Clamped)?Array|DataView)$/
/** Deeper than this nobody nests data; what walks a value must not run out of stack. */
export const MAX_DEPTH = 200

/** True where `JSON.parse(JSON.stringify(value))` is the same. */
export function isJson(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean'
  if (value === null) return true
  if (depth > MAX_DEPTH) return false
  if (Array.isArray(value)) return Object.keys(value).length === value.length && value.every((part) => isJson(part, depth + 1))
  return isPlain(value) && Object.values(value).every((part) => isJson(part, depth + 1))
}

/** @throws TypeError for functions, symbols, class instances */
export function pack(value: unknown): string {
  const parts: unknown[] = []
  const places = new Map(LITERALS.map(([index, literal]) => [literal, index]))

  const place = (part: unknown): number => {
    if (Object.is(part, -0)) return NEGATIVE_ZERO
    const known = places.get(part)
    if (known !== undefined) return known
    const index = parts.push(0) - 1
    places.set(part, index)
    parts[index] = packed(part)
    return index
  }

  const packed = (part: unknown): unknown => {
    if (typeof part === 'bigint') return ['BigInt', String(part)]
    if (typeof part === 'function' || typeof part === 'symbol') throw new TypeError(`A ${typeof part} cannot be packed`)
    if (typeof part !== 'object' || part === null) return part
    if (Array.isArray(part)) return packedList(part)
    const type = Object.prototype.toString.call(part).slice(8, -1)
    if (part instanceof Date) return [type, Number.isNaN(part.getTime()) ? '' : part.toISOString()]
    if (part instanceof RegExp) return [type, part.source, part.flags]
    if (part instanceof Map) return [type, ...[...part].flat().map(place)]
    if (part instanceof Set) return [type, ...[...part].map(place)]
    if (part instanceof ArrayBuffer) return [type, base64Of(part)]
    if (ArrayBuffer.isView(part)) return [type, place(ownBytes(part))]
    if (!isPlain(part)) throw new TypeError(`A ${type} cannot be packed`)
    const fields: [string, unknown][] = Object.entries(part)
    for (const field of fields) field[1] = place(field[1])
    return Object.fromEntries(fields)
  }

  const packedList = (list: readonly unknown[]): unknown => {
    const indexes = Object.keys(list)
    return indexes.length === list.length
      ? list.map(place)
      : [SPARSE, list.length, ...indexes.flatMap((i) => [Number(i), place(list[Number(i)])])]
  }

  const root = place(value)
  return JSON.stringify(root < 0 ? root : parts)
}

/** The inverse of {@link pack}; the text may be a stranger's. @throws where nobody packed it so */
export function unpack(text: string): unknown {
  const told = JSON.parse(text) as unknown
  const parts: readonly unknown[] = Array.isArray(told) ? told : []
  const made = new Map<unknown, unknown>([...LITERALS, [NEGATIVE_ZERO, -0]])

  const partAt = (index: unknown): unknown => {
    if (made.has(index)) return made.get(index)
    const part = typeof index === 'number' ? parts[index] : undefined
    if (part === undefined) throw invalid()
    // Kept before the parts in it are made: they may name it.
    const keep = <T>(value: T): T => {
      made.set(index, value)
      return value
    }
    if (typeof part !== 'object' || part === null) return keep(part)
    if (!Array.isArray(part)) return fill(keep({}), part)
    if (typeof part[0] === 'string') return typed(part[0], part.slice(1), keep)
    const list = keep(part[0] === SPARSE ? listOf(part[1]) : Array<unknown>(part.length))
    if (part[0] === SPARSE)
      for (let i = 2; i < part.length; i += 2) {
        const place: unknown = part[i]
        if (!isIndex(place) || place >= list.length) throw invalid()
        list[place] = partAt(part[i + 1])
      }
    else for (let i = 0; i < part.length; i++) if (part[i] !== HOLE) list[i] = partAt(part[i])
    return list
  }

  const typed = (type: string, rest: readonly unknown[], keep: <T>(value: T) => T): unknown => {
    const [first, second = ''] = rest
    switch (type) {
      case 'Date':
        return keep(new Date(String(first)))
      case 'RegExp':
        return keep(new RegExp(String(first), String(second)))
      case 'BigInt':
        return keep(BigInt(String(first)))
      case 'ArrayBuffer':
        return keep(Uint8Array.from(atob(String(first)), (unit) => unit.charCodeAt(0)).buffer)
      case 'Set': {
        const set = keep(new Set())
        for (const index of rest) set.add(partAt(index))
        return set
      }
      case 'Map': {
        const map = keep(new Map())
        for (let i = 0; i < rest.length; i += 2) map.set(partAt(rest[i]), partAt(rest[i + 1]))
        return map
      }
    }
    const View = VIEW.test(type) && (globalThis as unknown as Record<string, new (...of: unknown[]) => unknown>)[type]
    const buffer = View && partAt(first)
    if (!View || !(buffer instanceof ArrayBuffer)) throw invalid()
    return keep(new View(buffer, ...rest.slice(1)))
  }

  const fill = (object: Record<string, unknown>, fields: object): unknown => {
    for (const [name, index] of Object.entries(fields)) {
      const value = partAt(index)
      // Assigned, this one would be the object's prototype.
      if (name === '__proto__') Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
      else object[name] = value
    }
    return object
  }

  return partAt(typeof told === 'number' ? told : 0)
}

const invalid = (): TypeError => new TypeError('The text is none of a packed value')

const isIndex = (value: unknown): value is number => typeof value === 'number' && value >>> 0 === value

/** A list of holes. Its length may be a claim, so nothing is reserved: with an element at its far end, it is kept as a table. */
function listOf(length: unknown): unknown[] {
  if (!isIndex(length)) throw invalid()
  const list: unknown[] = []
  if (length === 0) return list
  list[length - 1] = 0
  list.length = length - 1
  list.length++
  return list
}

/** The bytes of a view without those around them, which may be of something else. */
const ownBytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView): ArrayBufferLike =>
  byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)

function base64Of(buffer: ArrayBuffer): string {
  let text = ''
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte)
  return btoa(text)
}
