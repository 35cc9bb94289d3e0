/** Two results of the same query: what did not change keeps its identity. */
import { isKey, keyToken } from '../storage/key.ts'
import { sameValue } from '../internal/same-value.ts'

/**
 * @param keyFields fields by which items of a list are recognised wherever they moved to, the first that all have
 * @returns `after`, with every item of a list and every whole part that is equal to one of `before` replaced by that one
 */
export function shareStructure(before: unknown, after: unknown, keyFields: readonly string[]): unknown {
  if (sameValue(before, after)) return before
  if (!Array.isArray(before) || !Array.isArray(after)) return shareFields(before, after, keyFields)
  const field = keyFields.find((name) => [...before, ...after].every((item) => isKey(fieldOf(item, name))))
  const known = field === undefined ? undefined : new Map(before.map((item: unknown) => [keyToken(fieldOf(item, field) as string), item]))
  return after.map((item: unknown, i) => {
    const candidate: unknown = known && field !== undefined ? known.get(keyToken(fieldOf(item, field) as string)) : before[i]
    return sameValue(candidate, item) ? candidate : item
  })
}

function shareFields(before: unknown, after: unknown, keyFields: readonly string[]): unknown {
  if (!isRecord(before) || !isRecord(after)) return after
  const shared: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(after)) shared[name] = shareStructure(before[name], value, keyFields)
  return shared
}

const fieldOf = (item: unknown, field: string): unknown => (isRecord(item) ? item[field] : undefined)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
