/** A PostgreSQL server of a test's own: on loopback, its data in a temporary folder, gone with the test. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { ensurePostgres } from './find-postgres.mjs'

export interface PostgresServer {
  /** Makes an empty database and gives its URL. */
  database(options?: string): Promise<string>
  /** Runs one statement as superuser, in the database `postgres` unless told. */
  query(text: string, url?: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Kills it without warning, as a power cut does but for what the system has cached. */
  kill(): Promise<void>
  /** Starts it again, on the same port and data. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** @param own settings besides those of every test: `name=value` */
export async function startPostgres(own: readonly string[] = []): Promise<PostgresServer> {
  const bin = ensurePostgres()
  const owner = ownerOfServers()
  const folder = mkdtempSync(join(tmpdir(), 'outpost-postgres-'))
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'], {
    encoding: 'utf8',
    cwd: folder,
    ...owner,
  })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error?.message}`)
  const port = await freePort()
  const urlOf = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`
  const query = async (text: string, url = urlOf('postgres')) => {
    const client = new Client(url)
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(text)).rows
    } finally {
      await client.end()
    }
  }

  let server: ChildProcess | undefined
  let said = ''
  const spawnServer = (): ChildProcess => {
    const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'fsync=off', 'max_connections=60', ...own]
    const started = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: folder,
      ...owner,
    })
    started.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-10_000)))
    return started
  }
  const start = async (): Promise<void> => {
    server = spawnServer()
    for (const until = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
      try {
        await query('SELECT 1')
        return
      } catch (error) {
        if (Date.now() > until) throw new Error(`PostgreSQL did not start: ${said}`, { cause: error })
        // What a killed one had started lives a moment longer, and keeps the next one from starting.
        if (server.exitCode !== null) server = spawnServer()
      }
    }
  }
  const end = (signal: NodeJS.Signals): Promise<void> =>
    new Promise((resolve) => {
      if (!server || server.exitCode !== null || server.signalCode !== null) return resolve()
      server.once('exit', () => resolve())
      server.kill(signal)
    })
  const atExit = (): void => void server?.kill('SIGQUIT')
  process.once('exit', atExit)

  let databases = 0
  await start()
  return {
    async database(options = '') {
      const name = `test_${++databases}`
      await query(`CREATE DATABASE ${name} ${options}`)
      return urlOf(name)
    },
    query,
    start,
    kill: () => end('SIGKILL'),
    async stop() {
      process.off('exit', atExit)
      await end('SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package makes. */
function ownerOfServers(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: idOf('-u'), gid: idOf('-g') }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
