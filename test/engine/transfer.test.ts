/** Export and import, destroy and close. */
import { describe, expect, test } from 'vitest'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { allEvents, createRoles, give, message, openEngine } from '../support/engine.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

async function exported(engine: Engine): Promise<string[]> {
  let text = ''
  for (let from: number | undefined = 0; from !== undefined;) {
    const page: { text: string; next: number | undefined } = await engine.exportPage(from)
    text += page.text
    from = page.next
  }
  return text.split('\n')
}
async function imported(engine: Engine, [header = '', ...lines]: readonly string[]) {
  await engine.importBegin(header)
  for (let from = 0; from < lines.length; from += 10) await engine.importPage(lines.slice(from, from + 10))
  return engine.importEnd()
}
async function filled() {
  const engine = await openEngine(createMemoryStorage())
  for (let n = 0; n < 150; n++) await give(engine, 'stockItem.register', `item-${n}`, { name: `Nº ${n} 🧰` }, { id: `reg-${n}` })
  await Promise.all(engine.dispatch(Array.from({ length: 150 }, (_, n) => message('stockItem.receive', `item-${n}`, { quantity: n + 1 }))))
  await give(engine, 'stockItem.pick', 'item-3', { quantity: 99 }, { id: 'refused' })
  return engine
}

describe('an export', () => {
  test('restores Events, states, rows and receipts into an empty log', async () => {
    const engine = await filled()
    const lines = await exported(engine)
    const other = await openEngine(createMemoryStorage())
    expect(await imported(other, lines)).toMatchObject({ events: engine.position })
    expect(await allEvents(other)).toEqual(await allEvents(engine))
    expect(await other.load('stockItem', 'item-7')).toEqual(await engine.load('stockItem', 'item-7'))
    expect(await give(other, 'stockItem.pick', 'item-3', { quantity: 99 }, { id: 'refused' })).toMatchObject({ refusal: 'outOfStock' })
    expect(await give(other, 'stockItem.register', 'item-1', { name: 'other' }, { id: 'reg-1' })).toMatchObject({ ok: true, position: 2 })
    expect(await give(other, 'stockItem.pick', 'item-140', { quantity: 100 })).toMatchObject({ ok: true })
  })

  test('of a log with things in it is refused', async () => {
    const engine = await filled()
    await expect(imported(engine, await exported(engine))).rejects.toMatchObject({ code: 'log-not-empty' })
  })

  test.each([
    ['is no export', () => ['hello']],
    ['is of another app', (lines: string[]) => [(lines[0] as string).replace('"stock"', '"clinic"'), ...lines.slice(1)]],
    ['is cut off', (lines: string[]) => lines.slice(0, -5)],
    ['lost a record', (lines: string[]) => [...lines.slice(0, 20), ...lines.slice(21)]],
    ['is damaged', (lines: string[]) => [...lines.slice(0, 20), (lines[20] as string).slice(0, -9), ...lines.slice(21)]],
  ])('that %s leaves an empty log behind', async (_, damage: (lines: string[]) => string[]) => {
    const lines = await exported(await filled())
    const storage = createMemoryStorage()
    const other = await openEngine(storage)
    await expect(imported(other, damage(lines))).rejects.toMatchObject({ code: 'invalid-import' })
    await other.close()
    const next = await openEngine(storage)
    expect(await allEvents(next)).toEqual([])
    expect(await imported(next, lines)).toMatchObject({ events: 300 })
  })

  test('killed half-way has changed nothing at the next start', async () => {
    const lines = await exported(await filled())
    const storage = createMemoryStorage()
    const other = await openEngine(storage.tab())
    await other.importBegin(lines[0] as string)
    await other.importPage(lines.slice(1, 40))
    const next = await openEngine(storage.tab())
    expect(await allEvents(next)).toEqual([])
    expect(await imported(next, lines)).toMatchObject({ events: 300 })
  })

  test('is not taken in while another tab is open', async () => {
    const lines = await exported(await filled())
    const roles = createRoles()
    roles.open = 2
    const engine = await openEngine(createMemoryStorage(), { roles })
    await expect(imported(engine, lines)).rejects.toMatchObject({
      code: 'log-not-empty',
      message: expect.stringContaining('Close all others') as string,
    })
    roles.open = 1
    expect(await imported(engine, lines)).toMatchObject({ events: 300 })
  })
})

test('destroy deletes every database of this space and principal, and nothing else', async () => {
  const storage = createMemoryStorage()
  const engine = await openEngine(storage)
  await give(engine, 'stockItem.register', 'a', { name: 'A' })
  await storage.openLog('stock.hall-7.annabel.log')
  await storage.openLog('stock.hall-70.ann.log')
  await engine.destroy()
  expect([...(await storage.list(''))].sort()).toEqual(['stock.hall-7.annabel.log', 'stock.hall-70.ann.log'])
})

test('after close every call fails with `closed`, and closing again is harmless', async () => {
  const engine = await openEngine(createMemoryStorage())
  await engine.close()
  await engine.close()
  await expect(give(engine, 'stockItem.register', 'a', { name: 'A' })).rejects.toMatchObject({ code: 'closed' })
  await expect(engine.load('stockItem', 'a')).rejects.toMatchObject({ code: 'closed' })
  await expect(engine.readEvents(0, 1)).rejects.toMatchObject({ code: 'closed' })
})
