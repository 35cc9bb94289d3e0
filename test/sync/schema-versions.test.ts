/** Devices and a server of different builds: what became of a Command is judged in one version, and settled as the server gave it. */
import { aggregate, domain, event } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { inboxModel } from '../../src/sync/inbox-model.ts'
import { INBOX } from '../../src/sync/inbox.ts'
import { give } from '../support/engine.ts'
import { type Device, openDevice, SmallServer } from './two-devices.ts'

const State = z.object({ pages: z.number() })
const Opened = z.object({ title: z.string() })
const Added = z.object({ pages: z.number() })

/** Books: by the second build a book has a shelf, and pages are added under another name. `most` is a rule of the server's alone. */
function books(build: 1 | 2, most = Infinity) {
  const book =
    build === 1
      ? aggregate('book', {
          state: State,
          events: { opened: Opened, added: Added },
          commands: { open: Opened, add: Added },
          create: { opened: () => ({ pages: 0 }) },
          evolve: { added: (state, { pages }) => ({ pages: state.pages + pages }) },
          decide: {
            open: (_, { title }, { emit }) => emit.opened({ title }),
            add: (_, { pages }, { emit }) => emit.added({ pages }),
          },
        })
      : aggregate('book', {
          state: State,
          events: {
            opened: event(Opened.extend({ shelf: z.string() }), {
              version: 2,
              upcast: { 1: (data: object) => ({ ...data, shelf: 'none' }) },
            }),
            extended: event(Added, { aliases: ['added'] }),
          },
          commands: { open: Opened, add: Added },
          create: { opened: () => ({ pages: 0 }) },
          evolve: { extended: (state, { pages }) => ({ pages: state.pages + pages }) },
          decide: {
            open: (_, { title }, { emit }) => emit.opened({ title, shelf: 'none' }),
            add: (_, { pages }, { emit }) => emit.extended({ pages: Math.min(pages, most) }),
          },
        })
  const declared = domain('books', { aggregates: [book] })
  return { ...declared, readModels: new Map([[INBOX, inboxModel]]) } as typeof declared
}

const storedOf = async ({ engine }: Device) =>
  (await engine.inside.log.records(0, Infinity)).flatMap(({ kind, sync, events }) =>
    events.map(({ type, schema, data }) => ({ from: sync?.step ?? kind, type, schema, data })),
  )
const inbox = async ({ engine }: Device) =>
  (
    await engine.run(
      { kind: 'rows', model: INBOX, where: {}, filter: {}, orderBy: [{ field: 'position', descending: false }], result: 'all' },
      engine.position,
      1_000,
    )
  ).data as readonly Record<string, unknown>[]

/** Two Commands of the older build, pushed to a server of the newer one. */
async function pushedByOldBuild(most?: number) {
  const server = await SmallServer.open(books(2, most))
  const storage = createMemoryStorage()
  const old = await openDevice(server, 'a', storage, { domain: books(1) })
  const opened = await give(old.engine, 'book.open', 'b', { title: 'B' })
  const added = await give(old.engine, 'book.add', 'b', { pages: 7 })
  await old.push()
  return { server, storage, old, opened, added, reopened: () => openDevice(server, 'a', storage, { domain: books(2) }) }
}

test('Commands of an older build that the server decides in newer versions are confirmed, and settled as the server gave them', async () => {
  const { old, reopened, opened, added } = await pushedByOldBuild()
  await old.engine.close()
  const device = await reopened()
  const waiting = await give(device.engine, 'book.add', 'b', { pages: 1 })
  await device.pull()
  expect(await device.sync.receipt(opened.commandId)).toEqual({ state: 'confirmed' })
  expect(await device.sync.receipt(added.commandId)).toEqual({ state: 'confirmed' })
  expect(await inbox(device)).toEqual([])
  expect((await storedOf(device)).filter(({ from }) => from === 'pulled')).toEqual([
    { from: 'pulled', type: 'book.opened', schema: 2, data: { title: 'B', shelf: 'none' } },
    { from: 'pulled', type: 'book.extended', schema: 1, data: { pages: 7 } },
  ])
  const read = await device.engine.readEvents(0, 9)
  expect(read.map(({ type, data }) => [type, data])).toEqual([
    ['book.opened', { title: 'B', shelf: 'none' }],
    ['book.extended', { pages: 7 }],
  ])
  expect(device.sync.state.pending).toBe(1)
  await device.push()
  await device.pull()
  expect(await device.sync.receipt(waiting.commandId)).toEqual({ state: 'confirmed' })
  expect((await device.engine.load('book', 'b')).state).toEqual({ pages: 8 })
})

test('what really came out otherwise is changed, told in the versions of this build', async () => {
  const { old, reopened, opened, added } = await pushedByOldBuild(5)
  await old.engine.close()
  const device = await reopened()
  await device.pull()
  expect(await device.sync.receipt(opened.commandId)).toEqual({ state: 'confirmed' })
  expect(await inbox(device)).toMatchObject([
    {
      commandId: added.commandId,
      verdict: 'changed',
      told: { events: [{ type: 'book.extended', data: { pages: 7 } }] },
      now: { events: [{ type: 'book.extended', data: { pages: 5 } }] },
    },
  ])
})

test('a build that does not understand what the server made of its Commands does not judge them: it is outdated, a newer one goes on', async () => {
  const { old, reopened, opened, added } = await pushedByOldBuild()
  const before = await old.engine.inside.log.records(0, Infinity)
  await expect(old.pull()).rejects.toThrow('outdated')
  expect(await old.engine.inside.log.records(0, Infinity)).toEqual(before)
  expect(await old.sync.receipt(opened.commandId)).toEqual({ state: 'pushed' })
  // What waits can be worked with as before.
  expect(await give(old.engine, 'book.add', 'b', { pages: 1 })).toMatchObject({ ok: true })
  await old.engine.close()
  const device = await reopened()
  await device.pull()
  expect(await device.sync.receipt(added.commandId)).toEqual({ state: 'confirmed' })
  expect(await inbox(device)).toEqual([])
})

test('a server of an older build changes nothing either', async () => {
  const server = await SmallServer.open(books(1))
  const device = await openDevice(server, 'a', createMemoryStorage(), { domain: books(2) })
  const { commandId } = await give(device.engine, 'book.open', 'b', { title: 'B' })
  await device.push()
  await device.pull()
  expect(await device.sync.receipt(commandId)).toEqual({ state: 'confirmed' })
  expect((await storedOf(device)).at(-1)).toEqual({ from: 'pulled', type: 'book.opened', schema: 1, data: { title: 'B' } })
})
