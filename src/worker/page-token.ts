/** Tokens that the page gives: sessions live there. */
import type { FromPage, FromWorker } from '../channel/protocol.ts'

type Answer = Extract<FromPage, { kind: 'token' }>

export class PageToken {
  readonly #post: (message: FromWorker) => void
  #asked: { readonly answer: Promise<Answer>; readonly receive: (answer: Answer) => void } | undefined

  constructor(post: (message: FromWorker) => void) {
    this.#post = post
  }

  /** @returns undefined where the page has none to give. @throws what its `token` threw, as far as it can be told */
  async ask(): Promise<string | undefined> {
    if (!this.#asked) {
      let receive: (answer: Answer) => void = () => undefined
      this.#asked = { answer: new Promise((resolve) => (receive = resolve)), receive }
      this.#post({ kind: 'token' })
    }
    const { token, problem } = await this.#asked.answer
    if (problem !== undefined) throw new Error(problem)
    return token
  }

  receive(answer: Answer): void {
    this.#asked?.receive(answer)
    this.#asked = undefined
  }
}
