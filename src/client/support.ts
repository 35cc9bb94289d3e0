/** What this browser, or server, lacks. */
import { OutpostError } from '../errors.ts'

const needed = ['Worker', 'indexedDB', 'navigator.locks', 'crypto.subtle']

/** @returns `unsupported`, naming what is missing, or undefined */
export function unsupported(): OutpostError | undefined {
  const missing = needed.filter((path) => !isThere(path.split('.')))
  if (missing.length === 0) return undefined
  const why =
    typeof document === 'undefined'
      ? 'This is no browser: connect there.'
      : globalThis.isSecureContext
        ? 'This browser is too old, or forbids it to this page.'
        : 'Serve the page over HTTPS, or from localhost.'
  return new OutpostError('unsupported', `Outpost needs ${missing.join(', ')}. ${why}`, { missing })
}

/** Some getters throw where the page is forbidden the use. */
function isThere(path: readonly string[]): boolean {
  try {
    return path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], globalThis) !== undefined
  } catch {
    return false
  }
}
