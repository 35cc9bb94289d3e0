/** Foreign errors become Outpost's here and nowhere else; they stay reachable as `cause`. */
import { messageOf, OutpostError } from '../../errors.ts'

/** @param doing what failed, on which database: the beginning of the message */
export function translateError(error: unknown, doing: string, details: Readonly<Record<string, unknown>> = {}): OutpostError {
  if (error instanceof OutpostError) return error
  const name = nameOf(error)
  if (name === 'QuotaExceededError') {
    return new OutpostError(
      'storage-full',
      `${doing}: the browser refused the space. Nothing was written; free space, then try again.`,
      details,
      error,
    )
  }
  const next = details['inDoubt'] ? 'It may have been written: read before writing again.' : 'Reload; if it stays, export and restore.'
  return new OutpostError('storage-failed', `${doing} failed (${name}: ${messageOf(error)}). ${next}`, details, error)
}

/**
 * True for errors that mean "this connection is gone", where a fresh one may well work: backgrounded pages in WebKit, a crashed
 * storage process, Chromium's "Internal error opening backing store". Ask only about errors that the adapter did not cause.
 */
export function isConnectionLoss(error: unknown): boolean {
  const name = nameOf(error)
  if (name === 'InvalidStateError' || name === 'AbortError') return true
  return name === 'UnknownError' && /^$|connection|backing store|in-progress transaction|internal error/i.test(messageOf(error))
}

/** By name, because Chromium’s QuotaExceededError is a class of its own. */
export const nameOf = (error: unknown): string => (error instanceof Error || error instanceof DOMException ? error.name : 'Error')
