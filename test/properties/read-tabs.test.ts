/**
 * Random histories in several tabs on one storage: appends, flushes, lagging tabs, restarts and rebuilds in any order, with
 * queries asked and watched meanwhile. Every answer, and every frame that a watcher is told, is exactly what the rows were
 * after some record; none goes back in time; in the end all are the rows at the head.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RowsQuery, Snapshot } from '../../src/domain/query.ts'
import { isOutpostError } from '../../src/errors.ts'
import type { WatchedQuery } from '../../src/engine/engine.ts'
import { anyRowsQuery, eventOf } from '../read/arbitrary-things.ts'
import { answerThings, foldThings, things, thingsDomain } from '../read/things.ts'
import { from } from '../read/queries.ts'
import { type GivenEvent, type Tab, turns, until, World } from '../read/world.ts'

const TABS = 3

type Step =
  | { readonly do: 'append'; readonly tab: number; readonly events: readonly GivenEvent[] }
  | { readonly do: 'hear' | 'restart' | 'rebuild' | 'flush'; readonly tab: number }
  | { readonly do: 'ask' | 'watch'; readonly tab: number; readonly query: RowsQuery }
  | { readonly do: 'get' | 'watchNamed'; readonly tab: number; readonly key: string }
  | { readonly do: 'fault'; readonly tab: number; readonly kind: Fault }
  | { readonly do: 'time'; readonly ms: number }
  | { readonly do: 'turns'; readonly count: number }

const faults = ['save fails', 'save in doubt', 'disk full', 'load fails', 'save held'] as const
type Fault = (typeof faults)[number]

const tab = fc.integer({ min: 0, max: TABS - 1 })
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), tab, events: fc.array(eventOf(12), { maxLength: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hear' as const), tab }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'rebuild' as const), tab }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const), tab }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ask' as const), tab, query: anyRowsQuery }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('watch' as const), tab, query: anyRowsQuery }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('get' as const, 'watchNamed' as const), tab, key: fc.constantFrom('t0', 't1', 'x') }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fault' as const), tab, kind: fc.constantFrom(...faults) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(1, 100, 5_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 4 }) }) },
)

interface Watch {
  readonly at: number
  readonly answer: (position: number) => unknown
  readonly frames: Snapshot<unknown>[]
  readonly watched: WatchedQuery
}

/** One history: what was appended so far, and what each query must give at each position. */
class History {
  readonly world = new World()
  readonly tabs: Tab[] = []
  readonly watches: Watch[] = []
  readonly #events: GivenEvent[] = []
  readonly #rows = new Map([[0, foldThings([])]])
  readonly pending: Promise<void>[] = []
  readonly failures: unknown[] = []
  readonly releases: (() => void)[] = []

  async open(): Promise<void> {
    for (let i = 0; i < TABS; i++) this.tabs.push(await this.world.tab(thingsDomain))
  }

  rowsAt(position: number) {
    const rows = this.#rows.get(position)
    if (!rows) throw new Error(`No record ends at position ${position}`)
    return rows
  }

  at(index: number): Tab {
    return this.tabs[index] as Tab
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'append': {
        const record = await this.at(step.tab).append(...step.events)
        this.#events.push(...step.events)
        this.#rows.set(record.position + step.events.length - 1, foldThings(this.#events))
        return
      }
      case 'hear':
        return this.at(step.tab).hear()
      case 'flush':
        return this.background(this.at(step.tab).side.flush())
      case 'rebuild':
        return this.background(this.at(step.tab).side.rebuild('things'))
      case 'restart': {
        for (const release of this.releases.splice(0)) release()
        await this.at(step.tab).close()
        for (const watch of this.watches.filter(({ at }) => at === step.tab)) this.check(watch)
        this.watches.splice(0, Infinity, ...this.watches.filter(({ at }) => at !== step.tab))
        this.tabs[step.tab] = await this.world.tab(thingsDomain)
        return
      }
      case 'ask':
        return this.background(this.ask(this.at(step.tab), step.query, (position) => answerThings(this.rowsAt(position), step.query)))
      case 'get':
        return this.background(
          this.ask(this.at(step.tab), from(things).get(step.key).description, (position) => this.rowsAt(position).get(step.key)),
        )
      case 'watch':
        return this.background(this.watch(step.tab, step.query, (position) => answerThings(this.rowsAt(position), step.query)))
      case 'watchNamed':
        return this.background(
          this.watch(step.tab, { kind: 'named', query: 'twice', input: { b: step.key } }, (position) => {
            const rows = answerThings(this.rowsAt(position), from(things).where({ b: step.key }).description as RowsQuery) as {
              id: string
            }[]
            return { ids: rows.map(({ id }) => id), count: rows.length, rows }
          }),
        )
      case 'fault':
        return this.fault(this.at(step.tab), step.kind)
      case 'time':
        return this.world.clock.advance(step.ms)
      case 'turns':
        return turns(step.count)
    }
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
  background(work: Promise<unknown>): void {
    this.pending.push(
      work.then(
        () => undefined,
        (error: unknown) => {
          // Those of the faults below are told to whoever asked.
          if (!isOutpostError(error) || !['closed', 'storage-failed', 'storage-full'].includes(error.code)) this.failures.push(error)
        },
      ),
    )
  }

  async ask(asked: Tab, query: Parameters<Tab['ask']>[0], answer: (position: number) => unknown): Promise<void> {
    const after = asked.head.position
    const { data, position, stale } = await asked.side.run(query, after, 60_000)
    expect(data, JSON.stringify(query)).toEqual(answer(position))
    if (!stale) expect(position).toBeGreaterThanOrEqual(after)
  }

  async watch(at: number, query: Parameters<Tab['ask']>[0], answer: (position: number) => unknown): Promise<void> {
    const frames: Snapshot<unknown>[] = []
    const asked = this.at(at)
    const watched = await asked.side.watch(query, () => frames.push(watched.snapshot))
    frames.unshift(watched.snapshot)
    if (asked === this.at(at)) this.watches.push({ at, answer, frames, watched })
  }

  check({ frames, answer }: Watch): void {
    let last = 0
    for (const [i, { data, position }] of frames.entries()) {
      expect(position, 'frames never go back in time').toBeGreaterThanOrEqual(last)
      last = position
      expect(data, `frame ${i} at position ${position}`).toEqual(answer(position))
    }
  }

  async end(): Promise<void> {
    for (const release of this.releases) release()
    await this.world.clock.advance(10_000)
    for (const each of this.tabs) await each.hear()
    await this.world.answered(this.pending)
    if (this.failures.length > 0) throw this.failures[0]
    const isQuiet = (): boolean =>
      this.tabs.every((each) => each.status('things').state === 'live' && each.status('things').position === each.head.position)
    for (let i = 0; i < 20 && !isQuiet(); i++) await this.world.clock.advance(5_000)
    await until(isQuiet, 'all tabs live at the head')
    await this.world.clock.advance(5_000)
    const { position } = this.at(0).head
    for (const watch of this.watches) {
      this.check(watch)
      expect(watch.watched.snapshot.data, 'the last frame is the rows at the head').toEqual(watch.answer(position))
      expect(watch.watched.snapshot.stale).toBe(false)
    }
    for (const each of this.tabs)
      await this.ask(each, from(things).description, (at) => answerThings(this.rowsAt(at), from(things).description as RowsQuery))
    for (const each of this.tabs) await each.close()
    const fresh = await this.world.tab(thingsDomain)
    await this.ask(fresh, from(things).description, (at) => answerThings(this.rowsAt(at), from(things).description as RowsQuery))
    await fresh.close()
  }
}

async function run(steps: readonly Step[]): Promise<void> {
  const history = new History()
  await history.open()
  for (const step of steps) await history.run(step)
  await history.end()
}

test(
  'whoever waits while storage fails again and again is answered in the end',
  () =>
    run([
      { do: 'append', tab: 0, events: [{ type: 'thing.put', aggregateId: 't0', data: { a: 1, b: '' } }] },
      { do: 'flush', tab: 0 },
      { do: 'turns', count: 4 },
      { do: 'restart', tab: 0 },
      ...Array.from({ length: 7 }, (): Step => ({ do: 'fault', tab: 0, kind: 'load fails' })),
      { do: 'append', tab: 0, events: [{ type: 'thing.changed', aggregateId: 't0', data: { by: 1 } }] },
      { do: 'ask', tab: 0, query: from(things).description as RowsQuery },
    ]),
  20_000,
)

test('whatever several tabs do, each answer and each frame is what the rows were after some record', async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 60 }), run), {
    numRuns: Number(process.env['READ_RUNS'] ?? 150),
  })
}, 600_000)
