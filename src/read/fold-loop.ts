/**
 * When a projection folds: what is pulled, batch by batch, up to where there is nothing left; again at an Event that stopped it;
 * later and later where storage fails.
 */
import type { Environment } from '../engine/engine.ts'
import { messageOf } from '../errors.ts'
import type { LogRecord } from '../storage/record.ts'
import type { BatchFolder, FoldedBatch } from './batch-folder.ts'
import { Draft, type DraftHost } from './draft.ts'
import type { EventSource } from './event-source.ts'
import type { Hold } from './hold.ts'
import type { Layers } from './layers.ts'
import type { Parking } from './parking.ts'
import type { Interest } from './projection.ts'
import { RecordPuller } from './record-puller.ts'
import { backoff, nextTask } from './timing.ts'

/** With so many rows waiting for storage nothing more is folded that it has to take: as many as come while it takes some. */
const MAX_DIRTY = 48_000
/** Folding lets others take their turn after so long: half a display frame. */
const SLICE_MS = 8
/** What a build rests after a slice, as long as Commands come. */
const REST_MS = 16
const RETRY_FIRST_MS = 200
const RETRY_LONGEST_MS = 30_000

export interface FoldLoopHost {
  readonly layers: Layers
  readonly source: EventSource
  readonly environment: Environment
  readonly folder: BatchFolder
  readonly parking: Parking
  readonly hold: Hold
  interest(): Interest
  /** False where it only follows, or has ended. */
  isFolding(): boolean
  /** Looks whether another tab has stored more. */
  refresh(): Promise<void>
  /** Has rows stored: it goes on when they are. */
  makeRoom(): void
  take(records: readonly LogRecord[], batch: FoldedBatch): void
  takeDraft(draft: Draft): void
  /** Why folding does not succeed, in words; undefined when it does again. */
  problem(text: string | undefined): void
}

export class FoldLoop {
  readonly #host: FoldLoopHost
  readonly #draftHost: DraftHost
  readonly #records: RecordPuller
  #running: Promise<void> | undefined
  #sliceEnd = 0
  #failures = 0
  #failure: unknown
  #cancelRetry: (() => void) | undefined

  constructor(host: FoldLoopHost) {
    this.#host = host
    this.#records = new RecordPuller(host.source)
    this.#draftHost = {
      ...host,
      confirmedRecords: this.#records,
      tailRecords: new RecordPuller(host.source),
      breathe: () => this.#breathe(),
    }
  }

  /** What storage failed with, as long as it does. */
  get failure(): unknown {
    return this.#failure
  }

  /** Folds up to the head, unless it is doing so. */
  pump(): void {
    const { layers, parking, source } = this.#host
    if (this.#running || this.#cancelRetry || !this.#host.isFolding()) return
    if (parking.parked) {
      if (parking.isOfOtherTail(source)) void this.#keepBusy(this.#tryAgain())
    } else if (layers.isUpToDate) return
    else if (this.#isFull) this.#host.makeRoom()
    else void this.#keepBusy(this.#foldToHead())
  }

  /** Tries again now; resolves when it has. */
  async retry(): Promise<void> {
    this.close()
    this.pump()
    while (this.#running) await this.#running
    if (this.#isParked) await this.#keepBusy(this.#tryAgain())
  }

  /** Storage failed: it tries again, later and later. */
  stumbled(error: unknown): void {
    // Where the log itself was closed, this ends with its engine; to look again at once would never let that happen.
    if (!this.#host.isFolding()) return
    this.#failure = error
    this.#host.problem(messageOf(error))
    this.close()
    this.#cancelRetry = this.#host.environment.later(backoff(++this.#failures, RETRY_FIRST_MS, RETRY_LONGEST_MS), () => {
      this.#cancelRetry = undefined
      this.pump()
    })
  }

  /** Tries no more by itself. */
  close(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  get #isParked(): boolean {
    return this.#host.parking.parked !== undefined && this.#host.isFolding()
  }

  /** True where storage has to take rows before more are folded that it has to take. */
  get #isFull(): boolean {
    const { layers, source } = this.#host
    return layers.confirmed.dirty >= MAX_DIRTY && layers.confirmed.folded.record < source.settled.record
  }

  #keepBusy(work: Promise<void>): Promise<void> {
    this.#beginSlice()
    return (this.#running = work
      .catch((error: unknown) => this.stumbled(error))
      .finally(() => {
        this.#running = undefined
        this.pump()
      }))
  }

  async #foldToHead(): Promise<void> {
    const { layers, parking } = this.#host
    // Whoever hears of the same records at the same time is told together.
    await Promise.resolve()
    while (this.#host.isFolding() && !parking.parked && !layers.isUpToDate && !this.#isFull) {
      await this.#foldNext()
      await this.#breathe()
    }
    this.#recovered()
  }

  #beginSlice(): void {
    this.#sliceEnd = this.#host.environment.clock() + SLICE_MS
  }

  /** After a slice of time others have their turn; in a build, as long as Commands come, most of it. */
  async #breathe(): Promise<void> {
    const { layers, source, environment } = this.#host
    if (environment.clock() < this.#sliceEnd) return
    await nextTask()
    if (source.isBusy && !layers.laysTail) await new Promise<void>((resolve) => environment.later(REST_MS, resolve))
    this.#beginSlice()
  }

  async #tryAgain(): Promise<void> {
    // A tab with a mended build may have got past it.
    await this.#host.refresh()
    if (this.#isParked) await this.#foldNext()
    this.#recovered()
  }

  #recovered(): void {
    if (this.#failures === 0) return
    this.#failures = 0
    this.#failure = undefined
    this.#host.problem(undefined)
  }

  /** One batch, or all at once where anything tentative shows or will. */
  async #foldNext(): Promise<void> {
    const { layers, source } = this.#host
    if (!layers.isPlain) return this.#foldAside()
    const records = await this.#records.after(layers.confirmed.folded.record, true)
    const { record } = source.settled
    if (layers.isPlain) await this.#foldBatch(records.filter(({ number }) => number <= record))
  }

  async #foldBatch(records: readonly LogRecord[]): Promise<void> {
    const { layers, folder, hold } = this.#host
    const rows = layers.confirmed
    // It may have moved while they were pulled.
    if (!this.#host.isFolding() || records[0]?.number !== rows.folded.record + 1) return
    const { epoch } = rows
    const batch = await folder.fold(records, (token) => rows.folding(token), this.#host.interest() === 'before')
    if (!batch) return
    if (hold.isHeld) await hold.free()
    if (this.#host.isFolding() && epoch === rows.epoch) this.#host.take(records, batch)
  }

  async #foldAside(): Promise<void> {
    const { layers, hold } = this.#host
    const draft = new Draft(this.#draftHost)
    do {
      if (!this.#host.isFolding() || !(await draft.complete())) return
      // Bare rows are read by nobody who could wait for them to stand still.
      if (hold.isHeld && !layers.isBare) await hold.free()
    } while (!draft.isCurrent)
    if (this.#host.isFolding()) this.#host.takeDraft(draft)
  }
}
