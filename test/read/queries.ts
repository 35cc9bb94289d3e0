/** Queries as the page builds them, as data. */
import type { AnyReadModel } from '../../src/domain/infer.ts'
import { type Mode, type QueryDescription, table, type TableOf } from '../../src/domain/query.ts'

interface AsData extends Mode {
  readonly query: { readonly description: QueryDescription }
}

export const from = <M extends AnyReadModel>(model: M): TableOf<M, AsData> =>
  table(model.name, (description) => ({ description })) as TableOf<M, AsData>
