/** What a request is answered with that is not processed: a code of the protocol, and words for people. */
import { errorCodes, type ErrorAnswer, type SyncErrorCode } from '../sync/protocol.ts'

type Extra = Omit<ErrorAnswer['error'], 'code' | 'message'>

export class SyncFault extends Error {
  override readonly name = 'SyncFault'
  readonly code: SyncErrorCode
  readonly extra: Extra
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined

  /** @param message may be shown to anybody: it names nothing that the client did not send */
  constructor(code: SyncErrorCode, message: string, extra: Extra = {}, retryAfter?: number) {
    super(message)
    this.code = code
    this.extra = extra
    this.retryAfter = retryAfter
  }
  get status(): number {
    return errorCodes[this.code]
  }
  get body(): ErrorAnswer {
    return { error: { code: this.code, message: this.message, ...this.extra } }
  }
}

export const unavailable = (why: string): SyncFault => new SyncFault('unavailable', `${why} Nothing is lost: try again.`, {}, 1)
