/**
 * Random histories of a synced log in several tabs: commits, confirmations and rebases, with flushes, lagging tabs, restarts,
 * rebuilds and faults between them in any order, and queries asked and watched meanwhile. The oracle folds what is confirmed, and
 * the tail behind it, by itself. Every frame and every answer is what the rows were, and which of them were pending, before or
 * after some transaction; what is stored holds nothing tentative, ever.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RowsQuery, Snapshot } from '../../src/domain/query.ts'
import type { WatchedQuery } from '../../src/engine/engine.ts'
import { isOutpostError } from '../../src/errors.ts'
import { sameValue } from '../../src/internal/same-value.ts'
import type { MemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import type { RowWrites } from '../../src/storage/storage.ts'
import { anyRowsQuery, eventOf } from '../read/arbitrary-things.ts'
import { from } from '../read/queries.ts'
import { answerThings, foldThings, type ThingRow, things, thingsDomain } from '../read/things.ts'
import { type GivenEvent, type GivenRebase, type Tab, turns, until, World } from '../read/world.ts'

const TABS = 3

type Events = readonly GivenEvent[]
type Step =
  | { readonly do: 'append'; readonly tab: number; readonly events: Events }
  | { readonly do: 'confirm'; readonly tab: number; readonly share: number }
  | {
      readonly do: 'rebase'
      readonly tab: number
      readonly slice: readonly Events[]
      readonly share: number
      /** What each Command that is still pending comes to: as before, or this. */
      readonly again: readonly ('same' | Events)[]
    }
  | { readonly do: 'hear' | 'restart' | 'rebuild' | 'flush'; readonly tab: number }
  | { readonly do: 'ask' | 'watch'; readonly tab: number; readonly query: RowsQuery }
  | { readonly do: 'get' | 'watchOne' | 'watchNamed'; readonly tab: number; readonly key: string }
  | { readonly do: 'fault'; readonly tab: number; readonly kind: Fault }
  | { readonly do: 'time'; readonly ms: number }
  | { readonly do: 'turns'; readonly count: number }

const faults = ['save fails', 'save in doubt', 'disk full', 'load fails', 'save held'] as const
type Fault = (typeof faults)[number]

const tab = fc.integer({ min: 0, max: TABS - 1 })
const events = fc.array(eventOf(8), { maxLength: 4 })
const share = fc.double({ min: 0, max: 1, noNaN: true })
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), tab, events }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('confirm' as const), tab, share }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('rebase' as const),
      tab,
      slice: fc.array(events, { maxLength: 3 }),
      share,
      again: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant('same' as const) }, { weight: 1, arbitrary: events }), { maxLength: 6 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('hear' as const), tab }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'rebuild' as const), tab }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('flush' as const), tab }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('ask' as const, 'watch' as const), tab, query: anyRowsQuery }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('get' as const, 'watchOne' as const, 'watchNamed' as const),
      tab,
      key: fc.constantFrom('t0', 't1', 't2'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fault' as const), tab, kind: fc.constantFrom(...faults) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(1, 100, 5_000) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 4 }) }) },
)

/** What the rows are after some transaction. */
interface State {
  readonly position: number
  readonly rows: ReadonlyMap<string, ThingRow>
  readonly pending: ReadonlySet<string>
}

type Answer = Pick<Snapshot<unknown>, 'data' | 'pending'>
type AnswerOf = (state: State) => Answer

interface Frame {
  readonly snapshot: Snapshot<unknown>
  /** Nothing was tentative when it was told. */
  readonly isIdle: boolean
}

interface Watch {
  readonly at: number
  readonly answer: AnswerOf
  readonly frames: Frame[]
  readonly watched: WatchedQuery
}

/** A record as the oracle keeps it. */
interface Entry {
  readonly number: number
  readonly last: number
  readonly events: Events
  state: 'pending' | 'confirmed' | 'void'
}

const withPending = (data: unknown, { pending }: State): Answer => {
  const rows: readonly unknown[] = Array.isArray(data) ? data : [data]
  const places = [...rows.entries()].filter(([, row]) => pending.has((row as ThingRow | undefined)?.id ?? '')).map(([i]) => i)
  return { data, ...(places.length > 0 && { pending: places }) }
}
const answerRows =
  (query: RowsQuery): AnswerOf =>
  (state) =>
    withPending(answerThings(state.rows, query), state)
const answerOne =
  (key: string): AnswerOf =>
  (state) =>
    withPending(state.rows.get(key), state)
const all = from(things).description as RowsQuery
const answerBackwards: AnswerOf = (state) => withPending([...(answerThings(state.rows, all) as ThingRow[])].reverse(), state)

class History {
  readonly world = new World()
  readonly tabs: Tab[] = []
  readonly watches: Watch[] = []
  readonly background: Promise<void>[] = []
  readonly failures: unknown[] = []
  readonly releases: (() => void)[] = []
  readonly #log: Entry[] = []
  readonly #states: State[] = [{ position: 0, rows: new Map(), pending: new Set() }]

  async open(): Promise<void> {
    for (let i = 0; i < TABS; i++) this.tabs.push(await this.tab())
    const joined = this.at(0)
    await joined.join()
    this.#log.push({ number: joined.head.checkpoint.record, last: joined.head.position, events: [], state: 'confirmed' })
  }

  tab(): Promise<Tab> {
    return this.world.tab(thingsDomain, (storage) => this.checkWrites(storage))
  }

  at(index: number): Tab {
    return this.tabs[index] as Tab
  }

  get #pending(): Entry[] {
    return this.#log.filter(({ state }) => state === 'pending')
  }
  get #settled(): number {
    return (this.#log.find(({ state }) => state === 'pending')?.number ?? Infinity) - 1
  }

  /** The rows as the server has them after this record. */
  #confirmedAt(record: number): ReadonlyMap<string, ThingRow> {
    return foldThings(this.#log.flatMap((entry) => (entry.number <= record && entry.state === 'confirmed' ? entry.events : [])))
  }

  #record(
    records: readonly { readonly number: number; readonly position: number }[],
    given: readonly Events[],
    states: readonly Entry['state'][],
  ): void {
    for (const [i, { number, position }] of records.entries()) {
      const of = given[i] ?? []
      this.#log.push({ number, last: position + of.length - 1, events: of, state: states[i] ?? 'confirmed' })
    }
    this.#transacted()
  }

  #transacted(): void {
    const pending = this.#pending.flatMap((entry) => entry.events)
    const confirmed = this.#log.flatMap((entry) => (entry.state === 'confirmed' ? entry.events : []))
    this.#states.push({
      position: this.#log.at(-1)?.last ?? 0,
      rows: foldThings([...confirmed, ...pending]),
      pending: new Set(pending.filter(({ type }) => type !== 'thing.noted').map(({ aggregateId }) => aggregateId)),
    })
  }

  /** Whatever a tab tries to store are the rows as the server has them, as of a record that is confirmed. */
  checkWrites(storage: MemoryStorage): void {
    const open = storage.openReadStore
    Object.assign(storage, {
      openReadStore: async (...given: Parameters<typeof open>) => {
        const store = await open(...given)
        const { save } = store
        return Object.assign(store, {
          save: (writes: RowWrites) => {
            try {
              const { checkpoint, puts, removes } = writes
              expect(checkpoint.record, 'only confirmed records are stored').toBeLessThanOrEqual(this.#settled)
              const rows = this.#confirmedAt(checkpoint.record)
              for (const row of puts) expect(row, 'a row is stored as it is confirmed').toEqual(rows.get(row['id'] as string))
              for (const key of removes) expect(rows.has(key as string), 'a row is removed that is confirmed').toBe(false)
            } catch (error) {
              this.failures.push(error)
            }
            return save(writes)
          },
        })
      },
    })
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'append':
        return this.#record([await this.at(step.tab).append(...step.events)], [step.events], ['pending'])
      case 'confirm':
        return this.#confirm(this.at(step.tab), Math.ceil(step.share * this.#pending.length))
      case 'rebase':
        return this.#rebase(this.at(step.tab), step)
      case 'hear':
        return this.at(step.tab).hear()
      case 'flush':
        return this.inBackground(this.at(step.tab).side.flush())
      case 'rebuild':
        return this.inBackground(this.at(step.tab).side.rebuild('things'))
      case 'restart': {
        for (const release of this.releases.splice(0)) release()
        await this.at(step.tab).close()
        for (const watch of this.watches.filter(({ at }) => at === step.tab)) this.check(watch)
        this.watches.splice(0, Infinity, ...this.watches.filter(({ at }) => at !== step.tab))
        this.tabs[step.tab] = await this.tab()
        return
      }
      case 'ask':
        return this.inBackground(this.ask(this.at(step.tab), step.query, answerRows(step.query)))
      case 'get':
        return this.inBackground(this.ask(this.at(step.tab), from(things).get(step.key).description, answerOne(step.key)))
      case 'watch':
        return this.inBackground(this.watch(step.tab, step.query, answerRows(step.query)))
      case 'watchOne':
        return this.inBackground(this.watch(step.tab, from(things).get(step.key).description, answerOne(step.key)))
      case 'watchNamed':
        return this.inBackground(this.watch(step.tab, { kind: 'named', query: 'backwards', input: {} }, answerBackwards))
      case 'fault':
        return this.fault(this.at(step.tab), step.kind)
      case 'time':
        return this.world.clock.advance(step.ms)
      case 'turns':
        return turns(step.count)
    }
  }

  async #confirm(by: Tab, count: number): Promise<void> {
    if (count === 0) return
    await by.confirm(count)
    for (const entry of this.#pending.slice(0, count)) entry.state = 'confirmed'
    this.#record([{ number: by.head.checkpoint.record, position: by.head.position + 1 }], [[]], ['confirmed'])
  }

  async #rebase(by: Tab, { slice, share: processed, again }: Extract<Step, { do: 'rebase' }>): Promise<void> {
    const tail = this.#pending
    const done = Math.floor(processed * tail.length)
    const rebase: GivenRebase = {
      slice,
      processed: done,
      again: tail.slice(done).map(({ events: before }, i) => (again[i] === undefined || again[i] === 'same' ? before : again[i])),
    }
    const records = await by.rebase(rebase)
    for (const entry of tail) entry.state = 'void'
    const pulled = slice.length > 0 ? slice : [[]]
    this.#record(
      records,
      [...pulled, ...rebase.again],
      [...pulled.map(() => 'confirmed' as const), ...rebase.again.map(() => 'pending' as const)],
    )
  }

  fault({ storage }: Tab, kind: Fault): void {
    if (kind === 'save fails') storage.faults.fail('rows.save', 'UnknownError')
    if (kind === 'save in doubt') storage.faults.failInDoubt('rows.save')
    if (kind === 'disk full') storage.faults.fail('rows.save', 'QuotaExceededError')
    if (kind === 'load fails') storage.faults.fail('rows.load', 'UnknownError')
    if (kind === 'save held') {
      const pause = storage.faults.pause('rows.save', 'after')
      this.releases.push(() => pause.release())
    }
  }

  /** What a tab that is closed meanwhile cannot finish is no failure. */
  inBackground(work: Promise<unknown>): void {
    this.background.push(
      work.then(
        () => undefined,
        (error: unknown) => {
          // Those of the faults below are told to whoever asked.
          if (!isOutpostError(error) || !['closed', 'storage-failed', 'storage-full'].includes(error.code)) this.failures.push(error)
        },
      ),
    )
  }

  frame(of: Tab, snapshot: Snapshot<unknown>): Frame {
    return { snapshot, isIdle: of.settled.record === of.head.checkpoint.record }
  }

  async ask(asked: Tab, query: Parameters<Tab['ask']>[0], answer: AnswerOf): Promise<void> {
    const after = asked.head.position
    const snapshot = await asked.side.run(query, after, 60_000)
    this.match(this.frame(asked, snapshot), answer, 0, true)
    if (!snapshot.stale) expect(snapshot.position).toBeGreaterThanOrEqual(after)
  }

  async watch(at: number, query: Parameters<Tab['ask']>[0], answer: AnswerOf): Promise<void> {
    const frames: Frame[] = []
    const asked = this.at(at)
    const watched = await asked.side.watch(query, () => frames.push(this.frame(asked, watched.snapshot)))
    frames.unshift(this.frame(asked, watched.snapshot))
    if (asked === this.at(at)) this.watches.push({ at, answer, frames, watched })
  }

  check({ frames, answer }: Watch): void {
    let last = 0
    let position = 0
    let wasIdle = true
    for (const frame of frames) {
      expect(frame.snapshot.position, 'frames never go back in time').toBeGreaterThanOrEqual(position)
      position = frame.snapshot.position
      const found = this.match(frame, answer, last, wasIdle)
      wasIdle = found === undefined || this.#states[found]?.pending.size === 0
      last = found ?? last
    }
  }

  /**
   * @param first the first transaction that it may be as of
   * @param wasIdle nothing was tentative before it
   * @returns the transaction that it is as of; undefined where it is as of some record of the server's
   */
  match({ snapshot, isIdle }: Frame, answer: AnswerOf, first: number, wasIdle: boolean): number | undefined {
    const is = (state: State): boolean => {
      const { data, pending } = answer(state)
      return state.position === snapshot.position && sameValue(data, snapshot.data) && sameValue(pending, snapshot.pending)
    }
    const found = this.#states.findIndex((state, i) => i >= first && is(state))
    if (found >= 0) return found
    // Where nothing is tentative, a tab that catches up may show the server's state after any record.
    const isOfServer = this.#log.some(
      ({ number, last }) => number <= this.#settled && is({ position: last, rows: this.#confirmedAt(number), pending: new Set() }),
    )
    if (isIdle && wasIdle && isOfServer) return undefined
    const possible = this.#states.slice(first).filter(({ position }) => position === snapshot.position)
    expect(snapshot, isOfServer ? 'it is the server’s state without what is pending' : 'it was so after no transaction').toEqual({
      possible: possible.map(answer),
    })
    return undefined
  }

  /** A fault may have waited until now. */
  async lastAnswer(asked: Tab): Promise<Snapshot<unknown>> {
    try {
      return await asked.side.run(all, asked.head.position, 60_000)
    } catch (error) {
      if (!isOutpostError(error, 'storage-failed')) throw error
      await this.world.clock.advance(60_000)
      return asked.side.run(all, asked.head.position, 60_000)
    }
  }

  async end(): Promise<void> {
    for (const release of this.releases) release()
    await this.world.clock.advance(10_000)
    for (const each of this.tabs) await each.hear()
    await this.world.answered(this.background)
    if (this.failures.length > 0) throw this.failures[0]
    const isQuiet = (): boolean =>
      this.tabs.every((each) => each.status('things').state === 'live' && each.status('things').position === each.head.position)
    for (let i = 0; i < 20 && !isQuiet(); i++) await this.world.clock.advance(5_000)
    await until(isQuiet, 'all tabs live at the head')
    // A named query rests for 5 s at most.
    await this.world.clock.advance(10_000)
    await turns(20)
    const now = this.#states.at(-1) as State
    for (const watch of this.watches) {
      this.check(watch)
      const { data, pending, stale } = watch.watched.snapshot
      expect({ data, pending, stale }, 'the last frame is the rows at the head').toEqual({
        pending: undefined,
        ...watch.answer(now),
        stale: false,
      })
    }
    for (const each of this.tabs) {
      const { data, pending } = await this.lastAnswer(each)
      expect({ data, pending }, 'every tab shows the same').toEqual({ pending: undefined, ...answerRows(all)(now) })
      await each.close()
    }
    const fresh = await this.tab()
    const { data, pending } = await this.lastAnswer(fresh)
    expect({ data, pending }, 'a new tab shows the same').toEqual({ pending: undefined, ...answerRows(all)(now) })
    await fresh.close()
    if (this.failures.length > 0) throw this.failures[0]
  }
}

test('whatever a synced log goes through, each answer and each frame is as before or after some transaction, and only confirmed rows are stored', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 60 }), async (steps) => {
      const history = new History()
      await history.open()
      for (const step of steps) await history.run(step)
      await history.end()
    }),
    { numRuns: Number(process.env['READ_RUNS'] ?? 150), ...(process.env['READ_SEED'] && { seed: Number(process.env['READ_SEED']) }) },
  )
}, 600_000)
