/** Stands between pages and their sync server: at an address that stays, while servers come and go behind it, and full of tricks. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to a request. */
export type Trick =
  /** It never arrives. */
  | 'lost request'
  /** It arrives, and its answer is lost. */
  | 'lost answer'
  /** It arrives, and its answer breaks off in the middle. */
  | 'cut answer'
  /** It arrives twice at once; the later answer is given. */
  | 'doubled'
  /** It arrives, is answered, and arrives once more when others have been answered since. */
  | 'late again'

export interface SyncProxy {
  /** Without a slash at the end. */
  readonly url: string
  /** Where requests go from now on; undefined: nowhere, as without network. */
  target(url: string | undefined): void
  /** Asked for each request but those for change notices. */
  trick(choose: ((route: string) => Trick | undefined) | undefined): void
  /** How often each trick was played on a push or a pull that arrived. */
  readonly played: ReadonlyMap<Trick, number>
  /** Resolves when a server has been sent a whole request of this kind, and has not answered yet. */
  arrival(route: string): Promise<void>
  /** Resolves when a server has answered the next request of this kind, of which nobody is told. */
  withheld(route: string): Promise<void>
  close(): Promise<void>
}

interface Answer {
  readonly message: IncomingMessage
  readonly body: Buffer
}

export async function startSyncProxy(): Promise<SyncProxy> {
  let target: URL | undefined
  let choose: ((route: string) => Trick | undefined) | undefined
  const played = new Map<Trick, number>()
  const arrivals = new Map<string, () => void>()
  const withheld = new Map<string, () => void>()
  let late: (() => Promise<unknown>)[] = []

  const forward = (incoming: IncomingMessage, body: Buffer, to: URL): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { method, url, headers } = incoming
      const outgoing = request(new URL(url ?? '/', to), { method, headers: { ...headers, host: to.host }, agent: false }, resolve)
      outgoing.once('error', reject)
      // Who no longer listens takes his request back.
      const takeBack = (): void => void outgoing.destroy()
      incoming.socket.once('close', takeBack)
      outgoing.once('close', () => incoming.socket.off('close', takeBack))
      outgoing.end(body, () => {
        takeFrom(arrivals, routeOf(incoming))?.()
      })
    })
  const ask = async (incoming: IncomingMessage, body: Buffer, to: URL): Promise<Answer> => {
    const message = await forward(incoming, body, to)
    return { message, body: await bodyOf(message) }
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const to = target
    const body = await bodyOf(incoming)
    if (!to) return void incoming.socket.destroy()
    const route = routeOf(incoming)
    if (route === 'changes' && incoming.method === 'GET') {
      const stream = await forward(incoming, body, to)
      response.writeHead(stream.statusCode ?? 502, stream.headers)
      stream.once('error', () => response.destroy()).pipe(response)
      return
    }
    const trick = incoming.method === 'POST' ? choose?.(route) : undefined
    if (trick) played.set(trick, (played.get(trick) ?? 0) + 1)
    if (trick === 'lost request') return void incoming.socket.destroy()
    const first = ask(incoming, body, to)
    const answer = await (trick === 'doubled' ? Promise.all([first, ask(incoming, body, to)]).then(([, second]) => second) : first)
    const withhold = takeFrom(withheld, route)
    withhold?.()
    if (withhold || trick === 'lost answer') return void incoming.socket.destroy()
    response.writeHead(answer.message.statusCode ?? 502, answer.message.headers)
    if (trick === 'cut answer') {
      response.write(answer.body.subarray(0, answer.body.length / 2), () => incoming.socket.destroy())
      return
    }
    response.end(answer.body)
    const again = late
    late = trick === 'late again' ? [() => ask(incoming, body, to)] : []
    // Whether the server lives on is the test's business.
    await Promise.allSettled(again.map((repeat) => repeat()))
  }

  const server = createServer((incoming, response) => {
    // A server that dies in the middle takes the connection with it.
    handle(incoming, response).catch(() => incoming.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target(url) {
      target = url === undefined ? undefined : new URL(url)
      // Streams that are open end with the network.
      server.closeAllConnections()
    },
    trick: (chosen) => void (choose = chosen),
    played,
    arrival: (route) => new Promise((resolve) => arrivals.set(route, resolve)),
    withheld: (route) => new Promise((resolve) => withheld.set(route, resolve)),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function takeFrom<T>(waiting: Map<string, T>, route: string): T | undefined {
  const found = waiting.get(route)
  waiting.delete(route)
  return found
}

const routeOf = ({ url = '' }: IncomingMessage): string => url.slice(url.lastIndexOf('/') + 1)

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
