/** Folds a batch of records on what a projection knows, loading what it does not: all in one read of storage. */
import type { AnyReadModel } from '../domain/infer.ts'
import { deepFreeze } from '../internal/plain.ts'
import type { LogRecord } from '../storage/record.ts'
import type { Key, ReadStore, Row } from '../storage/storage.ts'
import type { EventSource } from './event-source.ts'
import type { FoldedRows } from './folded-rows.ts'
import { collect, fold, type Folded, type Handlers, neededRows } from './folding.ts'
import type { Footing } from './footing.ts'
import { replacedRows, type RowLookup } from './row-changes.ts'
import { createRowCheck, type RowCheck } from './row-check.ts'
import { RowOperations, type Token } from './row-operations.ts'

/** Replaced rows are looked up for counts only where they are this few: beyond, counting again is faster. */
const MAX_LOOKED_UP = 200

export interface FoldedBatch extends Folded {
  /** How many Events were read. */
  readonly events: number
  /** What had to be loaded for it, as of what `FoldedRows` had folded; undefined where there is no such row. */
  readonly loaded: ReadonlyMap<Token, Row | undefined>
}

export interface BatchFolderHost {
  readonly model: AnyReadModel
  readonly rows: FoldedRows
  readonly store: ReadStore
  readonly source: EventSource
  readonly footing: Footing
}

export class BatchFolder {
  readonly check: RowCheck
  readonly #host: BatchFolderHost
  readonly #handlers: Handlers
  readonly #operations: RowOperations
  constructor(host: BatchFolderHost) {
    this.#host = host
    this.check = createRowCheck(host.model)
    this.#handlers = new Map(Object.entries(host.model.on))
    this.#operations = new RowOperations(this.check)
  }

  /**
   * @param records those that follow what is known
   * @param known rows as of the record before them
   * @param looksUp also what rows were that are replaced unseen
   * @returns undefined where storage has moved on, and it has to begin again
   */
  async fold(records: readonly LogRecord[], known: RowLookup, looksUp: boolean): Promise<FoldedBatch | undefined> {
    const { source, model } = this.#host
    const collected = collect(records, (record) => source.decode(record), this.#handlers, this.#operations)
    const before = new Map<Token, Row>()
    const missing = pickKnown(neededRows(collected.operations), known, before)
    if (looksUp) {
      const replaced = replacedRows(collected.operations, known)
      if (replaced.size <= MAX_LOOKED_UP) for (const [token, key] of replaced) missing.set(token, key)
    }
    const loaded = new Map<Token, Row | undefined>()
    if (missing.size > 0) {
      if (!(await this.load(missing, loaded))) return undefined
      for (const [token, row] of loaded) if (row) before.set(token, row)
    }
    return { ...fold(collected, before, this.check, model.name), events: collected.events, loaded }
  }

  /**
   * Loads rows that are not known.
   *
   * @returns false where what storage has does not fit what is folded
   */
  async load(missing: ReadonlyMap<Token, Key>, into: Map<Token, Row | undefined>): Promise<boolean> {
    const { rows, store, footing } = this.#host
    rows.retain()
    try {
      const { checkpoint, rows: loaded } = await store.load([...missing.values()])
      if (rows.judge(checkpoint) !== 'usable') {
        await footing.reconcile(checkpoint)
        return false
      }
      rows.noteStored(checkpoint)
      let i = 0
      for (const token of missing.keys()) into.set(token, deepFreeze(loaded[i++]))
      return true
    } finally {
      rows.release()
    }
  }
}

/** @returns those that are not known */
function pickKnown(needed: ReadonlyMap<Token, Key>, known: RowLookup, into: Map<Token, Row>): Map<Token, Key> {
  const missing = new Map<Token, Key>()
  for (const [token, key] of needed) {
    const found = known(token)
    if (!found) missing.set(token, key)
    else if (found.row) into.set(token, found.row)
  }
  return missing
}
