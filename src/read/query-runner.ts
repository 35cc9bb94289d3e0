/** Answers queries of one Read Model once. */
import type { GetQuery, RowsQuery, Snapshot } from '../domain/query.ts'
import type { ModelReader } from './model-reader.ts'
import { checkGetQuery } from './query-check.ts'
import { planQuery } from './query-plan.ts'

/**
 * The result now, waiting for nothing but storage.
 *
 * @throws `invalid-query`
 */
export function answer(model: ModelReader, description: RowsQuery | GetQuery): Promise<Snapshot<unknown>> {
  const snapshot = (data: unknown): Snapshot<unknown> => ({ data, ...model.about(data) })
  if (description.kind === 'get') {
    checkGetQuery(model.model, description)
    return model.shown.get(description.key, snapshot)
  }
  const plan = planQuery(model.model, description)
  const { offset, limit, result } = plan
  if (result === 'count') return model.shown.count(plan, snapshot)
  return model.shown.scan(plan, offset + limit, ({ rows }) => {
    const asked = offset === 0 && limit >= rows.length ? rows : rows.slice(offset, offset + limit)
    return snapshot(result === 'first' ? asked[0] : asked)
  })
}
