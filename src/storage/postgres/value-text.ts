/**
 * Values as text: JSON where that keeps them, so that SQL can read them, else the notation of devalue, marked. Both write NUL and
 * halves of surrogate pairs, which PostgreSQL's text cannot hold, as escapes.
 */
import { parse, stringify } from 'devalue'
import { messageOf, OutpostError } from '../../errors.ts'
import type { Checkpoint } from '../record.ts'

/** No JSON begins so. */
const MARK = 'devalue:'
/** devalue writes no object with this field, which structured cloning keeps. */
const PROTO = '__proto__'
/** Deeper values, and those that hold themselves, are left to devalue, which knows what it has met. */
const MAX_DEPTH = 500

/** @throws `storage-failed` where a structured clone would not keep it */
export function valueText(value: unknown): string {
  if (isJson(value, 0)) return JSON.stringify(value)
  try {
    // Class instances become what a structured clone makes of them.
    return MARK + stringify(structuredClone(value), { Fields: fieldsOf })
  } catch (error) {
    throw new OutpostError(
      'storage-failed',
      `A value cannot be stored (${messageOf(error)}). Nothing was written; keep plain data only.`,
      {},
      error,
    )
  }
}

/** The inverse of {@link valueText}. */
export const valueOf = (text: string): unknown =>
  text.startsWith(MARK)
    ? parse(text.slice(MARK.length), { Fields: (entries: readonly [string, unknown][]) => Object.fromEntries(entries) })
    : (JSON.parse(text) as unknown)

const fieldsOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, PROTO) && Object.entries(value)

/** True where `JSON.parse(JSON.stringify(value))` is the same. */
function isJson(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean'
  if (value === null) return true
  if (depth > MAX_DEPTH) return false
  if (Array.isArray(value)) return Object.keys(value).length === value.length && value.every((part) => isJson(part, depth + 1))
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  for (const key in value) if (key === PROTO || !isJson((value as Record<string, unknown>)[key], depth + 1)) return false
  return true
}

/** A checkpoint as a text that is equal exactly where the checkpoint is; null for none. */
export const checkpointText = (checkpoint: Checkpoint | undefined): string | null =>
  checkpoint === undefined ? null : JSON.stringify([checkpoint.record, checkpoint.id])

/** The inverse of {@link checkpointText}. */
export function checkpointFrom(text: unknown): Checkpoint | undefined {
  if (typeof text !== 'string') return undefined
  const [record, id] = JSON.parse(text) as [number, string]
  return { record, id }
}
