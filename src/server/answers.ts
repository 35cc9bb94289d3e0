/** Answers as HTTP has them. */
import type { SyncFault } from './sync-fault.ts'

/** With its length, by which small ones are not compressed. */
export function answer(status: number, json: string, more: Readonly<Record<string, string>> = {}): Response {
  const bytes = new TextEncoder().encode(json)
  return new Response(bytes, {
    status,
    headers: { 'content-type': 'application/json', 'content-length': String(bytes.byteLength), 'cache-control': 'no-store', ...more },
  })
}

/** The answer to a request that is not processed. @param allow the methods that its path has */
export const refusal = (fault: SyncFault, allow?: string): Response =>
  answer(fault.status, JSON.stringify(fault.body), {
    ...(fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }),
    ...(fault.code === 'unauthenticated' ? { 'www-authenticate': 'Bearer' } : {}),
    ...(allow === undefined ? {} : { allow }),
  })
