/** What this browser, or server, lacks. */
import { OutpostError } from '../errors.ts'

const needed: Readonly<Record<string, () => unknown>> = {
  'Worker': () => globalThis.Worker,
  'MessageChannel': () => globalThis.MessageChannel,
  'indexedDB': () => globalThis.indexedDB,
  'navigator.locks': () => globalThis.navigator.locks,
  'crypto.subtle': () => globalThis.crypto.subtle,
}

/** @returns `unsupported`, naming what is missing, or undefined */
export function unsupported(): OutpostError | undefined {
  const missing = Object.keys(needed).filter((name) => !isThere(needed[name] as () => unknown))
  if (missing.length === 0) return undefined
  const why = isOnServer()
    ? 'This is no browser: connect there, and render without data here.'
    : globalThis.isSecureContext
      ? 'This browser is too old, or forbids it to this page (a sandboxed frame, blocked site data).'
      : 'This origin is not secure: serve the page over HTTPS, or from localhost.'
  return new OutpostError('unsupported', `Outpost needs ${missing.join(', ')}. ${why}`, { missing })
}

export const isOnServer = (): boolean => typeof document === 'undefined'

/** Some getters throw where the page is forbidden the use. */
function isThere(get: () => unknown): boolean {
  try {
    return get() !== undefined
  } catch {
    return false
  }
}
