import type { LogStorage, ReadStore } from '../../storage/storage.ts'
import { assert, assertRejects, assertSame } from './assert.ts'
import { contractCase } from './contract-case.ts'
import { checkpoint, record } from './samples.ts'

const schema = { key: 'id', indexes: [['group']] }

const callsOf = ({ events, states, segments, meta }: LogStorage): Record<string, () => Promise<unknown>> => ({
  'events.last': () => events.last(),
  'events.append': () => events.append([record(1)], 'relaxed'),
  'events.read': () => events.read(0, 1),
  'events.get': () => events.get([1]),
  'states.checkpoints': () => states.checkpoints(),
  'states.load': () => states.load('fold', ['a']),
  'states.save': () => states.save([{ fold: 'fold', expected: undefined, checkpoint: checkpoint(1), puts: [], removes: [] }]),
  'states.due': () => states.due('fold', 1),
  'states.drop': () => states.drop('fold'),
  'segments.catalogue': () => segments.catalogue(),
  'segments.blocks': () => segments.blocks([{ index: 'ids', run: 0, block: 0 }]),
  'segments.save': () => segments.save({ expected: undefined, checkpoint: checkpoint(1), catalogue: 1, puts: [], removes: [] }),
  'meta.get': () => meta.get('key'),
  'meta.entries': () => meta.entries(''),
  'meta.update': () => meta.update('key', () => 1),
})

const callsOfRead = (store: ReadStore): Record<string, () => Promise<unknown>> => ({
  checkpoint: () => store.checkpoint(),
  load: () => store.load(['a']),
  scan: () => store.scan({}),
  count: () => store.count({}),
  save: () => store.save({ expected: undefined, checkpoint: checkpoint(1), puts: [], removes: [] }),
})

async function assertClosed(calls: Record<string, () => Promise<unknown>>): Promise<void> {
  for (const [name, call] of Object.entries(calls)) await assertRejects(call, 'closed', name)
}

/** Resolves with the reason, once told. */
const closing = (handle: { onClosed: ((reason: string) => void) | undefined }): Promise<string> =>
  new Promise((resolve, reject) => {
    let told = false
    handle.onClosed = (reason) => {
      if (told) reject(new Error('onClosed was called twice'))
      told = true
      resolve(reason)
    }
  })

export const lifeCycleCases = [
  contractCase('what was written is there for whoever opens it later', async ({ openLog, openReadStore }) => {
    const [log, store] = [await openLog(), await openReadStore(schema)]
    await log.events.append([record(1)], 'relaxed')
    await store.save({ expected: undefined, checkpoint: checkpoint(1), puts: [{ id: 1, group: 'g' }], removes: [] })
    log.close()
    store.close()
    assertSame(await (await openLog(1)).events.last(), record(1), 'record')
    const again = await openReadStore(schema, 1)
    assertSame(await again.scan({ index: 0 }), { checkpoint: checkpoint(1), rows: [{ id: 1, group: 'g' }] }, 'rows')
  }),

  contractCase('many may open one name at the same time', async ({ openLog, openReadStore }) => {
    const logs = await Promise.all([openLog(0), openLog(1), openLog(0), openLog(1)])
    await logs[0].events.append([record(1)], 'relaxed')
    for (const log of logs) assertSame(await log.events.last(), record(1), 'record')
    const stores = await Promise.all([openReadStore(schema, 0), openReadStore(schema, 1)])
    await stores[0].save({ expected: undefined, checkpoint: checkpoint(1), puts: [{ id: 1 }], removes: [] })
    for (const store of stores) assertSame((await store.count({})).count, 1, 'rows')
  }),

  contractCase(
    'after close, which works twice, every call rejects with closed, and onClosed is silent',
    async ({ openLog, openReadStore }) => {
      const [log, store] = [await openLog(), await openReadStore(schema)]
      let told = 0
      log.onClosed = store.onClosed = () => told++
      for (const handle of [log, store]) {
        handle.close()
        handle.close()
      }
      await assertClosed(callsOf(log))
      await assertClosed(callsOfRead(store))
      assertSame(told, 0, 'calls of onClosed')
    },
  ),

  contractCase('closing one handle leaves the others of that name open', async ({ openLog, openReadStore }) => {
    const [log, other] = [await openLog(0), await openLog(0)]
    log.close()
    assertSame(await other.events.append([record(1)], 'relaxed'), 'appended', 'append')
    const [store, another] = [await openReadStore(schema, 0), await openReadStore(schema, 0)]
    store.close()
    assertSame((await another.count({})).count, 0, 'count')
  }),

  contractCase('what was asked before close is still answered', async ({ openLog }) => {
    const [log, other] = [await openLog(0), await openLog(1)]
    const appending = log.events.append([record(1)], 'relaxed')
    log.close()
    assertSame(await appending, 'appended', 'append')
    assertSame(await other.events.last(), record(1), 'record')
  }),

  contractCase(
    'destroying a database closes its handles everywhere and tells each once',
    async ({ tabs, prefix, openLog, openReadStore }) => {
      const logs = [await openLog(0), await openLog(1)]
      const store = await openReadStore(schema, 1)
      const told = [...logs, store].map(closing)
      await tabs[0].destroy(`${prefix}log`)
      await tabs[0].destroy(`${prefix}read`)
      for (const reason of await Promise.all(told)) assert(reason.length > 0, 'a reason is given')
      for (const log of logs) await assertClosed(callsOf(log))
      await assertClosed(callsOfRead(store))
    },
  ),

  contractCase(
    'a database made anew is empty, and closed to handles on the one before',
    async ({ tabs, prefix, openLog, openReadStore }) => {
      const [old, oldStore] = [await openLog(), await openReadStore(schema)]
      await old.events.append([record(1)], 'relaxed')
      await old.meta.update('epoch', () => 1)
      await tabs[1].destroy(`${prefix}log`)
      await tabs[1].destroy(`${prefix}read`)
      const [log, store] = [await openLog(1), await openReadStore({ key: 'other', indexes: [] }, 1)]
      assertSame(await log.events.last(), undefined, 'records')
      assertSame(await log.meta.entries(''), new Map(), 'meta')
      assertSame((await store.count({})).count, 0, 'rows')
      await assertClosed(callsOf(old))
      await assertClosed(callsOfRead(oldStore))
      assertSame(await log.events.last(), undefined, 'records after calls on the old handle')
    },
  ),

  contractCase('destroying what is not there does nothing', async ({ tabs, prefix }) => {
    await tabs[0].destroy(`${prefix}none`)
    assertSame(await tabs[0].list(prefix), [], 'databases')
  }),

  contractCase('databases are listed by how their name begins', async ({ tabs, prefix }) => {
    const names = ['app.hall-7.ann.log', 'app.hall-7.ann.read.stock list@1#0', 'app.hall-7.anna.log', 'app.%*é😀.log'].map(
      (name) => prefix + name,
    )
    const handles = [await tabs[0].openLog(names[0] as string), await tabs[0].openReadStore(names[1] as string, schema)]
    for (const name of names.slice(2)) handles.push(await tabs[1].openLog(name))
    const listed = async (start: string) => [...(await tabs[1].list(prefix + start))].sort()
    assertSame(await listed(''), [...names].sort(), 'all')
    assertSame(await listed('app.hall-7.ann.'), names.slice(0, 2).sort(), 'of one principal')
    assertSame(await listed('app.%*'), names.slice(3), 'odd characters')
    assertSame(await listed('none'), [], 'none')
    for (const handle of handles) handle.close()
    await tabs[0].destroy(names[0] as string)
    assertSame(await listed('app.hall-7.ann.'), names.slice(1, 2), 'after one was destroyed')
  }),
]
