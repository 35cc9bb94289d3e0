/** A worker serves one client, and the log that this one has named. */
import { wrap } from 'comlink'
import { createMemoryStorage } from 'outpost/testing'
import { afterEach, expect, test } from 'vitest'
import { type Calls, protocolVersion } from '../../src/channel/protocol.ts'
import { type Host, hostEngine } from '../../src/worker/host.ts'
import { soleTab } from '../../src/worker/tabs.ts'
import { openEngine } from '../support/engine.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

function serve(): { readonly calls: Calls; readonly opened: readonly string[]; readonly host: Host } {
  const { port1, port2 } = new MessageChannel()
  const opened: string[] = []
  const host = hostEngine(port2, {
    async open({ principal }) {
      opened.push(principal)
      return { engine: await openEngine(createMemoryStorage(), { principal }), tabs: soleTab }
    },
  })
  ends.push(async () => {
    await host.close()
    port1.close()
    port2.close()
  })
  return { calls: wrap<Calls>(port1) as unknown as Calls, opened, host }
}
const refused = { ok: false, error: { code: 'worker-failed', message: expect.stringContaining('its own') as string } }

test('it opens the log when it is greeted, once', async () => {
  const { calls, opened } = serve()
  const ann = { space: 'hall', principal: 'ann' }
  expect(await calls.hello(protocolVersion, ann)).toMatchObject({ ok: true, value: { protocol: protocolVersion } })
  await calls.hello(protocolVersion, ann)
  expect(await calls.open()).toMatchObject({ ok: true })
  expect(opened).toEqual(['ann'])
})

test('who greets it with another log is refused, and so is who would open it twice', async () => {
  const { calls, opened } = serve()
  await calls.hello(protocolVersion, { space: 'hall', principal: 'ann' })
  expect(await calls.hello(protocolVersion, { space: 'hall', principal: 'ben' })).toMatchObject(refused)
  await calls.open()
  expect(await calls.open()).toMatchObject(refused)
  expect(opened).toEqual(['ann'])
})

test('a page of another protocol opens nothing', async () => {
  const { calls, opened } = serve()
  expect(await calls.hello(protocolVersion - 1, { space: 'hall', principal: 'ann' })).toMatchObject({ ok: true })
  expect(await calls.open()).toMatchObject({ ok: false, error: { code: 'closed' } })
  expect(opened).toEqual([])
})
