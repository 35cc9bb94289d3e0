/** The way from one device to the servers: it takes time, and loses, doubles, holds up and cuts what passes. */
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Servers } from './servers.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** How bad the way is. Shares of requests are from 0 to 1. */
export interface LinkQuality {
  /** Requests that do not arrive. */
  readonly lost?: number
  /** Requests that arrive, but whose answers do not. */
  readonly unanswered?: number
  /** Answers that end in the middle. */
  readonly cut?: number
  /** Requests that arrive a second time, up to 20 s later: behind what was sent since. */
  readonly doubled?: number
  /** From here to there: at least and at most, ms. Streams keep their order, requests do not. Default 5 to 60. */
  readonly delayMs?: readonly [least: number, most: number]
}

const good: Required<LinkQuality> = { lost: 0, unanswered: 0, cut: 0, doubled: 0, delayMs: [5, 60] }
const doubledWithinMs = 20_000

export class Link {
  readonly #servers: Servers
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #seen: (what: string) => void
  #quality = good
  #isUp = true
  readonly #streams = new Set<() => void>()

  constructor(servers: Servers, clock: VirtualClock, random: Random, seen: (what: string) => void) {
    this.#servers = servers
    this.#clock = clock
    this.#random = random
    this.#seen = seen
  }

  get isUp(): boolean {
    return this.#isUp
  }

  set quality(quality: LinkQuality) {
    this.#quality = { ...good, ...quality }
  }

  /** Nothing passes any more. What listens is told of it half of the time; else it just hears nothing. */
  goDown(): void {
    this.#isUp = false
    for (const cut of [...this.#streams]) if (this.#random.chance(0.5)) cut()
  }

  comeUp(): void {
    this.#isUp = true
  }

  /** As `fetch` in this process. */
  of(process: Process): (url: string, init: RequestInit) => Promise<Response> {
    return (url, init) => process.brought(this.#fetch(process, url, init))
  }

  async #fetch(process: Process, url: string, { signal, ...init }: RequestInit): Promise<Response> {
    const { lost, unanswered, cut, doubled } = this.#quality
    const random = this.#random
    // Drawn in any case, so that what is drawn next does not depend on it.
    const [isLost, isUnanswered, isCut, isDoubled, isTold] = [lost, unanswered, cut, doubled, 0.5].map((share) => random.chance(share))
    await this.#pass(signal)
    if (!this.#isUp || isLost) return this.#fail('lost', isTold === true, signal)
    const send = (): Promise<Response> => this.#servers.handle(new Request(url, init))
    if (isDoubled && init.method === 'POST') {
      this.#seen('doubled')
      // To whoever is there then; nobody hears what it says.
      this.#clock.later(random.whole(0, doubledWithinMs), () => void send().catch(() => undefined))
    }
    const answer = await orAborted(
      send().catch(() => this.#fail('reset', true, signal)),
      signal,
    )
    await this.#pass(signal)
    if (!this.#isUp || isUnanswered) {
      answer.body?.cancel().catch(() => undefined) // it may have broken at the other end
      return this.#fail('unanswered', isTold === true, signal)
    }
    const { status, headers } = answer
    if (headers.get('content-type') === 'text/event-stream') return new Response(this.#stream(process, answer, signal), { status, headers })
    const text = await answer.text()
    if (isCut) this.#seen('cut')
    return new Response(isCut ? broken(text.slice(0, text.length / 2)) : text, { status, headers })
  }

  async #fail(how: string, isTold: boolean, signal: AbortSignal | null | undefined): Promise<never> {
    this.#seen(how)
    if (!isTold) await orAborted(new Promise<never>(() => undefined), signal)
    throw new TypeError('Failed to fetch')
  }

  #pass(signal: AbortSignal | null | undefined): Promise<void> {
    const [least, most] = this.#quality.delayMs
    return orAborted(new Promise((resolve) => this.#clock.later(this.#random.whole(least, most), resolve)), signal)
  }

  /** Pieces on their way when the way is cut are lost, and with them the stream. */
  #stream(process: Process, { body }: Response, signal: AbortSignal | null | undefined): ReadableStream<Uint8Array> {
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    let end = (): void => undefined
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        let isDeaf = false
        let isOver = false
        const over = (how: () => void): void => {
          if (isOver) return
          isOver = true
          end()
          process.deliver(how)
        }
        const cut = (): void => over(() => controller.error(new TypeError('network error')))
        const forget = process.onKilled(() => over(() => undefined))
        end = () => {
          isOver = true
          forget()
          this.#streams.delete(cut)
          signal?.removeEventListener('abort', cut)
          reader.cancel().catch(() => undefined) // it may have broken at the other end
        }
        this.#streams.add(cut)
        signal?.addEventListener('abort', cut)
        const read = async (): Promise<void> => {
          for (;;) {
            const { done, value } = await reader.read()
            if (isOver) return
            isDeaf ||= !this.#isUp
            if (isDeaf && done) return
            if (isDeaf) continue
            await this.#pass(null)
            if (done) return over(() => controller.close())
            process.deliver(() => isOver || isDeaf || controller.enqueue(value))
          }
        }
        read().catch(cut)
      },
      cancel: () => end(),
    })
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new DOMException('Aborted.', 'AbortError'))
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    // In any case: what comes of it later is heard by somebody.
    promise.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort))
  })
}

function broken(text: string): ReadableStream<Uint8Array> {
  let sent = false
  return new ReadableStream({
    pull(controller) {
      if (sent) return controller.error(new TypeError('network error'))
      sent = true
      controller.enqueue(new TextEncoder().encode(text))
    },
  })
}
