/** What this browser, or server, lacks. */
import { OutpostError } from '../errors.ts'

const needed = ['Worker', 'indexedDB', 'indexedDB.databases', 'navigator.locks', 'crypto.subtle']

/** @returns `unsupported`, naming what is missing, or undefined */
export function unsupported(): OutpostError | undefined {
  const missing = needed.filter((path) => !isThere(path))
  if (missing.length === 0) return undefined
  const why = globalThis.isSecureContext === false ? 'Serve over HTTPS.' : 'This is no browser or too old.'
  return new OutpostError('unsupported', `Outpost needs ${missing.join(', ')}. ${why}`, { missing })
}

/** What lies in nothing throws, and so does what the page is forbidden. */
function isThere(path: string): boolean {
  try {
    return path.split('.').reduce((owner: unknown, name) => (owner as Readonly<Record<string, unknown>>)[name], globalThis) !== undefined
  } catch {
    return false
  }
}
