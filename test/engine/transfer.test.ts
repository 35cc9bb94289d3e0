/** Export and import, destroy and close. */
import { parse, stringify } from 'devalue'
import { aggregate, domain } from 'outpost'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { LogRecord } from '../../src/storage/record.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { allEvents, createRoles, give, message, openEngine, pagesOf } from '../support/engine.ts'

type Engine = Awaited<ReturnType<typeof openEngine>>

async function exported(engine: Engine): Promise<string[]> {
  let text = ''
  for (let page = await engine.exportPage(); ; page = await engine.exportPage(page.next)) {
    text += page.text
    if (!page.next) return text.split('\n')
  }
}
const imported = (engine: Engine, [header = '', ...lines]: readonly string[]) => engine.import(pagesOf([header], ...chunksOf(lines)))
const chunksOf = (lines: readonly string[]): readonly (readonly string[])[] =>
  lines.flatMap((_, at) => (at % 10 === 0 ? [lines.slice(at, at + 10)] : []))
/** An Aggregate whose Events hold whatever they are given. */
const note = aggregate('note', {
  state: z.object({}),
  events: { made: z.unknown() },
  commands: { make: z.unknown() },
  create: { made: () => ({}) },
  evolve: {},
  decide: { make: (_state, payload, { emit }) => emit.made(payload) },
})
const notes = domain('notes', { aggregates: [note] })

/** An export with one of its records changed. */
const changed =
  (change: (record: LogRecord) => unknown) =>
  (lines: readonly string[]): readonly string[] =>
    lines.map((line, at) => (at === 20 ? stringify(change(parse(line) as LogRecord)) : line))

async function filled() {
  const engine = await openEngine(createMemoryStorage())
  for (let n = 0; n < 150; n++) await give(engine, 'stockItem.register', `item-${n}`, { name: `Nº ${n} 🧰` }, { id: `reg-${n}` })
  await Promise.all(engine.dispatch(Array.from({ length: 150 }, (_, n) => message('stockItem.receive', `item-${n}`, { quantity: n + 1 }))))
  await give(engine, 'stockItem.pick', 'item-3', { quantity: 99 }, { id: 'refused' })
  return engine
}

let whole: Promise<readonly string[]> | undefined
const wholeExport = (): Promise<readonly string[]> => (whole ??= filled().then(exported))

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

  test('gives back every value that an Event can hold, as it was', async () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const bytes = Uint8Array.of(1, 2, 3, 4)
    const values = [
      { date: new Date(5), noDate: new Date(Number.NaN), pattern: /a+/gi },
      { big: 12n, notANumber: Number.NaN, zero: -0, infinite: -Infinity, nothing: undefined, none: null },
      { map: new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'a'])]]), list: [1, , 3] }, // oxlint-disable-line no-sparse-arrays -- a hole
      { bytes, middle: bytes.subarray(1, 3), view: new DataView(bytes.buffer, 1, 2), buffer: bytes.buffer },
      { 'halfOfALetter': '\ud83e', '\udd30': 'as a name', 'lines': 'a\nb\u2028c' },
      JSON.parse('{"__proto__": {"__proto__": 1, "other": 2}}') as unknown,
      { constructor: 1, toString: 2, then: 3, length: 4 },
      circle,
    ]
    const engine = await openEngine(createMemoryStorage(), { domain: notes })
    for (const value of values) expect(await give(engine, 'note.make', `n-${values.indexOf(value)}`, value)).toMatchObject({ ok: true })
    // As a file they are bytes.
    const file = new TextDecoder().decode(new TextEncoder().encode((await exported(engine)).join('\n')))
    const other = await openEngine(createMemoryStorage(), { domain: notes })
    await imported(other, file.split('\n'))
    expect((await allEvents(other)).map(({ data }) => data)).toStrictEqual(values)
  })

  test('holds what was recorded when it began, whatever is recorded while it is read', async () => {
    const engine = await filled()
    const first = await engine.exportPage()
    await give(engine, 'stockItem.register', 'late', { name: 'late' })
    let text = first.text
    for (let page = first; page.next;) {
      page = await engine.exportPage(page.next)
      text += page.text
    }
    expect(await imported(await openEngine(createMemoryStorage()), text.split('\n'))).toMatchObject({ events: 300 })
  })

  test('of a log with things in it is refused', async () => {
    const engine = await filled()
    await expect(imported(engine, await exported(engine))).rejects.toMatchObject({ code: 'log-not-empty' })
  })

  test.each([
    ['is no export', () => ['hello']],
    ['is of another app', (lines: readonly string[]) => [(lines[0] as string).replace('"stock"', '"clinic"'), ...lines.slice(1)]],
    ['is cut off', (lines: readonly string[]) => lines.slice(0, -5)],
    ['lost a record', (lines: readonly string[]) => [...lines.slice(0, 20), ...lines.slice(21)]],
    ['is damaged', (lines: readonly string[]) => [...lines.slice(0, 20), (lines[20] as string).slice(0, -9), ...lines.slice(21)]],
    ['holds no record', changed(() => null)],
    ['holds a Command that is null', changed((record) => ({ ...record, commands: [null] }))],
    ['holds a Command without an outcome', changed((record) => ({ ...record, commands: [{ ...record.commands[0], outcome: undefined }] }))],
    ['holds an Event that is null', changed((record) => ({ ...record, events: [null] }))],
    ['holds an Event of no Command', changed((record) => ({ ...record, events: [{ ...record.events[0], command: 7 }] }))],
    ['holds an Event whose version does not follow', changed((record) => ({ ...record, events: [{ ...record.events[0], version: 5 }] }))],
    ['holds an Event without a type', changed((record) => ({ ...record, events: [{ ...record.events[0], type: undefined }] }))],
    ['holds states that are none', changed((record) => ({ ...record, states: [null] }))],
  ])('that %s leaves an empty log behind', async (_, damage: (lines: readonly string[]) => readonly string[]) => {
    const lines = await wholeExport()
    const storage = createMemoryStorage()
    const other = await openEngine(storage)
    await expect(imported(other, damage(lines))).rejects.toMatchObject({ code: 'invalid-import' })
    await other.close()
    const next = await openEngine(storage)
    expect(await allEvents(next)).toEqual([])
    expect(await imported(next, lines)).toMatchObject({ events: 300 })
  })

  test('killed half-way has changed nothing at the next start', async () => {
    const lines = await wholeExport()
    const storage = createMemoryStorage()
    const other = await openEngine(storage.tab())
    let halfWay = (): void => undefined
    const half = new Promise<void>((resolve) => (halfWay = resolve))
    void other.import(
      (async function* () {
        yield lines.slice(0, 1)
        yield lines.slice(1, 40)
        halfWay()
        await new Promise(() => undefined)
      })(),
    )
    await half
    const next = await openEngine(storage.tab())
    expect(await allEvents(next)).toEqual([])
    expect(await imported(next, lines)).toMatchObject({ events: 300 })
  })

  test('whose lines cannot be read on leaves an empty log behind', async () => {
    const lines = await wholeExport()
    const storage = createMemoryStorage()
    const unreadable = async function* () {
      yield* pagesOf(lines.slice(0, 1), lines.slice(1, 40))
      throw new RangeError('the disk is gone')
    }
    const engine = await openEngine(storage)
    await expect(engine.import(unreadable())).rejects.toThrow('the disk is gone')
    await expect(give(engine, 'stockItem.register', 'a', { name: 'A' })).rejects.toMatchObject({ code: 'closed' })
    expect(await imported(await openEngine(storage), lines)).toMatchObject({ events: 300 })
  })

  test('refuses the Commands that are given while it runs, and those alone', async () => {
    const lines = await wholeExport()
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    const appending = storage.faults.pause('events.append')
    const importing = imported(engine, lines)
    await appending.reached
    await expect(give(engine, 'stockItem.register', 'mine', { name: 'M' })).rejects.toMatchObject({ code: 'importing' })
    await expect(imported(engine, lines)).rejects.toMatchObject({ code: 'log-not-empty' })
    appending.release()
    expect(await importing).toMatchObject({ events: 300 })
    expect(await give(engine, 'stockItem.register', 'mine', { name: 'M' })).toMatchObject({ ok: true, position: 301 })
  })

  test('waits for the Commands that were given before it, and then finds a log that is not empty', async () => {
    const lines = await wholeExport()
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    const appending = storage.faults.pause('events.append')
    const giving = give(engine, 'stockItem.register', 'mine', { name: 'M' })
    await appending.reached
    const importing = imported(engine, lines)
    appending.release()
    await expect(importing).rejects.toMatchObject({ code: 'log-not-empty' })
    expect(await giving).toMatchObject({ ok: true })
    expect(await engine.load('stockItem', 'mine')).toMatchObject({ version: 1 })
  })

  test('ends where the engine is closed meanwhile, and leaves an empty log behind', async () => {
    const lines = await wholeExport()
    const storage = createMemoryStorage()
    const engine = await openEngine(storage)
    const appending = storage.faults.pause('events.append')
    const importing = imported(engine, lines)
    await appending.reached
    const closing = engine.close()
    appending.release()
    await expect(importing).rejects.toMatchObject({ code: 'closed' })
    await closing
    expect(await allEvents(await openEngine(storage))).toEqual([])
  })

  test('finds what another tab wrote that was closed before its word came, and leaves it as it is', async () => {
    const lines = await wholeExport()
    const storage = createMemoryStorage()
    const engine = await openEngine(storage.tab())
    async function* late() {
      const other = await openEngine(storage.tab())
      await give(other, 'stockItem.register', 'kept', { name: 'Kept' })
      await other.close()
      yield lines
    }
    await expect(engine.import(late())).rejects.toMatchObject({ code: 'log-not-empty' })
    expect(await allEvents(engine)).toHaveLength(1)
    const next = await openEngine(storage.tab())
    expect(await next.load('stockItem', 'kept')).toMatchObject({ version: 1 })
    expect(await give(next, 'stockItem.receive', 'kept', { quantity: 1 })).toMatchObject({ ok: true })
  })

  test('says what failed where it cannot look for other tabs, and can be tried again', async () => {
    const lines = await wholeExport()
    const looks = [true, new RangeError('no locks'), true, true]
    const alone = async () => {
      const found = looks.shift() ?? true
      if (found instanceof Error) throw found
      return found
    }
    const engine = await openEngine(createMemoryStorage(), { environment: { alone } })
    await expect(imported(engine, lines)).rejects.toThrow('no locks')
    expect(await imported(engine, lines)).toMatchObject({ events: 300 })
  })

  test('is not taken in while another tab is open', async () => {
    const lines = await wholeExport()
    const roles = createRoles()
    roles.open = 2
    const engine = await openEngine(createMemoryStorage(), { roles })
    await expect(imported(engine, lines)).rejects.toMatchObject({
      code: 'log-not-empty',
      message: expect.stringContaining('Close the other tabs') as string,
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
