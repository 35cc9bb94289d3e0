/** All watched queries of one Read Model: each distinct one is evaluated once, and a change wakes only those that it can touch. */
// In this order because gzip finds more in it (`npm run size`).
import type { AnyReadModel } from '../domain/infer.ts'
import type { GetQuery, RowsQuery } from '../domain/query.ts'
import type { Environment } from '../engine/engine.ts'
import { keyToken } from '../storage/key.ts'
import { canonical } from '../internal/canonical.ts'
import { type About, LiveQuery, type LiveResult } from './live-query.ts'
import { LiveRows } from './live-rows.ts'
import { type WatchedAnswer, WatchedQueries } from './watched-queries.ts'
import type { Interest } from './projection.ts'
import { LiveCount, LiveRow } from './live-single.ts'
import { checkGetQuery } from './query-check.ts'
import type { RowChange } from './row-changes.ts'
import type { ShownRows } from './shown-rows.ts'
import { planQuery } from './query-plan.ts'
import { TouchIndex } from './touch-index.ts'

export interface LiveQueriesHost {
  readonly model: AnyReadModel
  readonly environment: Environment
  readonly shown: ShownRows
  readonly about: About
}

export class LiveQueries {
  readonly #host: LiveQueriesHost
  readonly #queries = new WatchedQueries()
  readonly #index = new TouchIndex<LiveQuery>()
  /** Named queries that read this Read Model. */
  readonly #dependents = new Set<() => void>()

  constructor(host: LiveQueriesHost) {
    this.#host = host
  }

  get isWatched(): boolean {
    return this.#queries.size > 0 || this.#dependents.size > 0
  }

  interest(): Interest {
    return this.#index.hasCounts ? 'before' : this.isWatched ? 'after' : 'none'
  }

  /** Calls after each change of any row, and of their freshness. */
  dependOn(changed: () => void): () => void {
    this.#dependents.add(changed)
    return () => this.#dependents.delete(changed)
  }

  /** @throws `invalid-query` */
  watch(description: RowsQuery | GetQuery, changed: () => void): Promise<WatchedAnswer> {
    return this.#queries.watch(canonical(description), () => this.#begin(description), changed)
  }

  /** Takes in what one fold changed; undefined: everything may have. */
  changed(changes: readonly RowChange[] | undefined): void {
    if (changes) {
      const renewed: LiveQuery[] = []
      for (const [query, touching] of this.#index.touched(changes)) if (query.apply(touching)) renewed.push(query)
      for (const query of renewed) query.tell()
    } else for (const query of this.#queries.all()) query.reload()
    for (const changed of [...this.#dependents]) changed()
  }

  freshnessChanged(): void {
    for (const query of this.#queries.all()) query.refreshFreshness()
    for (const changed of [...this.#dependents]) changed()
  }

  close(): void {
    this.#queries.close()
  }

  #begin(description: RowsQuery | GetQuery): { readonly query: LiveQuery; readonly release: () => void } {
    const { model, shown } = this.#host
    if (description.kind === 'get') {
      checkGetQuery(model, description)
      const { key } = description
      const token = keyToken(key)
      const query = this.#query(new LiveRow(token, (take) => shown.get(key, take)))
      return { query, release: this.#index.addRow(query, token) }
    }
    const plan = planQuery(model, description)
    if (plan.result === 'count') {
      const query = this.#query(new LiveCount(plan, (take) => shown.count(plan, take)))
      return { query, release: this.#index.addCount(query, plan) }
    }
    const rows = new LiveRows(
      plan,
      model.key,
      (need, take) => shown.scan(plan, need, take),
      this.#index.membership(plan, () => query),
    )
    const query = this.#query(rows)
    const release = this.#index.addRows(query, plan)
    return {
      query,
      release() {
        release()
        rows.close()
      },
    }
  }

  #query(result: LiveResult): LiveQuery {
    return new LiveQuery(result, this.#host.about, this.#host.environment)
  }
}
