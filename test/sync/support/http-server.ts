/** The simulated server behind real HTTP: packed bodies, streamed events, connections that break. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { SimulatedServer } from './simulated-server.ts'

export interface HttpServer {
  readonly url: string
  /** Headers of each request, by path, in order. */
  readonly headers: (path: string) => readonly IncomingMessage['headers'][]
  readonly paths: readonly string[]
  /** The next so many requests are cut off: before the server sees them, or after. */
  break(how: 'before' | 'after', count: number): void
  close(): Promise<void>
}

export async function serve(simulated: SimulatedServer): Promise<HttpServer> {
  const seen: { path: string; headers: IncomingMessage['headers'] }[] = []
  const breaks: ('before' | 'after')[] = []

  const listen = (response: ServerResponse): void => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const tell = (place: object): void => void response.write(`event: change\ndata: ${JSON.stringify(place)}\n\n`)
    simulated.listeners.add(tell)
    response.on('close', () => simulated.listeners.delete(tell))
    tell(simulated.place())
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = decodeURIComponent(request.url ?? '')
    const path = url.slice(url.lastIndexOf('/') + 1)
    seen.push({ path: url, headers: request.headers })
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const sent = Buffer.concat(pieces)
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent).toString()
    const how = breaks.shift()
    if (how === 'before') return void response.destroy()
    const token = request.headers.authorization?.replace('Bearer ', '')
    const { status, body, headers } = simulated.handle(path, token, text === '' ? undefined : JSON.parse(text), sent.length)
    if (how === 'after') return void response.destroy()
    if (path === 'changes' && status === 200) return listen(response)
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sync`,
    headers: (path) => seen.filter((each) => each.path.endsWith(`/${path}`)).map(({ headers }) => headers),
    get paths() {
      return seen.map(({ path }) => path)
    },
    break: (how, count) => void breaks.push(...Array.from({ length: count }, () => how)),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
