/** What the sync workloads need beside pages: server processes, their databases, and spaces that nobody has used. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeTasks } from '../../../demo/src/measure/task.ts'
import type { Metrics } from '../../../demo/src/measure/workloads.ts'
import {
  buildServers,
  type ServerData,
  type ServerDomain,
  type ServerProcess,
  startServerProcess,
} from '../../browser/support/server-process.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts'
import type { Pages } from '../pages.ts'
import { type Profile, selfTimes } from '../profile.ts'
import type { ProfileOptions } from '../tasks-run.ts'
import { addCommand, Client } from './client.ts'

export type Storage = 'PGlite' | 'PostgreSQL'

/** One run. */
export type SyncWorkload = (rig: Rig) => Promise<Metrics>

export class Rig {
  readonly pages: Pages
  readonly profile: ProfileOptions | undefined
  #built: Promise<void> | undefined
  #shared: Promise<ServerProcess> | undefined
  #postgres: Promise<PostgresServer> | undefined
  #filled: Promise<string> | undefined
  #spaces = 0
  readonly #endings: (() => Promise<unknown>)[] = []

  constructor(pages: Pages, profile: ProfileOptions | undefined) {
    this.pages = pages
    this.profile = profile
  }

  /** Of this run alone. */
  newSpace(): string {
    return `bench-${++this.#spaces}`
  }

  /** The embedded server that devices sync with; the same one for all of them. */
  server(): Promise<ServerProcess> {
    return (this.#shared ??= this.start('PGlite', 'devices'))
  }

  /** A space on that server which holds the first so many tasks. */
  filled(count: number): Promise<string> {
    return (this.#filled ??= this.#fill(count))
  }

  /** New processes on a new database. They end with the rig, unless they are stopped before. */
  async starts(storage: Storage, processes: number, name: string): Promise<readonly ServerProcess[]> {
    const data = await this.#newData(storage)
    return Promise.all(Array.from({ length: processes }, (_, i) => this.#start(data, 'tasks', `${name}-${i + 1}`)))
  }

  /** @param name of its profile */
  async start(storage: Storage, name: string, domain: ServerDomain = 'tasks'): Promise<ServerProcess> {
    return this.#start(await this.#newData(storage), domain, name)
  }

  async close(): Promise<void> {
    for (const end of this.#endings.reverse()) await end()
  }

  async #fill(count: number): Promise<string> {
    const { url } = await this.server()
    const space = this.newSpace()
    const filler = new Client(url, space, 'filler')
    await filler.give(makeTasks(count).map((task) => addCommand(task, 'filler')))
    return space
  }

  async #newData(storage: Storage): Promise<ServerData> {
    if (storage === 'PostgreSQL') {
      this.#postgres ??= this.#startPostgres()
      return { databaseUrl: await (await this.#postgres).database() }
    }
    const folder = await mkdtemp(join(tmpdir(), 'outpost-bench-server-'))
    this.#endings.push(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
    return { folder }
  }

  async #startPostgres(): Promise<PostgresServer> {
    // Durable, as its users have it.
    const postgres = await startPostgres(['fsync=on'])
    this.#endings.push(() => postgres.stop())
    return postgres
  }

  async #start(data: ServerData, domain: ServerDomain, name: string): Promise<ServerProcess> {
    await (this.#built ??= buildServers('tasks', 'tasks-older'))
    const { profile } = this
    const file = `${name}.server.cpuprofile`
    const profiling = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile.folder}`, `--cpu-prof-name=${file}`] : []
    const server = await startServerProcess(data, domain, profiling)
    let stopped: Promise<number | null> | undefined
    const stop = (): Promise<number | null> => (stopped ??= this.#stop(server, name, file))
    this.#endings.push(stop)
    return { ...server, stop }
  }

  async #stop(server: ServerProcess, name: string, file: string): Promise<number | null> {
    const code = await server.stop()
    const { profile } = this
    if (profile) {
      const written = JSON.parse(await readFile(join(profile.folder, file), 'utf8')) as Profile
      profile.show(`${name}, server\n${selfTimes(written)}`)
    }
    return code
  }
}
