/**
 * The read side of one engine: its Read Models kept up to date from the log, queries answered and watched. Rows follow from
 * durable Events alone; nothing here ever keeps a Command waiting.
 */
// In this order because gzip finds more in it (`npm run size`).
import type { Subscription } from 'rxjs'
import type { AnyDomain } from '../domain/infer.ts'
import { answer } from './query-runner.ts'
import { named } from '../domain/named.ts'
import type { NamedQueryCall, QueryDescription, Snapshot } from '../domain/query.ts'
import type { Environment, WatchedQuery } from '../engine/engine.ts'
import { defined } from '../internal/defined.ts'
import type { MetaStore, Storage } from '../storage/storage.ts'
import { canonical } from '../internal/canonical.ts'
import type { EventSource } from './event-source.ts'
import { LiveNamed } from './live-named.ts'
import { LiveQuery } from './live-query.ts'
import { ModelReader, type ReadModelState } from './model-reader.ts'
import { freshnessOf, type NamedQueryRun, prepare, runNamed } from './named-query.ts'
import { OldBuilds } from './old-builds.ts'
import { type WatchedAnswer, WatchedQueries } from './watched-queries.ts'

/** What a watch waits for rows to be opened. */
const OPEN_MS = 30_000

export interface ReadSideOptions {
  readonly domain: AnyDomain
  readonly source: EventSource
  readonly storage: Storage
  /** The log's. */
  readonly meta: MetaStore
  /** `«app».«space».«principal»`; read stores are named `«prefix».read.«name»@«version»#«generation»`. */
  readonly prefix: string
  readonly environment: Environment
  /** Rings whenever `status()` may say something else. */
  stateChanged(): void
}

export interface ReadSide {
  /**
   * Answers once.
   *
   * @param after the answer includes every Event up to this position, or is marked stale
   * @param deadlineMs what it waits for that at most; a parked or rebuilt Read Model answers at once, marked stale
   * @throws `invalid-query`, `unknown-read-model`, `unknown-query`, `timeout` where rows cannot even be opened in time
   */
  run(query: QueryDescription, after: number, deadlineMs: number): Promise<Snapshot<unknown>>
  /**
   * Keeps the answer up to date, one snapshot for each fold that changes it.
   *
   * @param changed called after each change of `snapshot`, not for the first one
   * @throws as `run`
   */
  watch(query: QueryDescription, changed: () => void): Promise<WatchedAnswer & WatchedQuery>
  status(): readonly ReadModelState[]
  /** Lets a parked Read Model try its Event again. @throws `unknown-read-model` */
  retry(name: string): Promise<void>
  /** Builds it anew beside the old one; resolves when that is on record, and goes on in the background. @throws `unknown-read-model` */
  rebuild(name: string): Promise<void>
  /** Resolves when every Read Model that is live shows this position, or is parked. */
  settled(position: number): Promise<void>
  /** Folds to the head and stores it. */
  flush(): Promise<void>
  /** Stores nothing more. Everything that waits rejects with `closed`. */
  close(): Promise<void>
}

/** Opens in the background: what needs rows waits for them by itself. */
export const createReadSide = (options: ReadSideOptions): ReadSide => new LocalReadSide(options)

class LocalReadSide implements ReadSide {
  readonly #options: ReadSideOptions
  readonly #models: ReadonlyMap<string, ModelReader>
  readonly #named = new WatchedQueries()
  readonly #oldBuilds: OldBuilds
  readonly #subscription: Subscription

  constructor(options: ReadSideOptions) {
    this.#options = options
    const { domain, storage, meta, environment, prefix } = options
    this.#models = new Map([...domain.readModels].map(([name, model]) => [name, new ModelReader({ ...options, model })]))
    this.#oldBuilds = new OldBuilds({
      models: [...domain.readModels.values()],
      storage,
      meta,
      environment,
      prefix,
      areLive: () => this.status().every(({ state }) => state === 'live'),
    })
    for (const model of this.#models.values()) model.open()
    this.#subscription = options.source.recorded$.subscribe(({ position, own }) => {
      for (const model of this.#models.values()) model.rung(position, own)
    })
    options.source.opened.then(
      () => this.#oldBuilds.open(),
      () => undefined, // it is closed
    )
  }

  status(): readonly ReadModelState[] {
    return [...this.#models.values()].map((model) => model.status())
  }

  async run(query: QueryDescription, after: number, deadlineMs: number): Promise<Snapshot<unknown>> {
    const [models, run] = this.#asked(query)
    await caughtUp(models, after, deadlineMs)
    const snapshot = run
      ? await runNamed(run, this.#options.environment, (found) => found)
      : await answer(models[0] as ModelReader, query as ModelQuery)
    return snapshot.position < after && !snapshot.stale ? { ...snapshot, stale: true } : snapshot
  }

  async watch(query: QueryDescription, changed: () => void): Promise<WatchedAnswer & WatchedQuery> {
    const [models, run] = this.#asked(query)
    await caughtUp(models, 0, OPEN_MS)
    const watched = await (run ? this.#watchNamed(run, changed) : (models[0] as ModelReader).live.watch(query as ModelQuery, changed))
    return Object.assign(watched, {
      async reach(position: number, deadlineMs: number) {
        await caughtUp(models, position, deadlineMs)
        await watched.refresh()
      },
    })
  }

  #watchNamed(run: NamedQueryRun, changed: () => void): Promise<WatchedAnswer> {
    const { environment } = this.#options
    const begin = (): { readonly query: LiveQuery; readonly release: () => void } => {
      const keyFields = [...new Set(['id', ...run.models.map(({ model }) => model.key as string)])]
      const result = new LiveNamed((take) => runNamed(run, environment, take), keyFields)
      const about = (): Omit<Snapshot<unknown>, 'data'> => ({
        ...freshnessOf(run.models),
        ...defined({ pending: result.pending }),
      })
      const query = new LiveQuery(result, about, environment)
      const releases = run.models.map((model) => model.live.dependOn(() => query.reload()))
      return { query, release: () => releases.forEach((release) => release()) }
    }
    return this.#named.watch(canonical([run.query.name, run.input]), begin, changed)
  }

  async retry(name: string): Promise<void> {
    await this.#model(name).retry()
  }

  async rebuild(name: string): Promise<void> {
    await this.#model(name).rebuild()
  }

  async settled(position: number): Promise<void> {
    await Promise.all([...this.#models.values()].map((model) => model.settled(position)))
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#models.values()].map((model) => model.flush()))
  }

  async close(): Promise<void> {
    this.#subscription.unsubscribe()
    this.#oldBuilds.close()
    this.#named.close()
    for (const model of this.#models.values()) model.close()
  }

  #asked(query: QueryDescription): readonly [models: readonly ModelReader[], run?: NamedQueryRun] {
    if (query.kind !== 'named') return [[this.#model(query.model)]]
    const declared = named(this.#options.domain.queries, query.query, 'unknown-query', 'named query', 'query')
    const run = prepare(declared, query, (name) => this.#model(name))
    return [run.models, run]
  }

  #model(name: string): ModelReader {
    return named(this.#models, name, 'unknown-read-model', 'Read Model', 'readModel')
  }
}

type ModelQuery = Exclude<QueryDescription, NamedQueryCall>

const caughtUp = (models: readonly ModelReader[], after: number, deadlineMs: number): Promise<unknown> =>
  Promise.all(models.map((model) => model.caughtUp(after, deadlineMs)))
