/** Sync servers on PostgreSQL: several processes on one database, while its connections are cut and its backends killed. */
import { createPostgresStorage } from 'outpost/server'
import { afterEach, expect, test } from 'vitest'
import { serverEnvironment } from '../../src/server/environment.ts'
import { proxiedPostgres } from '../support/proxied-postgres.ts'
import { closeServers, command, Device, eventsOf, startServer, type TestServer } from '../support/sync-server.ts'

const postgres = proxiedPostgres()

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  await closeServers()
  await Promise.all(opened.splice(0).map((storage) => storage.close()))
})

async function startProcess(): Promise<TestServer> {
  const storage = await createPostgresStorage({ connectionString: postgres.proxy.url })
  opened.push(storage)
  return startServer({ storage, environment: serverEnvironment() })
}

const receive = () => command('stockItem.receive', 'bolt', { quantity: 1 })

test('a push to one process is told to the listeners of the other', async () => {
  const [one, two] = [await startProcess(), await startProcess()]
  const response = await one.fetch(new Request('http://sync.test/told/changes', { headers: { authorization: 'Bearer ann' } }))
  const reader = response.body!.getReader()
  expect(new TextDecoder().decode((await reader.read()).value)).toContain('"head":0')
  await new Device(two, { space: 'told' }).push([command('stockItem.register', 'bolt', { name: 'Bolt' })])
  expect(new TextDecoder().decode((await reader.read()).value)).toContain('"head":1')
  await reader.cancel()
})

test('every Command counts once, in its client’s order, whatever is cut or killed meanwhile', async () => {
  const servers = [await startProcess(), await startProcess()]
  const space = 'troubled'
  await new Device(servers[0]!, { space, clientId: 'first' }).push([command('stockItem.register', 'bolt', { name: 'Bolt' })])
  let isOver = false
  const trouble = (async () => {
    for (let cuts = 0; !isOver; cuts++) {
      await postgres.proxy.cut('outpost-append', cuts % 2 ? 'before' : 'after')
      await postgres.server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%' AND random() < 0.2`)
    }
  })()
  const lanes = [0, 1, 2, 3].map(async (lane) => {
    const device = new Device(servers[lane % 2]!, { space, principal: `p${lane}` })
    for (let n = 0; n < 12; n++) {
      const commands = device.number([receive(), receive(), receive()])
      // As a device does: the same again until there is an answer, now from this process, now from that.
      for (let attempt = 0; ; attempt++) {
        const server = servers[(lane + attempt) % 2]
        const answer = await device.tryPush(commands, 0, server).catch(() => undefined) // while it connects
        if (answer?.status === 200) break
        if (answer) expect(answer.status).toBe(503)
      }
    }
    return device.sequence
  })
  expect(await Promise.all(lanes)).toEqual([36, 36, 36, 36])
  isOver = true
  // One last Command, on whose append the cut falls that waits for one.
  const last = new Device(servers[0]!, { space, clientId: 'last' })
  const commands = last.number([receive()])
  while ((await last.tryPush(commands, 0).catch(() => undefined))?.status !== 200);
  await trouble

  const reader = new Device(await startProcess(), { space, principal: 'reader' })
  const records = await reader.pull()
  const own = records.flatMap(({ commands }) => commands).filter(({ clientId }) => clientId?.startsWith('p'))
  for (const lane of [0, 1, 2, 3])
    expect(own.filter(({ clientId }) => clientId === `p${lane}-1`).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 36 }, (_, i) => i + 1),
    )
  const received = eventsOf(records).filter((event) => event.startsWith('stockItem.received'))
  expect(received.slice(0, 144)).toEqual(Array.from({ length: 144 }, (_, i) => `stockItem.received bolt ${i + 2}`))
})
