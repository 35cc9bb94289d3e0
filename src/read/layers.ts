/**
 * The two layers of one projection, and how far they are: confirmed rows, and the pending tail laid over them. Confirmed rows
 * whose tail is not laid over them yet are *bare*: what they would show never was, so they are shown to nobody.
 */
import type { EventSource } from './event-source.ts'
import { FoldedRows } from './folded-rows.ts'
import { TentativeRows } from './tentative-rows.ts'
import { VisibleRows } from './visible-rows.ts'

export class Layers {
  readonly confirmed = new FoldedRows()
  readonly tentative = new TentativeRows()
  readonly visible: VisibleRows = new VisibleRows(this.confirmed, this.tentative)
  readonly #source: EventSource
  /** False of what is built or followed: only what is confirmed is folded there. */
  laysTail = false
  #isBare = false
  #position = 0

  constructor(source: EventSource) {
    this.#source = source
  }

  /** Position of the last Event that shows, in either layer; while bare, of what was shown before. */
  get position(): number {
    return this.#position
  }
  get isBare(): boolean {
    return this.#isBare
  }
  /** What shows: equal ones, and nothing has changed in between. */
  get standing(): string {
    return `${this.confirmed.folded.id} ${this.visible.folded.id}`
  }
  /** True where there is nothing to fold. */
  get isUpToDate(): boolean {
    const { head, settled } = this.#source
    if (this.#isBare || this.confirmed.folded.record < settled.record) return false
    return !this.laysTail || this.visible.folded.record >= head.checkpoint.record
  }
  /** True where nothing tentative shows or is to be shown: confirmed records may be taken batch by batch. */
  get isPlain(): boolean {
    const { head, settled } = this.#source
    return !this.laysTail || (!this.#isBare && this.tentative.isEmpty && settled.record >= head.checkpoint.record)
  }

  /** True where they show this position, and nothing that is void by now. */
  shows(position: number): boolean {
    const { tentative } = this
    return this.#position >= position && !this.#isBare && (tentative.isEmpty || tentative.tailEpoch === this.#source.tailEpoch)
  }

  /** From now on the tail is laid over the confirmed rows. */
  layTail(): void {
    if (!this.laysTail) this.#isBare = this.#hasTail
    this.laysTail = true
  }

  /** The confirmed rows stand elsewhere now: on what storage has. */
  jumped(): void {
    const { confirmed, tentative } = this
    const { record } = confirmed.folded
    this.#isBare ||= this.laysTail && (!tentative.isEmpty || this.#hasTail)
    // What was folded of the same tail, beyond what is stored, stays what it was, unless there is a gap now between the two.
    const [first] = tentative.part.records
    if (tentative.tailEpoch === this.#source.tailEpoch && first && first.number <= record + 1) tentative.settle(record)
    else tentative.clear()
    if (!this.#isBare) this.#position = this.visible.position
  }

  /** They show what was taken last. */
  taken(): void {
    this.#isBare = false
    this.#position = this.visible.position
  }

  get #hasTail(): boolean {
    return this.#source.settled.record < this.#source.head.checkpoint.record
  }
}
