/** The token that requests carry: asked for once, and again when it was refused. */
import { messageOf } from '../errors.ts'
import { SyncFault } from './fault.ts'

/** undefined where the server asks for none. */
export type AskToken = () => Promise<string | undefined>

export class Tokens {
  readonly #ask: AskToken
  #token: string | undefined
  /** Sent again, it would be refused again. */
  #refused: string | undefined

  constructor(ask: AskToken) {
    this.#ask = ask
  }

  /** Sends with the token; where that is refused, once more with another one, if there is another one. */
  async with<T>(send: (token: string | undefined) => Promise<T>): Promise<T> {
    const token = (this.#token ??= await this.#asked())
    if (token !== undefined && token === this.#refused) {
      this.#token = undefined
      throw new SyncFault('unauthenticated', 'The server has refused this token. Sign in again.')
    }
    try {
      return await this.#refusedBy(send, token)
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown
      const next = await this.#asked()
      if (next === token) throw thrown
      this.#token = next
      return await this.#refusedBy(send, next)
    }
  }

  /** A refused token may be tried again: a server can be wrong for a while. */
  forgive(): void {
    this.#refused = undefined
  }

  async #refusedBy<T>(send: (token: string | undefined) => Promise<T>, token: string | undefined): Promise<T> {
    try {
      return await send(token)
    } catch (thrown) {
      if (isRefusal(thrown)) {
        this.#refused = token
        this.#token = undefined
      }
      throw thrown
    }
  }

  async #asked(): Promise<string | undefined> {
    try {
      return await this.#ask()
    } catch (cause) {
      throw new SyncFault('no-token', `token() failed: ${messageOf(cause)}.`, { cause })
    }
  }
}

const isRefusal = (thrown: unknown): boolean => thrown instanceof SyncFault && thrown.code === 'unauthenticated'
