/** Reactors of several server processes on one database: each Event once, and another process goes on where one was killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createPgliteStorage } from 'outpost/server'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { serverEnvironment } from '../../src/server/environment.ts'
import { notes } from '../fixtures/notes.ts'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { closeServers, command, Device, startServer } from '../support/sync-server.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

const children: ChildProcess[] = []
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => ended(child, 'SIGKILL')))
})

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

/** What all processes of a test did, in the order it was heard: process, note. */
class Deeds {
  readonly all: (readonly [string, string])[] = []
  #heard: () => void = () => undefined

  add(name: string, id: string): void {
    this.all.push([name, id])
    this.#heard()
  }
  async until(holds: (all: Deeds['all']) => boolean): Promise<void> {
    while (!holds(this.all)) await new Promise<void>((resolve) => (this.#heard = resolve))
  }
}

/** A process of its own, and a device that talks to it. */
async function start(name: string, url: string, deeds: Deeds) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('serve-notes.mjs', import.meta.url)), url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const at = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}.`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [what, rest = ''] = line.split(' ')
      if (what === 'at') resolve(rest)
      else deeds.add(name, rest)
    })
  })
  const remote = {
    fetch: (request: Request) => fetch(new Request(`${at}${new URL(request.url).pathname}`, request)),
    close: () => Promise.resolve(),
  }
  const device = new Device(remote, { principal: name })
  await device.connect()
  return { name, device, end: (signal: NodeJS.Signals) => ended(child, signal) }
}

const writing = (ids: readonly string[]) => ids.map((id) => command('note.write', id, {}))

test('each Event once, whichever process recorded it; and where the one that does it is killed, the other goes on', async () => {
  const deeds = new Deeds()
  const url = await postgres.database()
  const processes = [await start('one', url, deeds), await start('two', url, deeds)] as const
  const written: string[] = []
  for (let n = 0; n < 20; n++) {
    const ids = [0, 1, 2].map((i) => `note-${n}-${i}`)
    await processes[n % 2]?.device.push(writing(ids))
    written.push(...ids)
  }
  await deeds.until((all) => new Set(all.map(([, id]) => id)).size === written.length)
  const doer = deeds.all[0]?.[0]
  expect(new Set(deeds.all.map(([name]) => name))).toEqual(new Set([doer]))

  const [holder, other] = doer === 'one' ? processes : [processes[1], processes[0]]
  await holder.end('SIGKILL')
  await other.device.push(writing(['after']))
  await deeds.until((all) => all.some(([, id]) => id === 'after'))
  await other.end('SIGTERM') // what it had under way it has done
  // The last one before the kill may have been done without that having been noted: then it is done once more.
  const times = new Map<string, number>()
  for (const [, id] of deeds.all) times.set(id, (times.get(id) ?? 0) + 1)
  expect([...times.keys()]).toEqual([...written, 'after'])
  expect([...times].filter(([id, count]) => count !== 1 && id !== written.at(-1))).toEqual([])
  expect(deeds.all.filter(([, id]) => id === 'after')).toEqual([[other.name, 'after']])
})

test('on the database inside the process: one server after the other, each giving up what it had', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-reactors-'))
  const storage = await createPgliteStorage({ folder })
  const deeds = new Deeds()
  for (const name of ['one', 'two', 'three']) {
    const server = startServer({ storage, domain: notes((id) => deeds.add(name, id)), environment: serverEnvironment() })
    await new Device(server, { principal: name }).push(writing([name]))
    await deeds.until((all) => all.some(([, id]) => id === name))
    const { meta } = await storage.openLog('notes.hall-7.log')
    expect([...(await meta.entries('lease.')).keys()]).toEqual(['lease.notes.hall-7.log.reactor.mail'])
    await closeServers()
    expect(await meta.entries('lease.')).toEqual(new Map())
  }
  expect(deeds.all).toEqual([
    ['one', 'one'],
    ['two', 'two'],
    ['three', 'three'],
  ])
  await storage.close()
  rmSync(folder, { recursive: true })
})
