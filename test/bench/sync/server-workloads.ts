/** What a server gives: processes of its own, real HTTP, several clients at once. */
import { deepStrictEqual } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { assert, makeTasks } from '../../../demo/src/measure/task.ts'
import { latency, type Metrics, perSecond } from '../../../demo/src/measure/workloads.ts'
import type { WireCommand } from '../../../src/sync/requests.ts'
import type { ServerProcess } from '../../browser/support/server-process.ts'
import { addCommand, Client, contentsOf } from './client.ts'
import type { Storage, SyncWorkload } from './rig.ts'

const warmUps = 50
const clients = 16
const pushes = 60
const aPush = 20
const alone = 100
const listening = 1000

interface Setting {
  readonly storage: Storage
  readonly processes: number
  readonly spaces: number
}

export const settings: Readonly<Record<string, Setting>> = {
  'pglite': { storage: 'PGlite', processes: 1, spaces: 1 },
  'pglite-16': { storage: 'PGlite', processes: 1, spaces: 16 },
  'postgres': { storage: 'PostgreSQL', processes: 1, spaces: 1 },
  'postgres-16': { storage: 'PostgreSQL', processes: 1, spaces: 16 },
  'postgres-two': { storage: 'PostgreSQL', processes: 2, spaces: 1 },
  'postgres-two-16': { storage: 'PostgreSQL', processes: 2, spaces: 16 },
}

const isAccepted = (accepted: number, of: number): void => assert(accepted === of, `The server accepted ${accepted} of ${of} Commands.`)

/** Pushes one after the other, as a device does. @returns ms of each */
async function inTurn(client: Client, bodies: readonly Buffer[], commands: number): Promise<readonly number[]> {
  const samples: number[] = []
  for (const body of bodies) {
    const since = performance.now()
    const accepted = await client.push(body)
    samples.push(performance.now() - since)
    isAccepted(accepted, commands)
  }
  return samples
}

/** One client, one Command a push: what a person waits for who is alone. */
async function lonely(url: string): Promise<Metrics> {
  const client = new Client(url, 'alone', 'cas')
  await client.connect()
  const commands = makeTasks(warmUps + alone).map((task) => addCommand(task, 'cas'))
  const bodies = client.prepare(commands, 1)
  await inTurn(client, bodies.slice(0, warmUps), 1)
  const { p50Ms, p99Ms } = latency(await inTurn(client, bodies.slice(warmUps), 1))
  return { aloneP50Ms: p50Ms, aloneP99Ms: p99Ms }
}

/** So many clients at once, divided among processes and spaces. */
const load =
  (name: string, { storage, processes, spaces }: Setting): SyncWorkload =>
  async (rig) => {
    const servers = await rig.starts(storage, processes, name)
    const urlOf = (n: number): string => (servers[n % processes] as ServerProcess).url
    const spaceOf = (n: number): string => `space-${n % spaces}`
    const all = makeTasks(clients * (pushes + 1) * aPush)
    const givers = await Promise.all(
      Array.from({ length: clients }, async (_, n) => {
        const client = new Client(urlOf(n), spaceOf(n), `ann${n}`)
        await client.connect()
        const own = all.slice(n * (pushes + 1) * aPush, (n + 1) * (pushes + 1) * aPush)
        const bodies = client.prepare(
          own.map((task) => addCommand(task, `ann${n}`)),
          aPush,
        )
        return { client, bodies }
      }),
    )
    await Promise.all(givers.map(({ client, bodies }) => inTurn(client, bodies.slice(0, 1), aPush)))
    const since = performance.now()
    const samples = await Promise.all(givers.map(({ client, bodies }) => inTurn(client, bodies.slice(1), aPush)))
    const ms = performance.now() - since
    const logs = await Promise.all(Array.from({ length: spaces }, (_, n) => new Client(urlOf(n), spaceOf(n), 'reader').pull()))
    const { commands, events } = contentsOf(logs.flat())
    deepStrictEqual([commands.length, events.length, new Set(commands.map(({ id }) => id)).size], [all.length, all.length, all.length])
    const single = processes === 1 && spaces === 1 ? await lonely(urlOf(0)) : {}
    await Promise.all(servers.map((server) => server.stop()))
    return { perSecond: perSecond(clients * pushes * aPush, ms), ...latency(samples.flat()), ...single }
  }

/** Bytes of memory that a process has. */
function memoryOf({ pid }: ServerProcess): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
  return Number(stdout) * 1024
}

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Listeners who have nothing to hear, and then all at once. */
const listeners: SyncWorkload = async (rig) => {
  const server = await rig.start('PostgreSQL', 'listeners')
  const [first, ...later] = makeTasks(warmUps + 1).map((task) => addCommand(task, 'ann')) as [WireCommand, ...WireCommand[]]
  const ann = new Client(server.url, 'listened', 'ann')
  await ann.connect()
  for (const command of later) await ann.give([command])
  await rest(2000)
  const before = memoryOf(server)
  let heard = 0
  let allHeard = (): void => undefined
  const untilHeard = (count: number): Promise<void> =>
    new Promise((resolve) => {
      allHeard = () => {
        if (heard >= count) resolve()
      }
      allHeard()
    })
  const ends = await Promise.all(
    Array.from({ length: listening }, (_, n) =>
      new Client(server.url, 'listened', `ben${n}`).listen(() => {
        heard++
        allHeard()
      }),
    ),
  )
  await untilHeard(listening)
  await rest(2000)
  const after = memoryOf(server)
  const since = performance.now()
  await Promise.all([ann.give([first]), untilHeard(2 * listening)])
  const toldMs = performance.now() - since
  deepStrictEqual(heard, 2 * listening)
  for (const end of ends) end()
  await server.stop()
  return { memoryMB: after / 1e6, ofListenersMB: (after - before) / 1e6, toldMs }
}

export const serverWorkloads: Readonly<Record<string, SyncWorkload>> = {
  ...Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, load(name, setting)])),
  listeners,
}
