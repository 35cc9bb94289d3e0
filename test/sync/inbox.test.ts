import { describe, expect, test } from 'vitest'
import { domain } from 'outpost'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { inboxModel } from '../../src/sync/inbox-model.ts'
import { commandRequests } from '../../src/sync/inbox-requests.ts'
import { INBOX } from '../../src/sync/inbox.ts'
import type { InboxRow } from '../../src/sync/receipt.ts'
import { stock } from '../fixtures/stock.ts'
import { give } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

const withInbox = { ...stock, readModels: new Map([...stock.readModels, [INBOX, inboxModel]]) } as ReturnType<typeof domain>
const open = (server: SmallServer, clientId: string, storage = createMemoryStorage()): Promise<Device> =>
  openDevice(server, clientId, storage, { domain: withInbox })
const inbox = async ({ engine }: Device): Promise<readonly InboxRow[]> =>
  (
    await engine.run(
      { kind: 'rows', model: INBOX, where: {}, filter: {}, orderBy: [{ field: 'position', descending: false }], result: 'all' },
      engine.position,
      1_000,
    )
  ).data as InboxRow[]
const onHand = async ({ engine }: Device, sku: string) => ((await engine.load('stockItem', sku)).state as { onHand: number }).onHand
const sync = async (device: Device): Promise<void> => {
  await device.push()
  await device.pull()
}

/** Both took what is there; "a" was first. */
async function lastItems() {
  const server = await SmallServer.open()
  const storage = createMemoryStorage()
  const [a, b] = [await open(server, 'a'), await open(server, 'b', storage)]
  await give(a.engine, 'stockItem.register', 'x', { name: 'X' })
  await give(a.engine, 'stockItem.receive', 'x', { quantity: 5 })
  await sync(a)
  await b.pull()
  await give(a.engine, 'stockItem.pick', 'x', { quantity: 4 })
  const first = await give(b.engine, 'stockItem.pick', 'x', { quantity: 3 }, { actor: 'bea', at: 77 })
  const second = await give(b.engine, 'stockItem.pick', 'x', { quantity: 2 })
  await sync(a)
  await sync(b)
  return { server, a, b, storage, first, second, requests: commandRequests(b.sync, b.engine.inside) }
}

describe('the inbox', () => {
  test('holds what was refused: what was asked, by whom, what was told, what is true, and what fell with it', async () => {
    const { b, a, first, second } = await lastItems()
    expect(await inbox(b)).toMatchObject([
      {
        commandId: first.commandId,
        verdict: 'refused',
        type: 'stockItem.pick',
        aggregateId: 'x',
        payload: { quantity: 3 },
        actor: 'bea',
        givenAt: 77,
        refusal: 'outOfStock',
        told: { ok: true, events: [{ type: 'stockItem.picked', aggregateId: 'x', data: { quantity: 3 } }] },
        now: { ok: false, refusal: 'outOfStock', details: { onHand: 1 }, events: [] },
        because: [],
      },
      { commandId: second.commandId, because: [first.commandId] },
    ])
    expect(await inbox(a)).toEqual([])
  })

  test('survives a restart, and syncs nothing', async () => {
    const { server, b, a, storage } = await lastItems()
    const before = (await server.pull(0)).length
    const rows = await inbox(b)
    await b.engine.close()
    const again = await open(server, 'b', storage)
    expect(await inbox(again)).toEqual(rows)
    await sync(again)
    await sync(a)
    expect((await server.pull(0)).length).toBe(before)
  })

  test('lets go of what is discarded, once', async () => {
    const { b, requests, first, second } = await lastItems()
    expect(await requests.discard(first.commandId)).toBe(true)
    expect(await requests.discard(first.commandId)).toBe(false)
    expect((await inbox(b)).map(({ commandId }) => commandId)).toEqual([second.commandId])
    expect(await requests.retry(first.commandId)).toBeUndefined()
    expect(await requests.receipt(first.commandId)).toMatchObject({ state: 'refused' })
  })

  test('gives a Command again: refused once more it stays, accepted it leaves, and never twice', async () => {
    const { a, b, requests, first } = await lastItems()
    expect(await requests.retry(first.commandId)).toMatchObject({ ok: false, refusal: 'outOfStock' })
    expect(await inbox(b)).toHaveLength(2)
    await give(a.engine, 'stockItem.receive', 'x', { quantity: 10 })
    await sync(a)
    await sync(b)
    const [one, two] = await Promise.all([requests.retry(first.commandId), requests.retry(first.commandId)])
    expect([one, two].filter((each) => each?.ok).length).toBeGreaterThan(0)
    expect(await onHand(b, 'x')).toBe(8)
    expect(await inbox(b)).toHaveLength(1)
    await sync(b)
    expect(await onHand(b, 'x')).toBe(8)
  })

  test('gives it again with another payload', async () => {
    const { b, requests, second } = await lastItems()
    expect(await requests.resend(second.commandId, { quantity: 1 })).toMatchObject({ ok: true })
    expect(await onHand(b, 'x')).toBe(0)
    await expect(requests.resend((await inbox(b))[0]?.commandId ?? '', { quantity: 'many' })).rejects.toMatchObject({
      code: 'invalid-command',
    })
    expect(await inbox(b)).toHaveLength(1)
  })
})

test('a slice that could not be written, and comes again, names no Command as the cause of its own return', async () => {
  const { storage, a, b } = await lastItems()
  await give(a.engine, 'stockItem.register', 'z', { name: 'Z' })
  await give(a.engine, 'stockItem.receive', 'z', { quantity: 5 })
  await sync(a)
  await b.pull()
  await give(a.engine, 'stockItem.pick', 'z', { quantity: 5 })
  const first = await give(b.engine, 'stockItem.pick', 'z', { quantity: 3 })
  const second = await give(b.engine, 'stockItem.pick', 'z', { quantity: 2 })
  await sync(a)
  await b.push()
  storage.faults.fail('events.append', 'UnknownError')
  await expect(b.pull()).rejects.toMatchObject({ code: 'storage-failed' })
  await b.pull()
  expect((await inbox(b)).slice(-2).map(({ commandId, because }) => [commandId, because])).toEqual([
    [first.commandId, []],
    [second.commandId, [first.commandId]],
  ])
})

test('what fell with a Command that was returned before a restart names it, and nothing that was returned before it was given', async () => {
  const { storage, server, a, b, first } = await lastItems()
  await give(a.engine, 'stockItem.receive', 'x', { quantity: 3 })
  await sync(a)
  await b.pull()
  await give(a.engine, 'stockItem.pick', 'x', { quantity: 3 })
  const third = await give(b.engine, 'stockItem.pick', 'x', { quantity: 2 })
  const fourth = await give(b.engine, 'stockItem.pick', 'x', { quantity: 2 })
  await sync(a)
  const [next] = await b.sync.pending(b.sync.state.cursor?.sequence ?? 0, 1)
  await server.push('b', next ? [next] : [])
  await b.pull()
  await b.engine.close()
  const again = await open(server, 'b', storage)
  await sync(again)
  const causes = new Map((await inbox(again)).map(({ commandId, because }) => [commandId, because]))
  expect(causes.get(first.commandId)).toEqual([])
  expect(causes.get(third.commandId)).toEqual([])
  expect(causes.get(fourth.commandId)).toEqual([third.commandId])
})

test('hazard 16: another try of a retry that is at risk waits for that one, and gives no second', async () => {
  const { a, b, first, requests } = await lastItems()
  await give(a.engine, 'stockItem.receive', 'x', { quantity: 3 })
  await sync(a)
  await b.pull()
  // It is given, and the tab dies before that is noted.
  const { resolve } = b.sync
  b.sync.resolve = () => Promise.reject(new Error('dead'))
  await expect(requests.retry(first.commandId)).rejects.toThrow('dead')
  b.sync.resolve = resolve
  await give(a.engine, 'stockItem.pick', 'x', { quantity: 4 })
  await sync(a)
  await b.pull()
  await give(b.engine, 'stockItem.receive', 'x', { quantity: 9 })
  expect(b.sync.state.pending).toBe(2)
  expect(await requests.retry(first.commandId)).toMatchObject({ ok: false, refusal: 'outOfStock' })
  expect(b.sync.state.pending).toBe(2)
  expect((await inbox(b)).map(({ commandId }) => commandId)).not.toContain(first.commandId)
})
