/** Stands between a driver and its server, and cuts their connection where a test wants it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * `before`: what holds the text never reaches the server. `after`: the server does it, and its answer is lost.
 */
export type Cut = 'before' | 'after'

export interface PostgresProxy {
  /** The server's URL, through the proxy. */
  readonly url: string
  /** Cuts the next connection over which this text is sent. Resolves once it was. */
  cut(text: string, when: Cut): Promise<void>
  close(): Promise<void>
}

/** @param translate changes what the server answers, in the same number of bytes */
export async function startProxy(target: string, translate = (answer: Buffer): Buffer => answer): Promise<PostgresProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let armed: { readonly text: string; readonly when: Cut; readonly done: () => void } | undefined

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    const pair = [client, upstream]
    let losing: (() => void) | undefined
    const cut = (done = losing): void => {
      for (const socket of pair) socket.destroy()
      done?.()
    }
    for (const socket of pair) {
      sockets.add(socket)
      // Also where the backend was killed before it answered: the answer is lost, whoever lost it.
      socket.on('error', () => cut())
      socket.on('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
    client.on('data', (data) => {
      if (armed && data.includes(armed.text)) {
        const { when, done } = armed
        armed = undefined
        if (when === 'before') return cut(done)
        losing = done
      }
      upstream.write(data)
    })
    upstream.on('data', (data) => {
      if (losing) cut()
      else client.write(translate(data))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    cut: (text, when) => new Promise((done) => (armed = { text, when, done })),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
