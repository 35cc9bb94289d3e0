/** A projection's rows in memory as readers see them: the tentative layer, over the confirmed one, over what storage has. */
import { keyToken } from '../storage/key.ts'
import type { Checkpoint } from '../storage/record.ts'
import type { Row } from '../storage/storage.ts'
import type { FoldedRows } from './folded-rows.ts'
import type { FoldedRow } from './folding.ts'
import type { Token } from './row-operations.ts'
import type { TentativeRows } from './tentative-rows.ts'

export class VisibleRows {
  readonly #confirmed: FoldedRows
  readonly #tentative: TentativeRows

  constructor(confirmed: FoldedRows, tentative: TentativeRows) {
    this.#confirmed = confirmed
    this.#tentative = tentative
  }

  /** Another one means: what a reader under way relied on is gone. */
  get epoch(): number {
    return this.#confirmed.epoch + this.#tentative.epoch
  }
  /** How many rows a reader has to lay over what it read, at most. */
  get size(): number {
    return this.#confirmed.size + this.#tentative.size
  }
  /** Within an epoch, and while the overlay is retained, the same number means: the same rows are covered. */
  get covered(): number {
    return this.#confirmed.size + this.#tentative.arrivals
  }
  /** The last record folded whole, in either layer. */
  get folded(): Checkpoint {
    return this.#tentative.folded ?? this.#confirmed.folded
  }
  /** Position of the last Event that shows. */
  get position(): number {
    return this.#tentative.isEmpty ? this.#confirmed.position : this.#tentative.part.position
  }

  /** A row as far as it is known here: `{ row: undefined }` is known to be missing. */
  visible(token: Token): { readonly row: Row | undefined } | undefined {
    return this.#tentative.visible(token) ?? this.#confirmed.visible(token)
  }

  /** True where a row from storage must give way. */
  covers(token: Token): boolean {
    return this.#tentative.covers(token) || this.#confirmed.covers(token)
  }

  /** All rows, removed ones too, that come in the place of stored ones. */
  *covering(): Generator<FoldedRow> {
    const tentative = this.#tentative
    if (tentative.size === 0) return yield* this.#confirmed.covering()
    for (const [, folded] of tentative.covering()) yield folded
    for (const folded of this.#confirmed.covering()) if (!tentative.covers(keyToken(folded.key))) yield folded
  }
}
