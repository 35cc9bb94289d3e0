import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isOutpostError } from '../../src/errors.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { turn } from '../../src/storage/memory/turn.ts'
import { hash53 } from '../../src/storage/hash.ts'
import type { LogRecord } from '../../src/storage/record.ts'
import { openSegmentIndex } from '../../src/storage/segment-index.ts'
import type { SegmentIndex } from '../../src/storage/segment-index.ts'
import { recordOf, WatchedSegments } from '../storage/segment-fixture.ts'

const ids = Array.from({ length: 40 }, (_, i) => `c${i}`)
const streams = ['item/a', 'item/b', 'item/c', 'order/a', 'order/b']
const tabs = 3

/** One step of a history. Nothing is awaited but `step`, which lets so many store calls go on, in any order. */
const tab = fc.nat(tabs - 1)
const plain = {
  append: fc.record({ do: fc.constant('append' as const), ids: fc.subarray(ids, { maxLength: 6 }), streams: fc.subarray(streams) }),
  catchUp: fc.record({ do: fc.constant('catchUp' as const), tab, count: fc.integer({ min: 1, max: 8 }) }),
  flush: fc.record({ do: fc.constant('flush' as const), tab }),
  commands: fc.record({ do: fc.constant('commands' as const), tab, ids: fc.subarray(ids, { minLength: 1 }) }),
  stream: fc.record({ do: fc.constant('stream' as const), tab, stream: fc.constantFrom(...streams) }),
  step: fc.record({ do: fc.constant('step' as const), count: fc.integer({ min: 1, max: 20 }) }),
}
const rare = {
  reset: fc.record({ do: fc.constant('reset' as const), tab }),
  reopen: fc.record({ do: fc.constant('reopen' as const), tab }),
  clear: fc.record({ do: fc.constant('clear' as const), tab }),
}
type Values<T> = { [K in keyof T]: T[K] extends fc.Arbitrary<infer V> ? V : never }[keyof T]
type Step = Values<typeof plain> | Values<typeof rare>

const often = (arbitrary: fc.Arbitrary<Step>, weight: number) => ({ arbitrary, weight })
const histories = (...rarely: readonly fc.Arbitrary<Step>[]) =>
  fc.array(
    fc.oneof(
      often(plain.append, 8),
      often(plain.catchUp, 8),
      often(plain.flush, 7),
      often(plain.commands, 4),
      often(plain.stream, 2),
      often(plain.step, 10),
      ...rarely.map((arbitrary) => often(arbitrary, 1)),
    ),
    { minLength: 150, maxLength: 500, size: 'max' },
  )

interface Tab {
  index: SegmentIndex
  /** Opening or resetting: nothing is added. */
  busy: boolean
  /** Grows with each reset. */
  life: number
}

async function run(s: fc.Scheduler, history: readonly Step[], hash: (text: string) => number): Promise<{ stale: number; retries: number }> {
  const storage = createMemoryStorage()
  const usedRuns = new Set<string>()
  const stores: WatchedSegments[] = []
  let gated = true
  const open = async () => {
    const gate = async () => (gated ? s.schedule(Promise.resolve()) : undefined)
    const store = new WatchedSegments((await storage.openLog('log')).segments, usedRuns, gate)
    stores.push(store)
    return openSegmentIndex(store, { entriesPerBlock: 3, hash })
  }
  /** Lets the store's calls go on, at most so many; each may bring others. */
  const step = async (count: number) => {
    for (let i = 0; i < count; i++) {
      for (let t = 0; t < 3; t++) await turn()
      if (s.count() > 0) await s.waitNext(1)
    }
  }

  const log: LogRecord[] = []
  let cleared = false
  let stale = 0
  const failures: unknown[] = []
  const running = new Set<Promise<unknown>>()
  const background = (work: Promise<unknown>) => {
    const ended: Promise<unknown> = work.catch((error: unknown) => failures.push(error)).then(() => running.delete(ended))
    running.add(ended)
  }

  /** Exactly the records that hold it, and besides them only such as hold an equal hash. */
  const check = (
    found: readonly number[],
    key: string,
    keysOf: (record: LogRecord) => readonly string[],
    head: number,
    descending: boolean,
  ) => {
    const through = log.slice(0, head)
    const truth = through.filter((record) => keysOf(record).includes(key)).map(({ number }) => number)
    const equal = through.filter((record) => keysOf(record).some((other) => hash(other) === hash(key))).map(({ number }) => number)
    const ascending = descending ? found.toReversed() : found
    expect(ascending).toEqual([...new Set(found)].sort((a, b) => a - b))
    expect(found.filter((number) => truth.includes(number)).length).toBe(truth.length)
    expect(found.filter((number) => !equal.includes(number))).toEqual([])
  }
  const idsOf = ({ commands }: LogRecord) => commands.map(({ id }) => id)
  const streamsOf = ({ events }: LogRecord) => events.map(({ type, aggregateId }) => `${type.slice(0, type.indexOf('.'))}/${aggregateId}`)
  const askCommands = async ({ index }: Tab, asked: readonly string[]) => {
    const head = index.head.record
    const found = await index.findCommands(asked)
    expect(found.length).toBe(asked.length)
    for (const [i, id] of asked.entries()) check(found[i] ?? [], id, idsOf, head, true)
  }
  const askStream = async ({ index }: Tab, stream: string) => {
    const head = index.head.record
    const [aggregate = '', id = ''] = stream.split('/')
    const [found, may] = await Promise.all([index.findStream(aggregate, id), index.mayHave(aggregate, [id, 'never seen'])])
    if (log.slice(0, head).some((record) => streamsOf(record).includes(stream))) expect(may).toContain(id)
    check(found, stream, streamsOf, head, false)
  }
  /** Only a reset or an emptied index excuses a refusal, nothing excuses a wrong answer. */
  const excused = async (tab: Tab, asked: Promise<void>) => {
    const { life, busy } = tab
    await asked.catch((error: unknown) => {
      if (!isOutpostError(error, 'storage-failed') || !(cleared || busy || tab.life !== life)) throw error
    })
  }
  const meanwhileBusy = async (tab: Tab, work: () => Promise<void>) => {
    tab.busy = true
    tab.life++
    await work()
    tab.busy = false
  }
  const catchUp = (tab: Tab, count: number) => {
    if (!tab.busy) for (const record of log.slice(tab.index.head.record, tab.index.head.record + count)) tab.index.add(record)
  }

  gated = false
  const all: Tab[] = []
  for (let i = 0; i < tabs; i++) all.push({ index: await open(), busy: false, life: 0 })
  gated = true

  for (const now of history) {
    if (now.do === 'append') log.push(recordOf(log.length + 1, now.ids, now.streams))
    else if (now.do === 'step') await step(now.count)
    else {
      const tab = all[now.tab] as Tab
      if (now.do === 'catchUp') catchUp(tab, now.count)
      else if (now.do === 'flush') background(tab.index.flush().then((answer) => (stale += answer === 'stale' ? 1 : 0)))
      else if (now.do === 'commands') background(excused(tab, askCommands(tab, now.ids)))
      else if (now.do === 'stream') background(excused(tab, askStream(tab, now.stream)))
      else if (!tab.busy && now.do === 'reset') background(meanwhileBusy(tab, () => tab.index.reset()))
      else if (!tab.busy && now.do === 'reopen') background(meanwhileBusy(tab, async () => void (tab.index = await open())))
      else if (!tab.busy && now.do === 'clear') {
        cleared = true
        background(meanwhileBusy(tab, () => tab.index.clear()))
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  while (running.size > 0) await step(1)
  if (failures.length > 0) throw failures[0]

  gated = false
  for (const tab of all) {
    catchUp(tab, Infinity)
    if (cleared) {
      await tab.index.reset()
      catchUp(tab, Infinity)
    }
    await askCommands(tab, ids)
    for (const stream of streams) await askStream(tab, stream)
  }
  for (const { index } of all) while ((await index.flush()) !== 'idle');
  const fresh: Tab = { index: await open(), busy: false, life: 0 }
  expect(fresh.index.head.record).toBe(log.length)
  for (const tab of [...all, fresh]) {
    expect(tab.index.pending).toBe(0)
    await askCommands(tab, ids)
    for (const stream of streams) await askStream(tab, stream)
  }
  return { stale, retries: stores.reduce((sum, { misses }) => sum + misses, 0) }
}

const few = (text: string): number => hash53(text) % 7

test.each([
  ['', histories(rare.reopen), hash53],
  [', when tabs reset and few hashes are different', histories(rare.reset, rare.reopen), few],
  [', when tabs empty the index', histories(rare.reset, rare.reopen, rare.clear), hash53],
] as const)(
  'three tabs that add, flush, merge and look up in any order find every Command and stream%s',
  async (_, history, hash) => {
    let stale = 0
    let retries = 0
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), history, async (s, steps) => {
        const seen = await run(s, steps, hash)
        stale += seen.stale
        retries += seen.retries
      }),
      // Shrinking a history takes minutes; seed and path bring it back.
      { numRuns: 40, endOnFailure: true },
    )
    // Else the histories were too tame to show anything.
    expect(stale).toBeGreaterThan(50)
    expect(retries).toBeGreaterThan(50)
  },
  120_000,
)
