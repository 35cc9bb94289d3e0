/** Whatever is thrown ↔ plain data. Structured clone and Comlink both lose an error's `code`, `details` or `cause`. */
import { type ErrorCode, isOutpostError, OutpostError } from '../errors.ts'

export interface ErrorOnWire {
  /** Also what tells DOMExceptions apart; they come out as plain errors of that name. */
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly cause: ErrorData | undefined
  /** Of an {@link OutpostError}. */
  readonly code?: ErrorCode
  readonly details?: Readonly<Record<string, unknown>>
}

export type ErrorData = ErrorOnWire | { readonly thrown: unknown }

/** A chain of causes may be a circle. */
const maxCauses = 8

/** The inverse of {@link decodeError}. Never throws. */
export function encodeError(thrown: unknown, causes = maxCauses): ErrorData {
  if (!isError(thrown)) return { thrown: cloneable(thrown) }
  // Of what apps throw not even these need be text, and one that cannot cross would keep all others from crossing.
  const [name, message] = [describe(thrown.name), describe(thrown.message)]
  const stack = thrown.stack === undefined ? undefined : describe(thrown.stack)
  const cause = thrown.cause === undefined || causes === 0 ? undefined : encodeError(thrown.cause, causes - 1)
  if (!isOutpostError(thrown)) return { name, message, stack, cause }
  return { name, message, stack, cause, code: thrown.code, details: cloneable(thrown.details) as Record<string, unknown> }
}

const isError = (thrown: unknown): thrown is Error =>
  thrown instanceof Error || (typeof DOMException !== 'undefined' && thrown instanceof DOMException)

/** The inverse of {@link encodeError}: an {@link OutpostError}, an error of the same name, or what was thrown. */
export function decodeError(data: ErrorData): unknown {
  if ('thrown' in data) return data.thrown
  const { name, message, stack, code, details } = data
  const cause = data.cause && decodeError(data.cause)
  const error = code ? new OutpostError(code, message, details, cause) : new Error(message, cause === undefined ? undefined : { cause })
  // Where it was thrown says more than where it was decoded.
  return Object.assign(error, { name, stack })
}

/** As {@link decodeError}, for places that promise an error. */
export function decodeAsError(data: ErrorData): Error {
  const decoded = decodeError(data)
  return decoded instanceof Error ? decoded : new Error(String(decoded), { cause: decoded })
}

/** The value where it can cross, else what its text keeps of it. */
function cloneable(value: unknown, depth = 4): unknown {
  try {
    return structuredClone(value)
  } catch {
    if (typeof value !== 'object' || value === null || depth === 0) return describe(value)
    if (Array.isArray(value)) return value.map((part) => cloneable(part, depth - 1))
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, cloneable(part, depth - 1)]))
  }
}

const describe = (value: unknown): string => (typeof value === 'object' ? Object.prototype.toString.call(value) : String(value))
