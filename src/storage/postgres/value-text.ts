/**
 * Values as text: JSON where that keeps them, so that SQL can read them, else packed in the notation of devalue, marked. Both
 * write NUL and halves of surrogate pairs, which PostgreSQL's text cannot hold, as escapes.
 */
import { messageOf, OutpostError } from '../../errors.ts'
import { isJson, pack, unpack } from '../../internal/pack.ts'
import type { Checkpoint } from '../record.ts'

/** No JSON begins so. */
const MARK = 'devalue:'

/** @throws `storage-failed` where a structured clone would not keep it */
export function valueText(value: unknown): string {
  if (isJson(value)) return JSON.stringify(value)
  try {
    // Class instances become what a structured clone makes of them.
    return MARK + pack(structuredClone(value))
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
export const valueOf = (text: string): unknown => (text.startsWith(MARK) ? unpack(text.slice(MARK.length)) : (JSON.parse(text) as unknown))

/** A checkpoint as a text that is equal exactly where the checkpoint is; null for none. */
export const checkpointText = (checkpoint: Checkpoint | undefined): string | null =>
  checkpoint === undefined ? null : JSON.stringify([checkpoint.record, checkpoint.id])

/** The inverse of {@link checkpointText}. */
export function checkpointFrom(text: unknown): Checkpoint | undefined {
  if (typeof text !== 'string') return undefined
  const [record, id] = JSON.parse(text) as [number, string]
  return { record, id }
}
