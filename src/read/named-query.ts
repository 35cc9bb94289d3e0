/**
 * Runs named queries. While one runs, its Read Models stand still together, so that it sees them all as of one record; a
 * function that takes its time is not waited for longer than a moment, and sees what comes.
 */
// In this order because gzip finds more in it (`npm run size`).
import type { AnyNamedQuery } from '../domain/infer.ts'
import { storedRows, type StoredRowsOwner } from './stored-rows.ts'
import { type NamedQueryCall, type QueryDescription, type Snapshot, table } from '../domain/query.ts'
import type { Environment } from '../engine/engine.ts'
import { defined } from '../internal/defined.ts'
import type { ModelReader } from './model-reader.ts'
import { answer } from './query-runner.ts'
import { isOutpostError, messageOf, OutpostError } from '../errors.ts'
import { within } from './timing.ts'
import { placesIn } from './shown-rows.ts'

const LONGEST_HOLD_MS = 500
const MAX_ROUNDS = 3
/** What Read Models at different records wait for one another. */
const MEETING_MS = 100

export interface NamedQueryRun {
  /** Its input, parsed. @throws `invalid-query` */
  readonly input: unknown
  readonly query: AnyNamedQuery
  readonly models: readonly ModelReader[]
}

/** @throws `invalid-query` where the input does not fit the query's schema */
export function prepare(query: AnyNamedQuery, call: NamedQueryCall, modelOf: (name: string) => ModelReader): NamedQueryRun {
  const parsed = query.input.safeParse(call.input)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new OutpostError(
      'invalid-query',
      `Named query "${query.name}": its input does not fit the schema${issue ? ` (${issue.path.map(String).join('.')}: ${issue.message})` : ''}. Correct it.`,
      { query: query.name, issues: parsed.error.issues },
    )
  }
  return { query, input: parsed.data, models: query.reads.map(({ name }) => modelOf(name)) }
}

/** @param take gets the result while its Read Models still stand still */
export async function runNamed<T>(run: NamedQueryRun, environment: Environment, take: (snapshot: Snapshot<unknown>) => T): Promise<T> {
  for (let round = 1; ; round++) {
    const release = await holdTogether(run.models, environment)
    const before = run.models.map((model) => model.shown.standing())
    const hasMoved = (): boolean =>
      run.models.some((model, i) => {
        const { rows, record } = model.shown.standing()
        return rows !== before[i]?.rows || record !== before[i]?.record
      })
    const readStored = new Set<ModelReader>()
    try {
      const data: unknown = await run.query.run(readersOf(run, readStored), run.input)
      // Other tabs' writes are no folding that could be held: where one came between, the rows stand elsewhere now.
      await Promise.all([...readStored].map((model) => model.shown.refresh()))
      if (round === MAX_ROUNDS || !hasMoved()) {
        return take({ data, ...freshnessOf(run.models), ...defined({ pending: pendingIn(data, run.models) }) })
      }
    } catch (error) {
      // What it read from may have been closed under it, because other rows took their place.
      if (round === MAX_ROUNDS || readStored.size === 0 || !hasMoved()) throw failed(run.query.name, error)
    } finally {
      release()
    }
  }
}

/** What went wrong, by the name of the query that it went wrong in. */
const failed = (query: string, cause: unknown): OutpostError =>
  new OutpostError(
    isOutpostError(cause) ? cause.code : 'query-failed',
    `Named query "${query}" failed: ${messageOf(cause)}`,
    { ...(isOutpostError(cause) && cause.details), query },
    cause,
  )

export function freshnessOf(models: readonly ModelReader[]): { readonly position: number; readonly stale: boolean } {
  const all = models.map((model) => model.freshness())
  return { position: Math.min(...all.map(({ position }) => position)), stale: all.some(({ stale }) => stale) }
}

/** Rows that it hands on as it was given them tell that they are pending; of what it made itself nobody knows. */
function pendingIn(data: unknown, models: readonly ModelReader[]): readonly number[] | undefined {
  const tentative = models.filter(({ shown }) => shown.hasTentative)
  if (tentative.length === 0) return undefined
  return placesIn(data, (item) => item !== undefined && tentative.some(({ shown }) => shown.pendingRow(item) === item))
}

/** Those that are up to date stand at the same position; where that cannot be had in a moment, each where it is. */
async function holdTogether(models: readonly ModelReader[], environment: Environment): Promise<() => void> {
  for (let round = 1; ; round++) {
    const releases = models.map((model) => model.shown.hold())
    const fresh = models.filter((model) => !model.freshness().stale)
    const positions = new Set(fresh.map((model) => model.freshness().position))
    if (positions.size <= 1 || round === MAX_ROUNDS) {
      const release = (): void => releases.forEach((each) => each())
      const cancel = environment.later(LONGEST_HOLD_MS, release)
      return () => {
        cancel()
        release()
      }
    }
    for (const release of releases) release()
    const furthest = Math.max(...positions)
    await within(Promise.all(fresh.map((model) => model.settled(furthest))), MEETING_MS, environment)
  }
}

/**
 * What the function reads with: the same builders as on the page, each awaited once.
 *
 * @param readStored gets those whose stored rows it asks for
 */
function readersOf({ models }: NamedQueryRun, readStored: Set<ModelReader>): object {
  const byName = new Map(models.map((model) => [model.model.name as string, model]))
  const finish = (description: QueryDescription): object => {
    let answered: Promise<unknown> | undefined
    return {
      then: (resolve: (data: unknown) => unknown, reject: (error: unknown) => unknown) => {
        answered ??= ask(description)
        return answered.then(resolve, reject)
      },
    }
  }
  const ask = async (description: QueryDescription): Promise<unknown> => {
    if (description.kind === 'named')
      throw new OutpostError('invalid-query', 'A named query cannot read another one. Call a function that both share.')
    return (await answer(byName.get(description.model) as ModelReader, description)).data
  }
  const owner = (model: ModelReader): StoredRowsOwner => ({
    [storedRows]: () => {
      readStored.add(model)
      return model.shown.stored()
    },
  })
  return Object.fromEntries([...byName].map(([name, model]) => [name, Object.assign(table(name, finish), owner(model))]))
}
