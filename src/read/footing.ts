/** Where a projection stands in the log, and how it comes to terms with what other tabs have stored. */
import type { OutpostError } from '../errors.ts'
import { type Checkpoint, lastPositionOf, sameCheckpoint } from '../storage/record.ts'
import type { ReadStore } from '../storage/storage.ts'
import type { EventSource } from './event-source.ts'
import type { FoldedRows } from './folded-rows.ts'

export interface FootingHost {
  readonly rows: FoldedRows
  readonly store: ReadStore
  readonly source: EventSource
  /** The error of one that has ended; undefined as long as it has not. */
  ended(): OutpostError | undefined
  /** It stands elsewhere now: all rows may be others. */
  jumped(): void
  /** What is stored does not belong to this log: it has to end. */
  lost(reason: string): void
}

export class Footing {
  readonly #host: FootingHost
  #takingOver: Promise<void> | undefined

  constructor(host: FootingHost) {
    this.#host = host
  }

  /** Stands on what is stored. @returns false where that is not in the log */
  async stand(): Promise<boolean> {
    const checkpoint = await this.#host.store.checkpoint()
    const position = await this.#locate(checkpoint)
    if (position !== undefined) this.#host.rows.jump(checkpoint, position)
    return position !== undefined
  }

  /** Looks whether another tab has stored more than is known here. */
  async refresh(): Promise<void> {
    const checkpoint = await this.#host.store.checkpoint()
    if (!sameCheckpoint(checkpoint, this.#host.rows.stored)) await this.reconcile(checkpoint)
  }

  /** Comes to terms with rows that storage has as of this checkpoint. Rejects with `closed` where that ended it. */
  async reconcile(checkpoint: Checkpoint | undefined): Promise<void> {
    this.#refuseWhenEnded()
    const { rows, store } = this.#host
    const verdict = rows.judge(checkpoint)
    if (verdict === 'usable') return rows.noteStored(checkpoint)
    if (verdict === 'ahead' && checkpoint) return this.#takeOver(checkpoint)
    if (verdict === 'behind') {
      // Mostly it was read before it was written.
      const now = await store.checkpoint()
      if (rows.judge(now) !== 'behind') return this.reconcile(now)
    }
    this.#lose('it holds other rows than this log has made')
  }

  /** Drops all that is not stored, to fold it again. */
  async startOver(): Promise<void> {
    const { rows } = this.#host
    const { stored } = rows
    const position = await this.#locate(stored)
    this.#refuseWhenEnded()
    if (position === undefined) return this.#lose('its checkpoint is not in the log')
    this.#jump(stored, position)
  }

  /** Stands on what another tab has stored, dropping what was folded here. */
  #takeOver(checkpoint: Checkpoint): Promise<void> {
    this.#takingOver ??= this.#jumpTo(checkpoint).finally(() => (this.#takingOver = undefined))
    return this.#takingOver
  }

  async #jumpTo(checkpoint: Checkpoint): Promise<void> {
    const position = await this.#locate(checkpoint)
    this.#refuseWhenEnded()
    if (position === undefined) return this.#lose('its checkpoint is not in the log')
    // It may have folded as far meanwhile.
    if (this.#host.rows.judge(checkpoint) === 'ahead') this.#jump(checkpoint, position)
  }

  #jump(checkpoint: Checkpoint | undefined, position: number): void {
    this.#host.rows.jump(checkpoint, position)
    this.#host.jumped()
  }

  /** @returns the position of the record's last Event; undefined where the record is not in the log, or not confirmed there */
  async #locate(checkpoint: Checkpoint | undefined): Promise<number | undefined> {
    if (!checkpoint) return 0
    const { source } = this.#host
    // Whoever stored it knew it to be confirmed: by a record that may not have been heard of here.
    if (checkpoint.record > source.settled.record) await source.catchUp(Math.max(checkpoint.record, source.head.checkpoint.record + 1))
    const { head, settled } = source
    // The log has lost what confirmed it. What is confirmed in its place may be something else.
    if (checkpoint.record > settled.record) return undefined
    if (sameCheckpoint(checkpoint, head.checkpoint)) return head.position
    const [record] = await source.records(checkpoint.record - 1, 1)
    return record?.number === checkpoint.record && record.id === checkpoint.id ? lastPositionOf(record) : undefined
  }

  #lose(reason: string): void {
    this.#host.lost(reason)
    this.#refuseWhenEnded()
  }

  #refuseWhenEnded(): void {
    const error = this.#host.ended()
    if (error) throw error
  }
}
