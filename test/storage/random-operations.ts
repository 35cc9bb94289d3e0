/** Random operations on a storage, and the property that any sequence of them comes to the same as on the reference. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { isOutpostError } from '../../src/errors.ts'
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { type Checkpoint, checkpointOf, LOG_FORMAT, type LogRecord } from '../../src/storage/record.ts'
import type { Key, LogStorage, ReadStore, ReadStoreSchema, Row, Scan, Storage } from '../../src/storage/storage.ts'

interface Opened {
  readonly log: LogStorage
  readonly store: ReadStore
}
type Operation = (opened: Opened) => Promise<unknown>

const schema: ReadStoreSchema = { key: 'id', indexes: [['a'], ['a', 'b'], ['b', 'a', 'id']] }

const record = (number: number, id: string): LogRecord => ({
  number,
  id,
  format: LOG_FORMAT,
  kind: 'commit',
  at: 0,
  position: number,
  commands: [],
  events: [],
})

const few = fc.integer({ min: 1, max: 4 })
const id = fc.constantFrom('x', 'y')
const name = fc.constantFrom('a', 'b', 'ab', 'a\uffff', '')
const limit = fc.constantFrom(0, 1, 2, 5, Infinity)
const checkpoint: fc.Arbitrary<Checkpoint> = fc.tuple(few, id).map(([number, one]) => checkpointOf(record(number, one)))
const expected = fc.option(checkpoint, { nil: undefined })

const key: fc.Arbitrary<Key> = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom('', 'a', 'b', 'a\u0000', '\uffff'),
  fc.constantFrom(-1, 0, 1).map((at) => new Date(at)),
  fc.array(fc.oneof(fc.integer({ min: 0, max: 1 }), fc.constantFrom('a', 'b')), { maxLength: 3 }),
)
const field = fc.oneof({ weight: 5, arbitrary: key }, fc.constantFrom(null, undefined, true, Number.NaN, 5n, {}))
const row = fc.record({ id: key, a: field, b: field }, { requiredKeys: ['id'] }) as fc.Arbitrary<Row>

const scan: fc.Arbitrary<Scan> = fc
  .record(
    {
      index: fc.constantFrom(0, 1, 2),
      range: fc.record({ lower: key, upper: key, lowerOpen: fc.boolean(), upperOpen: fc.boolean() }, { requiredKeys: [] }),
      reverse: fc.boolean(),
      limit,
    },
    { requiredKeys: [] },
  )
  .chain((base) => fc.boolean().map((filtered) => (filtered ? { ...base, filter: (one: Row) => typeof one['a'] === 'string' } : base)))

const state = fc.record(
  { key: name, version: few, position: few, state: field, dueAt: few },
  { requiredKeys: ['key', 'version', 'position', 'state'] },
)
const stateWrites = fc.record({
  fold: name,
  expected,
  checkpoint,
  puts: fc.array(state, { maxLength: 4 }),
  removes: fc.array(name, { maxLength: 2 }),
})
const run = fc.record({ index: id, run: few })
const block = fc.record({ index: id, run: few, block: few, bytes: fc.uint8Array({ maxLength: 3 }) })

type NamedOperation = readonly [text: string, run: Operation]

/** At any number, also one that leaves a gap, which no writer does. */
const appendAnywhere: fc.Arbitrary<NamedOperation> = fc.tuple(few, few, id).map(([number, count, one]) => {
  const records = Array.from({ length: count }, (_, i) => record(number + i, one))
  return named('append', { records }, ({ log }) => log.events.append(records, 'relaxed'))
})

const operation: fc.Arbitrary<NamedOperation> = fc.oneof(
  fc.tuple(few, few, id, fc.dictionary(name, field)).map(([back, count, one, entries]) => {
    const meta = new Map(Object.entries(entries))
    return named('append after the last but some', { back, count, one, meta }, async ({ log }) => {
      const number = Math.max(1, ((await log.events.last())?.number ?? 0) + 2 - back)
      const records = Array.from({ length: count }, (_, i) => record(number + i, one))
      return log.events.append(records, 'relaxed', meta)
    })
  }),
  fc.tuple(few, limit).map(([after, most]) => named('read', { after, most }, ({ log }) => log.events.read(after, most))),
  fc.array(few).map((numbers) => named('get', numbers, ({ log }) => log.events.get(numbers))),
  fc.constant(named('last', {}, ({ log }) => log.events.last())),

  fc.array(stateWrites, { maxLength: 2 }).map((writes) => named('save states', writes, ({ log }) => log.states.save(writes))),
  fc.tuple(name, fc.array(name)).map(([fold, keys]) => named('load states', { fold, keys }, ({ log }) => log.states.load(fold, keys))),
  fc.tuple(name, limit).map(([fold, most]) => named('due', { fold, most }, ({ log }) => log.states.due(fold, most))),
  name.map((fold) => named('drop', fold, ({ log }) => log.states.drop(fold))),
  fc.constant(named('checkpoints', {}, ({ log }) => log.states.checkpoints())),

  fc
    .record({ expected, checkpoint, catalogue: field, puts: fc.array(block, { maxLength: 4 }), removes: fc.array(run, { maxLength: 2 }) })
    .map((write) => named('save segments', write, ({ log }) => log.segments.save(write))),
  fc.array(block).map((keys) => named('blocks', keys, ({ log }) => log.segments.blocks(keys))),
  fc.constant(named('catalogue', {}, ({ log }) => log.segments.catalogue())),

  fc.tuple(name, field).map(([at, value]) => named('update', { at, value }, ({ log }) => log.meta.update(at, () => value))),
  name.map((at) => named('keep', at, ({ log }) => log.meta.update(at, (value) => value))),
  name.map((prefix) => named('entries', prefix, ({ log }) => log.meta.entries(prefix))),

  fc
    .record({ expected, checkpoint, puts: fc.array(row, { maxLength: 12 }), removes: fc.array(key, { maxLength: 2 }) })
    .map((write) => named('save rows', write, ({ store }) => store.save(write))),
  // Most random compares are stale: this one never is.
  fc
    .record({ checkpoint, puts: fc.array(row, { maxLength: 12 }), removes: fc.array(key, { maxLength: 2 }) })
    .map((write) => named('save rows as of now', write, async ({ store }) => store.save({ ...write, expected: await store.checkpoint() }))),
  fc.array(key).map((keys) => named('load rows', keys, ({ store }) => store.load(keys))),
  scan.map((given) => named('scan', given, ({ store }) => store.scan(given))),
  scan.map((given) => named('count', given, ({ store }) => store.count(given))),
)

function named(what: string, given: unknown, operate: Operation) {
  return [`${what} ${fc.stringify(given)}`, operate] as const
}

const openBoth = async (storage: Storage): Promise<Opened> => ({
  log: await storage.openLog('log'),
  store: await storage.openReadStore('read', schema),
})

/** The result, or the code of the error. */
const outcomeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: unknown) => {
    if (isOutpostError(error)) return error.code
    throw error
  })

/**
 * @param gaps whether the storage takes records at any number
 * @throws with the shortest sequence found that comes to something else than in memory
 */
export async function expectSameAsInMemory(open: () => Storage, { gaps, numRuns }: { readonly gaps: boolean; readonly numRuns: number }) {
  let runs = 0
  const any = gaps ? fc.oneof({ weight: 19, arbitrary: operation }, { weight: 1, arbitrary: appendAnywhere }) : operation
  await fc.assert(
    fc.asyncProperty(fc.array(any, { minLength: 5, maxLength: 40 }), async (operations) => {
      const storage = open()
      const [tested, reference] = [await openBoth(storage), await openBoth(createMemoryStorage())]
      try {
        for (const [text, operate] of operations) {
          const outcome = await outcomeOf(operate(tested))
          expect({ text, outcome }).toStrictEqual({ text, outcome: await outcomeOf(operate(reference)) })
        }
        runs++
      } finally {
        await storage.destroy('log')
        await storage.destroy('read')
      }
    }),
    { numRuns },
  )
  expect(runs).toBe(numRuns)
}
