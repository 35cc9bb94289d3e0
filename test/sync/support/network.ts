/** The way between devices and a simulated server, on a virtual clock: it is slow, and loses, doubles and cuts what it is told to. */
import type { TestClock } from '../../support/clock.ts'
import type { SimulatedServer } from './simulated-server.ts'

/**
 * `lost`: the request does not arrive. `swallowed`: as that, but nobody says so. `unanswered`: it does, its answer does not. `silent`: as that, but nobody says so.
 * `cut`: the answer ends in the middle. `doubled`: the request arrives again, a second after. `late`: all takes five seconds.
 */
export type NetworkFault = 'lost' | 'swallowed' | 'unanswered' | 'silent' | 'cut' | 'doubled' | 'late'

export class Network {
  readonly server: SimulatedServer
  readonly #clock: TestClock
  isUp = true
  latencyMs = 20
  /** How long a large answer takes, piece by piece. */
  trickleMs = 0
  /** Asked for each request. */
  fault: (path: string) => NetworkFault | undefined = () => undefined
  /** False: what listens hears no comments either, as behind a dead connection. */
  heartbeats = true
  #streams = new Set<() => void>()

  constructor(server: SimulatedServer, clock: TestClock) {
    this.server = server
    this.#clock = clock
  }

  /** Everything that is open breaks. */
  cut(): void {
    for (const cut of this.#streams) cut()
  }

  async fetch(url: string, { headers, body, signal }: RequestInit): Promise<Response> {
    const path = url.slice(url.lastIndexOf('/') + 1)
    const fault = this.fault(path)
    const token = new Headers(headers).get('Authorization')?.replace('Bearer ', '')
    const given: unknown = typeof body === 'string' ? JSON.parse(body) : undefined
    await this.#pass(fault === 'late' ? 2500 : this.latencyMs, signal)
    if (!this.isUp || fault === 'lost') throw new TypeError('Failed to fetch')
    if (fault === 'swallowed') await silence(signal)
    const answer = this.server.handle(path, token, given, typeof body === 'string' ? body.length : 0)
    if (fault === 'doubled') this.#clock.later(1000, () => void this.server.handle(path, token, given))
    if (fault === 'silent') await silence(signal)
    await this.#pass(fault === 'late' ? 2500 : this.latencyMs, signal)
    if (!this.isUp || fault === 'unanswered') throw new TypeError('Failed to fetch')
    if (path === 'changes' && answer.status === 200) return new Response(this.#stream(signal))
    const text = JSON.stringify(answer.body)
    const { status, headers: answered = {} } = answer
    const whole = this.trickleMs > 0 && text.length > 10_000 ? this.#trickle(text) : text
    return new Response(fault === 'cut' ? broken(text.slice(0, text.length / 2)) : whole, { status, headers: answered })
  }

  async #pass(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
    if (signal?.aborted) throw aborted()
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.later(ms, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        reject(aborted())
      })
    })
  }

  #trickle(text: string): ReadableStream<Uint8Array> {
    const pieces = 20
    const size = Math.ceil(text.length / pieces)
    let sent = 0
    return new ReadableStream({
      pull: (controller) =>
        new Promise((resolve) => {
          this.#clock.later(this.trickleMs / pieces, () => {
            controller.enqueue(new TextEncoder().encode(text.slice(sent, sent + size)))
            sent += size
            if (sent >= text.length) controller.close()
            resolve()
          })
        }),
    })
  }

  #stream(signal: AbortSignal | null | undefined): ReadableStream<Uint8Array> {
    const { server } = this
    const encoder = new TextEncoder()
    let stop = (): void => undefined
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const write = (text: string): void => controller.enqueue(encoder.encode(text))
        const tell = (place: object): void => write(`data: ${JSON.stringify(place)}\n\n`)
        let cancel = (): void => undefined
        const beat = (): void => {
          cancel = this.#clock.later(20_000, () => {
            if (this.heartbeats && this.isUp) write(': beat\n\n')
            beat()
          })
        }
        const told = (place: object): void => {
          if (this.isUp) tell(place)
        }
        const cut = (): void => {
          stop()
          controller.error(new TypeError('network error'))
        }
        stop = () => {
          cancel()
          server.listeners.delete(told)
          this.#streams.delete(cut)
          signal?.removeEventListener('abort', cut)
        }
        server.listeners.add(told)
        this.#streams.add(cut)
        signal?.addEventListener('abort', cut)
        beat()
        tell(server.place())
      },
      cancel: () => stop(),
    })
  }
}

const aborted = (): DOMException => new DOMException('Aborted.', 'AbortError')

const silence = (signal: AbortSignal | null | undefined): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(aborted())))

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
