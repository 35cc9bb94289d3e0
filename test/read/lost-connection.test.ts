/** Queries over rows in IndexedDB whose connection the browser loses meanwhile. */
import { aggregate, domain, readModel } from 'outpost'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createIndexedDbStorage } from '../../src/storage/indexeddb/indexeddb-storage.ts'
import { createFaultyBrowser, diesAtSecondPage } from '../storage/faulty-indexed-db.ts'
import { message, openEngine } from '../support/engine.ts'
import { from } from './queries.ts'

const entry = aggregate('entry', {
  state: z.object({}),
  events: { added: z.object({ size: z.number() }) },
  commands: { add: z.object({ size: z.number() }) },
  create: { added: () => ({}) },
  evolve: {},
  decide: { add: (_state, payload, { emit }) => emit.added(payload) },
})
const entries = readModel('entries', {
  version: 1,
  from: [entry],
  row: z.object({ id: z.string(), size: z.number() }),
  key: 'id',
  on: { 'entry.added': ({ aggregateId, data }, rows) => rows.put({ id: aggregateId, ...data }) },
})

const ROWS = 1_500

test('a query whose order has to be made has each row once where its read had to begin again', async () => {
  const browser = createFaultyBrowser()
  const open = () =>
    openEngine(createIndexedDbStorage(browser), { domain: domain('entries', { aggregates: [entry], readModels: [entries] }) })
  const first = await open()
  await Promise.all(first.dispatch(Array.from({ length: ROWS }, (_, i) => message('entry.add', `e-${i}`, { size: (i * 7) % ROWS }))))
  await first.close()

  const engine = await open()
  const bySize = from(entries).orderBy('size').description
  await engine.run(bySize, ROWS, 10_000)
  browser.onTransaction('rows', diesAtSecondPage)
  const { data } = await engine.run(bySize, ROWS, 10_000)
  expect((data as { size: number }[]).map(({ size }) => size)).toEqual(Array.from({ length: ROWS }, (_, i) => i))
})
