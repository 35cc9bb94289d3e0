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
  /** Rows as they were before, as far as they are known; only until the batch is taken in. */
  readonly before: RowLookup
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
  readonly #known: RowLookup

  constructor(host: BatchFolderHost) {
    this.#host = host
    this.check = createRowCheck(host.model)
    this.#handlers = new Map(Object.entries(host.model.on))
    this.#operations = new RowOperations(this.check)
    this.#known = (token) => host.rows.folding(token)
  }

  /**
   * @param records those that follow what is folded
   * @param looksUp also what rows were that are replaced unseen
   * @returns undefined where storage has moved on, and it has to begin again
   */
  async fold(records: readonly LogRecord[], looksUp: boolean): Promise<FoldedBatch | undefined> {
    const { source, model } = this.#host
    const collected = collect(records, (record) => source.decode(record), this.#handlers, this.#operations)
    const known = new Map<Token, Row>()
    const missing = this.#pickKnown(neededRows(collected.operations), known)
    if (looksUp) {
      const replaced = replacedRows(collected.operations, this.#known)
      if (replaced.size <= MAX_LOOKED_UP) for (const [token, key] of replaced) missing.set(token, key)
    }
    if (missing.size > 0 && !(await this.#load(missing, known))) return undefined
    const before: RowLookup = (token) => (missing.has(token) ? { row: known.get(token) } : this.#known(token))
    return { ...fold(collected, known, this.check, model.name), events: collected.events, before }
  }

  /** @returns those that are not known here */
  #pickKnown(needed: ReadonlyMap<Token, Key>, into: Map<Token, Row>): Map<Token, Key> {
    const missing = new Map<Token, Key>()
    for (const [token, key] of needed) {
      const known = this.#known(token)
      if (!known) missing.set(token, key)
      else if (known.row) into.set(token, known.row)
    }
    return missing
  }

  /** @returns false where what storage has does not fit what is folded */
  async #load(missing: ReadonlyMap<Token, Key>, into: Map<Token, Row>): Promise<boolean> {
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
      for (const token of missing.keys()) {
        const row = loaded[i++]
        if (row) into.set(token, deepFreeze(row))
      }
      return true
    } finally {
      rows.release()
    }
  }
}
