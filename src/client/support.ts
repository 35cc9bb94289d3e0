/** What this browser, or server, lacks. */
import { OutpostError } from '../errors.ts'

const needed: Readonly<Record<string, () => unknown>> = {
  'Worker': () => Worker,
  'indexedDB': () => indexedDB,
  'indexedDB.databases': () => indexedDB.databases,
  'navigator.locks': () => navigator.locks,
  'crypto.subtle': () => crypto.subtle,
}

/** @returns `unsupported`, naming what is missing, or undefined */
export function unsupported(): OutpostError | undefined {
  const missing = Object.keys(needed).filter((name) => !isThere(needed[name] as () => unknown))
  if (missing.length === 0) return undefined
  const why = globalThis.isSecureContext === false ? 'Serve the page over HTTPS.' : 'This is no browser, or one too old.'
  return new OutpostError('unsupported', `Outpost needs ${missing.join(', ')}. ${why}`, { missing })
}

/** What is not there throws, and so does what the page is forbidden. */
function isThere(get: () => unknown): boolean {
  try {
    return get() !== undefined
  } catch {
    return false
  }
}
