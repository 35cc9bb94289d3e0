/** The demo as `npm run demo` serves it: the production build and the sync server, in a process of their own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { bin, buildDemo, root } from '../support/build.mjs'

const patienceMs = 60_000

export interface DemoServer {
  /** Ends with a slash. */
  readonly url: string
  /** At the same address, on the same data. Resolves when page and sync server answer. */
  start(): Promise<void>
  /** As Ctrl-C does. @returns its exit code */
  stop(): Promise<number | null>
  /** SIGKILL: without a word. */
  kill(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** @param folder where the embedded database is kept @param env added to its surroundings */
export async function startDemo(folder: string, env: Readonly<Record<string, string>> = {}): Promise<DemoServer> {
  buildDemo()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  let running: ChildProcess | undefined
  let printed = ''

  /** @param signal undefined where it ends by itself */
  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (running === undefined) return null
    const ended = running
    running = undefined
    if (ended.exitCode !== null || ended.signalCode !== null) return ended.exitCode
    const exit = once(ended, 'exit')
    ended.kill(signal)
    await exit
    return ended.exitCode
  }

  const server: DemoServer = {
    url,
    async start() {
      const added = /^(NODE_ENV|VITEST.*|TEST|DEV|PROD|MODE|SSR|BASE_URL|DATABASE_URL)$/
      const surroundings = Object.fromEntries(Object.entries(process.env).filter(([name]) => !added.test(name)))
      const child = spawn(process.execPath, [bin('vite'), 'preview', '--mode', 'demo'], {
        cwd: root,
        env: { ...surroundings, PORT: String(port), SYNC_FOLDER: folder, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      running = child
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (printed += data.toString('utf8')))
      for (let waited = 0; ; waited += 100) {
        if (child.exitCode !== null || waited > patienceMs) throw new Error(`The demo did not start:\n${printed}`)
        // Until it listens there is nobody to answer.
        const answer = await fetch(`${url}sync/healthz`).catch(() => undefined)
        if (answer?.ok) return
        await delay(100)
      }
    },
    stop: () => end('SIGINT'),
    kill: async () => void (await end('SIGKILL')),
  }
  await server.start()
  return server
}
