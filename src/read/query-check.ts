/** Refuses a query that its Read Model cannot answer, with a sentence that says what to do. It comes from another thread: nothing is taken on trust. */
import type { AnyReadModel } from '../domain/infer.ts'
import type { GetQuery, PlainCondition, RowsQuery, SingleCondition } from '../domain/query.ts'
import { OutpostError } from '../errors.ts'
import { isKey } from '../storage/key.ts'
import type { Conditions } from './predicate.ts'

const RANGE_OPERATORS = ['from', 'to', 'above', 'below']

export function invalidQuery(model: AnyReadModel, problem: string, details: Readonly<Record<string, unknown>> = {}): OutpostError {
  return new OutpostError('invalid-query', `Query of Read Model "${model.name}": ${problem}`, { readModel: model.name, ...details })
}

/** @throws `invalid-query` */
export function checkRowsQuery(model: AnyReadModel, query: RowsQuery): void {
  const indexed = new Set([model.key as string, ...model.indexes.flat()])
  const known = fieldsOf(model)
  const checkField = (field: string): void => {
    if (known && !known.includes(field))
      throw invalidQuery(model, `its rows have no field "${field}". Known: ${known.join(', ')}.`, { field, known })
  }
  for (const [field, condition] of Object.entries(query.where)) {
    checkField(field)
    if (!indexed.has(field))
      throw invalidQuery(model, `\`where\` on "${field}", which is not indexed. Add it to \`indexes\`, or use \`filter\`.`, { field })
    checkCondition(model, 'where', field, condition)
  }
  for (const [field, condition] of Object.entries(query.filter)) {
    checkField(field)
    checkCondition(model, 'filter', field, condition)
  }
  for (const { field } of query.orderBy) checkField(field)
  for (const name of ['limit', 'offset'] as const) {
    const value = query[name]
    if (value !== undefined && !(Number.isInteger(value) && value >= 0))
      throw invalidQuery(model, `\`${name}\` is ${String(value)}. Give a whole number from 0.`, { [name]: value })
  }
  if (!['all', 'first', 'count'].includes(query.result))
    throw invalidQuery(model, `it asks for "${query.result}". Known: all, first, count.`)
}

/** @throws `invalid-query` */
export function checkGetQuery(model: AnyReadModel, { key }: GetQuery): void {
  if (!isKey(key)) throw invalidQuery(model, `\`get\` takes a string or a number, but was given ${describe(key)}.`, { field: model.key })
}

function checkCondition(model: AnyReadModel, place: 'where' | 'filter', field: string, condition: PlainCondition): void {
  if (isAll(condition)) return condition.all.forEach((each) => checkCondition(model, place, field, each))
  const problem = problemOf(condition, place === 'where')
  if (problem !== undefined) throw invalidQuery(model, `\`${place}\` on "${field}" ${problem}`, { field })
}

function problemOf(condition: SingleCondition, onIndex: boolean): string | undefined {
  if (typeof condition !== 'object' || condition === null) return 'has no condition. Give a value or an operator.'
  const operators = Object.keys(condition)
  if (operators.length === 0) return 'has no operator. Give a value, or one of from, to, above, below, prefix, anyOf.'
  if (operators.length > 1 && !operators.every((operator) => RANGE_OPERATORS.includes(operator)))
    return `mixes ${operators.join(', ')}. Only from, to, above and below go together; use \`filter\` for the others.`
  const noKey = (value: unknown): string | undefined =>
    isKey(value) ? undefined : `compares with ${describe(value)}, which has no order. Use \`filter\` with the value itself.`
  if ('equals' in condition) return onIndex ? noKey(condition.equals) : undefined
  if ('anyOf' in condition) {
    if (!Array.isArray(condition.anyOf)) return 'has `anyOf` without a list. Give an array of values.'
    return onIndex ? condition.anyOf.map(noKey).find((problem) => problem !== undefined) : undefined
  }
  if ('prefix' in condition) return typeof condition.prefix === 'string' ? undefined : 'has a `prefix` that is no string.'
  const unknown = operators.find((operator) => !RANGE_OPERATORS.includes(operator))
  if (unknown !== undefined) return `uses "${unknown}". Known: from, to, above, below, prefix, anyOf.`
  return Object.values(condition)
    .filter((bound) => bound !== undefined)
    .map(noKey)
    .find((problem) => problem !== undefined)
}

const describe = (value: unknown): string =>
  value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number' ? String(value) : `a ${typeof value}`

/** The fields that rows can have; undefined where the schema also lets others through. */
function fieldsOf(model: AnyReadModel): readonly string[] | undefined {
  const { shape, def } = model.row as unknown as {
    readonly shape: Readonly<Record<string, unknown>>
    readonly def?: { readonly catchall?: { readonly def?: { readonly type?: string } } }
  }
  const isOpen = def?.catchall !== undefined && def.catchall.def?.type !== 'never'
  return isOpen ? undefined : Object.keys(shape)
}

/** Of a query that was checked. */
export const conditionsOf = (conditions: Readonly<Record<string, PlainCondition>>): Conditions =>
  Object.entries(conditions).flatMap(([field, condition]) => singly(condition).map((each) => [field, each] as const))

const singly = (condition: PlainCondition): readonly SingleCondition[] => (isAll(condition) ? condition.all.flatMap(singly) : [condition])

const isAll = (condition: PlainCondition): condition is Exclude<PlainCondition, SingleCondition> =>
  typeof condition === 'object' && condition !== null && 'all' in condition && Array.isArray(condition.all)
