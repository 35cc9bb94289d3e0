/** What may become a row: checked at each one that a handler makes, so that it is found where it was made. */
import type { AnyReadModel } from '../domain/infer.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { messageOf, OutpostError } from '../errors.ts'
import { deepFreeze } from '../internal/plain.ts'
import { compareKeys, isKey } from '../storage/key.ts'
import type { Key, Row } from '../storage/storage.ts'
import { describeValue } from './describe-value.ts'

export const rowAt = (readModel: string, event: RecordedEvent): string =>
  `Read Model "${readModel}", at Event "${event.type}" (position ${event.position})`

export interface RowCheck {
  /**
   * The row as its schema parses it: unknown fields are gone, defaults are there. It is frozen, since readers share it.
   *
   * @param key what its key must be; undefined where any will do
   * @throws `invalid-row`; `details.field` is the first field at fault
   */
  row(made: unknown, key: Key | undefined, event: RecordedEvent): Row
  keyOf(row: Row): Key
  invalidKey(key: unknown, event: RecordedEvent): OutpostError
  /** Checks from now on also that storage can keep each row: for after it could not. */
  checkStorable: boolean
}

export function createRowCheck(model: AnyReadModel): RowCheck {
  const keyField: string = model.key
  const keyFields = [...new Set([keyField, ...model.indexes.flat()])]

  const invalid = (event: RecordedEvent, field: string, problem: string, details: object = {}, cause?: unknown): OutpostError =>
    new OutpostError(
      'invalid-row',
      `${rowAt(model.name, event)}: field "${field}" of its row ${problem}.`,
      { readModel: model.name, field, eventType: event.type, position: event.position, ...details },
      cause,
    )

  const check: RowCheck = {
    checkStorable: false,
    keyOf: (row) => row[keyField] as Key,

    row(made, key, event) {
      const parsed = model.row.safeParse(made)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        const details = { key: fieldOf(made, keyField), issues: parsed.error.issues }
        throw invalid(event, issue?.path.map(String).join('.') ?? '', `does not fit its schema: ${issue?.message ?? ''}`, details)
      }
      const row = parsed.data as Row
      for (const field of keyFields)
        if (!isKey(row[field]))
          throw invalid(event, field, `is ${describeValue(row[field])}, which IndexedDB cannot index`, { key: row[keyField] })
      const own = row[keyField] as Key
      if (key !== undefined && own !== key && compareKeys(own, key) !== 0)
        throw invalid(event, keyField, `became "${String(own)}" in the row of "${String(key)}". Remove that one and put this one`, {
          key,
        })
      if (check.checkStorable) checkStorable(row, event)
      return deepFreeze(row)
    },

    invalidKey: (key, event) =>
      invalid(event, keyField, `cannot be ${describeValue(key)}: IndexedDB cannot index it`, { key: String(key) }),
  }

  function checkStorable(row: Row, event: RecordedEvent): void {
    for (const [field, value] of Object.entries(row))
      try {
        structuredClone(value)
      } catch (error) {
        throw invalid(event, field, `cannot be stored: ${messageOf(error)}`, { key: row[keyField] }, error)
      }
  }
  return check
}

const fieldOf = (made: unknown, field: string): unknown =>
  typeof made === 'object' && made !== null ? (made as Readonly<Record<string, unknown>>)[field] : undefined
