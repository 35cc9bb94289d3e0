/** What went wrong between this device and the server, as a value that the loop can read. It never leaves `sync/`. */
import { ErrorAnswer, errorCodes, type SyncErrorCode } from './protocol.ts'

export type FaultCode =
  | SyncErrorCode
  /** No answer came: there is no network, or nobody listens. */
  | 'unreachable'
  /** Nothing was heard for too long. */
  | 'timeout'
  /** What was answered is not what the protocol says: some other server, a sign-in page of the network. */
  | 'unreadable'
  /** `token` failed. */
  | 'no-token'
  /** Taken back: something happened that makes another try worth while at once. */
  | 'interrupted'

/** What the server says beside the code. */
export type FaultDetails = { readonly [K in keyof ErrorAnswer['error']]?: ErrorAnswer['error'][K] | undefined }

export class SyncFault extends Error {
  override readonly name = 'SyncFault'
  readonly code: FaultCode
  readonly details: FaultDetails
  /** How long the server wants to be left alone. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: FaultCode,
    message: string,
    { cause, details = {}, retryAfterMs }: { cause?: unknown; details?: FaultDetails; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, { cause })
    this.code = code
    this.details = details
    this.retryAfterMs = retryAfterMs
  }
}

/** @param now for a `Retry-After` that names an instant */
export function faultOf(response: Response, body: string, path: string, now: number): SyncFault {
  const { status } = response
  const told = ErrorAnswer.safeParse(jsonOf(body))
  const details: FaultDetails = told.success ? told.data.error : {}
  const known = details.code !== undefined && Object.hasOwn(errorCodes, details.code)
  // A proxy in between answers without a code.
  const code = known ? (details.code as SyncErrorCode) : (codeOfStatus(status) ?? (status < 500 ? 'unreadable' : 'internal'))
  return new SyncFault(code, `The server answered ${path} with ${status}${details.message === undefined ? '.' : `: ${details.message}`}`, {
    details,
    retryAfterMs: retryAfterMs(response.headers.get('Retry-After'), now),
  })
}

const codeOfStatus = (status: number): SyncErrorCode | undefined =>
  status === 409 ? undefined : (Object.keys(errorCodes) as SyncErrorCode[]).find((code) => errorCodes[code] === status)

/** Seconds, or an HTTP date. */
function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** @returns undefined where it is none */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
