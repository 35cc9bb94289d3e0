/** Whatever is thrown ↔ plain data. Structured clone and Comlink both lose an error's `code`, `details` or `cause`. */
import { type ErrorCode, OutpostError } from '../errors.ts'

export type ErrorData =
  | {
      readonly kind: 'outpost'
      readonly code: ErrorCode
      readonly message: string
      readonly details: Readonly<Record<string, unknown>>
      readonly stack?: string
      readonly cause?: ErrorData
    }
  | {
      readonly kind: 'error' | 'domException'
      readonly name: string
      readonly message: string
      readonly stack?: string
      readonly cause?: ErrorData
    }
  /** Thrown, but no error. */
  | { readonly kind: 'value'; readonly value: unknown }

/** A chain of causes may be a circle. */
const maxCauses = 8

/** The inverse of {@link decodeError}. Never throws. */
export function encodeError(thrown: unknown, causes = maxCauses): ErrorData {
  if (!isError(thrown)) return { kind: 'value', value: cloneable(thrown) }
  const rest = {
    message: thrown.message,
    ...(thrown.stack === undefined ? {} : { stack: thrown.stack }),
    ...(thrown.cause === undefined || causes === 0 ? {} : { cause: encodeError(thrown.cause, causes - 1) }),
  }
  // By shape: two bundles in one realm have two classes.
  if (thrown.name === 'OutpostError') {
    const { code, details } = thrown as OutpostError
    return { kind: 'outpost', code, details: cloneable(details ?? {}) as Record<string, unknown>, ...rest }
  }
  return {
    kind: typeof DOMException !== 'undefined' && thrown instanceof DOMException ? 'domException' : 'error',
    name: thrown.name,
    ...rest,
  }
}

/** The inverse of {@link encodeError}: an {@link OutpostError}, an error of the same name, or the value. */
export function decodeError(data: ErrorData): unknown {
  if (data.kind === 'value') return data.value
  const cause = data.cause && decodeError(data.cause)
  const error =
    data.kind === 'outpost'
      ? new OutpostError(data.code, data.message, data.details, cause)
      : data.kind === 'domException' && typeof DOMException !== 'undefined'
        ? new DOMException(data.message, data.name)
        : Object.assign(new Error(data.message, cause === undefined ? undefined : { cause }), { name: data.name })
  // Where it was thrown says more than where it was decoded.
  if (data.stack !== undefined) Object.defineProperty(error, 'stack', { value: data.stack, configurable: true, writable: true })
  return error
}

/** As {@link decodeError}, for places that promise an error. */
export function decodeAsError(data: ErrorData): Error {
  const decoded = decodeError(data)
  return isError(decoded) ? decoded : new Error(`Thrown in the worker: ${String(decoded)}`, { cause: decoded })
}

const isError = (thrown: unknown): thrown is Error =>
  thrown instanceof Error || (typeof DOMException !== 'undefined' && thrown instanceof DOMException)

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
