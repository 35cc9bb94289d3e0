/** What a page tells the test's server. It is told here before the page goes on, so it outlives the page. */
import type { IncomingMessage } from 'node:http'
import type { ServeOptions } from './serve.ts'

export interface Reports<T> {
  readonly received: readonly T[]
  /** Resolves as soon as it holds. */
  until(holds: (received: readonly T[]) => boolean): Promise<void>
  /** For the server: takes what pages post to `/report`, lists of T. */
  readonly respond: NonNullable<ServeOptions['respond']>
}

export function collectReports<T>(): Reports<T> {
  const received: T[] = []
  const waiting = new Set<() => void>()
  return {
    received,
    until: (holds) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!holds(received)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    respond(request, response) {
      if (request.method !== 'POST' || request.url !== '/report') return false
      bodyOf(request).then(
        (body) => {
          received.push(...(JSON.parse(body) as T[]))
          response.writeHead(204).end()
          for (const look of waiting) look()
        },
        // Its page died in the middle of a sentence.
        () => response.destroy(),
      )
      return true
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
