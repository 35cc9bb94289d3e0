import type { Key, Row } from '../storage/storage.ts'
import type { FoldedRow } from './folding.ts'
import type { RowOperation, Token } from './row-operations.ts'

/** What a fold did to one row. */
export interface RowChange {
  readonly key: Key
  readonly token: Token
  /** undefined: removed */
  readonly row: Row | undefined
  /** `undefined`: nobody looked it up. `{ row: undefined }`: it was not there. */
  readonly before: { readonly row: Row | undefined } | undefined
}

export type RowLookup = (token: Token) => { readonly row: Row | undefined } | undefined

export function rowChanges(rows: ReadonlyMap<Token, FoldedRow>, before: RowLookup | undefined): readonly RowChange[] {
  const changes: RowChange[] = []
  for (const [token, { key, row }] of rows) changes.push({ key, token, row, before: before?.(token) })
  return changes
}

/** The rows that operations replace without looking, so that a count can know what they were. */
export function replacedRows(operations: readonly RowOperation[], known: RowLookup): ReadonlyMap<Token, Key> {
  const replaced = new Map<Token, Key>()
  for (const { token, key, change } of operations) if (!change && !known(token)) replaced.set(token, key)
  return replaced
}
