/** Refuses a query that its Read Model cannot answer, with a sentence that says what to do. It comes from another thread: nothing is taken on trust. */
import type { AnyReadModel } from '../domain/infer.ts'
import type { GetQuery, GivenConditions, RowsQuery } from '../domain/query.ts'
import { OutpostError } from '../errors.ts'
import { isKey } from '../storage/key.ts'
import { describeValue } from './describe-value.ts'
import type { Conditions, PlainCondition } from './predicate.ts'

const RANGE_OPERATORS = ['from', 'to', 'above', 'below']
const OPERATORS = [...RANGE_OPERATORS, 'prefix', 'anyOf']

export function invalidQuery(model: AnyReadModel, problem: string, details: Readonly<Record<string, unknown>> = {}): OutpostError {
  return new OutpostError('invalid-query', `Query of Read Model "${model.name}": ${problem}`, { readModel: model.name, ...details })
}

/**
 * Its conditions on indexes and on any field.
 *
 * @throws `invalid-query`
 */
export function checkRowsQuery(model: AnyReadModel, query: RowsQuery): { readonly where: Conditions; readonly filter: Conditions } {
  const indexed = new Set([model.key as string, ...model.indexes.flat()])
  const known = fieldsOf(model)
  const checkField = (field: string): void => {
    if (known && !known.includes(field))
      throw invalidQuery(model, `its rows have no field "${field}". Known: ${known.join(', ')}.`, { field, known })
  }
  const where = conditionsOf(model, 'where', query.where)
  const filter = conditionsOf(model, 'filter', query.filter)
  for (const [field, condition] of where) {
    checkField(field)
    if (!indexed.has(field))
      throw invalidQuery(model, `\`where\` on "${field}", which is not indexed. Add it to \`indexes\`, or use \`filter\`.`, { field })
    checkCondition(model, 'where', field, condition)
  }
  for (const [field, condition] of filter) {
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
  return { where, filter }
}

/** @throws `invalid-query` */
export function checkGetQuery(model: AnyReadModel, { key }: GetQuery): void {
  if (!isKey(key))
    throw invalidQuery(model, `\`get\` takes a string or a number, but was given ${describeValue(key)}.`, { field: model.key })
}

function checkCondition(model: AnyReadModel, place: 'where' | 'filter', field: string, condition: PlainCondition): void {
  const problem = problemOf(condition, place === 'where')
  if (problem !== undefined) throw invalidQuery(model, `\`${place}\` on "${field}" ${problem}`, { field })
}

function problemOf(condition: PlainCondition, onIndex: boolean): string | undefined {
  const operators = Object.keys(condition)
  if (operators.length > 1 && !operators.every((operator) => RANGE_OPERATORS.includes(operator)))
    return `mixes ${operators.join(', ')}. Only from, to, above and below go together: use \`filter\`.`
  const noKey = (value: unknown): string | undefined =>
    isKey(value) ? undefined : `compares with ${describeValue(value)}, which has no order. Use \`filter\` with the value itself.`
  if ('equals' in condition) return onIndex ? noKey(condition.equals) : undefined
  if ('anyOf' in condition) {
    if (!Array.isArray(condition.anyOf)) return 'has `anyOf` without a list. Give an array of values.'
    return onIndex ? condition.anyOf.map(noKey).find((problem) => problem !== undefined) : undefined
  }
  if ('prefix' in condition) return typeof condition.prefix === 'string' ? undefined : 'has a `prefix` that is no string.'
  return Object.values(condition)
    .filter((bound) => bound !== undefined)
    .map(noKey)
    .find((problem) => problem !== undefined)
}

/** The fields that rows can have; undefined where the schema also lets others through. */
function fieldsOf(model: AnyReadModel): readonly string[] | undefined {
  const { shape, def } = model.row as unknown as {
    readonly shape: Readonly<Record<string, unknown>>
    readonly def?: { readonly catchall?: { readonly def?: { readonly type?: string } } }
  }
  const isOpen = def?.catchall !== undefined && def.catchall.def?.type !== 'never'
  return isOpen ? undefined : Object.keys(shape)
}

function conditionsOf(model: AnyReadModel, place: 'where' | 'filter', given: GivenConditions): Conditions {
  return Object.entries(given).flatMap(([field, conditions]) => {
    if (!Array.isArray(conditions)) throw invalidQuery(model, `\`${place}\` on "${field}" has no list of conditions.`, { field })
    return (conditions as readonly unknown[]).filter((each) => each !== undefined).map((each) => [field, plainCondition(each)] as const)
  })
}

/** Writes a condition's kind out: an object with nothing but operators is a condition, anything else a value. */
function plainCondition(given: unknown): PlainCondition {
  const keys = typeof given === 'object' && given !== null ? Object.keys(given) : []
  return keys.length > 0 && keys.every((key) => OPERATORS.includes(key)) ? (given as PlainCondition) : { equals: given }
}
