/**
 * The states of one fold in memory, over its saved states in the Persistence Store.
 *
 *     saved as of `base` ≤ confirmed layer as of `folded` (the log's settled record) ≤ tentative layer as of the head
 *
 * Between what is saved and the confirmed layer lie Events: for a key that they touched, either the entry itself is in memory
 * (`dirty`), or they are still to be folded onto what is saved (`behind`). So any tab can flush, and none has to load what it
 * does not need. The tentative layer holds what the pending tail of a synced log touched, and is never saved: where the tail
 * is made void, it is dropped. Without sync there is none.
 *
 * Invariants:
 * - every read of saved states compares their checkpoint to `base`; another one means that another tab has flushed
 * - a flush writes only if the stored checkpoint still is `base`
 * - an entry is only ever replaced by one that is as of a later record of the same log
 */
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { isOutpostError, OutpostError } from '../errors.ts'
import { append } from '../internal/append.ts'
import { deepFreeze } from '../internal/plain.ts'
import {
  checkpointOf,
  lastPositionOf,
  LOG_START,
  sameCheckpoint,
  type Checkpoint,
  type LogRecord,
  type StoredEvent,
} from '../storage/record.ts'
import type { PersistenceStore, SavedState, StateWrites } from '../storage/storage.ts'
import { type Decoded, type Decoder, positionOf } from './decode.ts'
import { emptyEntry, type Entry, type Fold } from './fold.ts'
import type { Advance } from './log.ts'
import type { Instance, ManagerFold } from './process-managers.ts'

/** Entries kept in memory although they are saved: more than most apps work on at once, a few MB at most. */
const KEPT_CLEAN = 16_384

/** The log, as far as saved states need it. Only within a turn. */
export interface StateSource {
  /** Folds what other tabs wrote. */
  catchUp(): Promise<void>
  /** Gives each record after this one up to the head, with its Events. */
  replay(after: number, fold: (record: LogRecord, events: readonly Decoded[]) => void): Promise<void>
  /** Those of an Aggregate's streams that may have Events up to the head; all of them, where that cannot be told. */
  mayHave(aggregate: string, ids: readonly string[]): Promise<readonly string[]>
}

/** An Event that is still to be folded, with its record's number. */
interface Later {
  readonly event: RecordedEvent
  readonly record: number
  readonly parked: string | undefined
}

/** Which layer an entry belongs to: the log settled it, or the server has not spoken yet. */
export type Layer = 'confirmed' | 'tentative'

export class States {
  readonly fold: Fold
  readonly #store: PersistenceStore
  readonly #source: StateSource
  #base: Checkpoint
  /** As in the store: undefined where nothing of this fold was ever saved. */
  #stored: Checkpoint | undefined
  readonly #entries = new Map<string, Entry>()
  /** Key → number of the record that last touched it, for entries in memory that are not saved yet. */
  readonly #dirty = new Map<string, number>()
  /** Key → Events after `base` to fold onto its saved state. */
  readonly #behind = new Map<string, Later[]>()
  /** Entries that Events of the pending tail touched. */
  readonly #tentative = new Map<string, Entry>()
  /** Key → Events of the pending tail to fold onto its entry, once that is in memory. */
  readonly #later = new Map<string, Later[]>()
  #folded: Checkpoint
  /** The first Event that this build cannot fold: what is saved must then stay where it is. */
  #halted: OutpostError | undefined

  constructor(fold: Fold, store: PersistenceStore, source: StateSource, stored: Checkpoint | undefined) {
    this.fold = fold
    this.#store = store
    this.#source = source
    this.#stored = stored
    this.#base = stored ?? LOG_START
    this.#folded = this.#base
  }

  /** The record that the confirmed layer is as of. */
  get folded(): Checkpoint {
    return this.#folded
  }
  get stored(): Checkpoint | undefined {
    return this.#stored
  }
  /** How many keys wait to be saved. */
  get unsaved(): number {
    return this.#halted ? 0 : this.#dirty.size + this.#behind.size
  }
  /** Why nothing of it is saved any more: an Event that this build cannot fold. */
  get halted(): OutpostError | undefined {
    return this.#halted
  }
  /** Records since the last flush. */
  get behind(): number {
    return this.#halted ? 0 : this.#folded.record - this.#base.record
  }

  /** The entry as of the head, where it is in memory. */
  peek(key: string): Entry | undefined {
    return this.#tentative.get(key) ?? (this.#later.has(key) ? undefined : this.#entries.get(key))
  }

  /** The entry as of the settled record, where it is in memory. */
  peekConfirmed(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** Brings entries into memory. */
  async load(keys: readonly string[]): Promise<void> {
    const missing = keys.filter((key) => {
      const entry = this.#entries.get(key)
      // To the end of them, where #evict comes last.
      if (entry && this.#entries.delete(key)) this.#entries.set(key, entry)
      return !this.peek(key)
    })
    if (missing.length === 0) return
    await this.loadConfirmed(missing, keys.length)
    for (const key of missing) {
      const later = this.#later.get(key)
      if (!later) continue
      this.#later.delete(key)
      let entry = this.#entries.get(key) as Entry
      for (const { event, parked } of later) entry = this.apply(entry, event, parked)
      this.#tentative.set(key, entry)
    }
  }

  /** Brings the confirmed layer's entries into memory. @param keep so many of those asked for last stay there */
  async loadConfirmed(keys: readonly string[], keep = keys.length): Promise<void> {
    const unknown = (): string[] => keys.filter((key) => !this.#entries.has(key))
    for (let wanted = unknown(); wanted.length > 0; wanted = unknown()) {
      if (this.#stored === undefined) {
        // Folded from the log's first record on: what is not in memory has never been touched.
        for (const key of wanted) this.#entries.set(key, emptyEntry(key))
        return
      }
      if (this.fold.keepsStreams) {
        // The index knows in memory that an id is new; the store would have to be read for it.
        const { record } = this.#folded
        const seen = new Set(await this.#source.mayHave(this.#kind, wanted))
        // What is loaded beside it may have caught up: it may have Events by now.
        if (this.#folded.record > record) continue
        for (const key of wanted) if (!seen.has(key) && !this.#entries.has(key)) this.#entries.set(key, emptyEntry(key))
        wanted = unknown()
        if (wanted.length === 0) break
      }
      const { checkpoint, states } = await this.#store.load(this.fold.name, wanted)
      if (!sameCheckpoint(checkpoint, this.#stored)) {
        await this.takeOver(checkpoint)
        continue
      }
      wanted.forEach((key, i) => {
        if (this.#entries.has(key)) return
        const saved = states[i]
        let entry: Entry = saved ? { ...saved, state: deepFreeze(saved.state) } : emptyEntry(key)
        const behind = this.#behind.get(key)
        for (const { event, parked } of behind ?? []) entry = this.apply(entry, event, parked)
        if (behind) {
          this.#behind.delete(key)
          this.#dirty.set(key, (behind[behind.length - 1] as Later).record)
        }
        this.#entries.set(key, entry)
      })
    }
    this.#evict(keep)
  }

  /** Folds a settled record of the log, which follows the one folded last, into the confirmed layer. */
  foldRecord(record: LogRecord, events: readonly Decoded[]): void {
    this.#fold(record, events)
    this.#folded = checkpointOf(record)
  }

  #fold(record: LogRecord, events: readonly Decoded[]): void {
    for (const { key, later } of this.#taken(record, events)) {
      const entry = this.#entries.get(key) ?? (this.#stored ? undefined : emptyEntry(key))
      if (entry) this.put(this.apply(entry, later.event, later.parked), record.number, 'confirmed')
      else append(this.#behind, key, later)
    }
  }

  /** Folds a record of the pending tail. */
  foldTentative(record: LogRecord, events: readonly Decoded[]): void {
    for (const { key, later } of this.#taken(record, events)) {
      // An entry that is not in memory: what is missing would have to be loaded.
      const entry = this.peek(key) ?? (this.#stored || this.#later.has(key) ? undefined : emptyEntry(key))
      if (entry) this.#tentative.set(key, this.apply(entry, later.event, later.parked))
      else append(this.#later, key, later)
    }
  }

  /**
   * Folds a record of the pending tail that is settled now, just as it stands, into the confirmed layer.
   *
   * @param position of the last Event that is settled: an entry as of no later one moves over as it is
   */
  settle(record: LogRecord, events: readonly Decoded[], position: number): void {
    for (const { key, later } of this.#taken(record, events)) {
      const tentative = this.#tentative.get(key)
      const isSettled = tentative && tentative.position <= position
      if (isSettled) this.#tentative.delete(key)
      const entry = this.#entries.get(key) ?? (this.#stored ? undefined : emptyEntry(key))
      if (isSettled && !tentative.broken) {
        this.#behind.delete(key)
        this.put(tentative, record.number, 'confirmed')
      } else if (entry) this.put(this.apply(entry, later.event, later.parked), record.number, 'confirmed')
      else append(this.#behind, key, later)
      const waiting = this.#later.get(key)
      if (waiting?.[0]?.event.position === later.event.position) {
        waiting.shift()
        if (waiting.length === 0) this.#later.delete(key)
      }
    }
    this.#folded = checkpointOf(record)
  }

  /** Forgets what the pending tail came to: it is void. */
  dropTentative(): void {
    this.#tentative.clear()
    this.#later.clear()
  }

  /** Those of the Events that this fold takes, with their keys. */
  *#taken(record: LogRecord, events: readonly Decoded[]): IterableIterator<{ readonly key: string; readonly later: Later }> {
    for (const event of events) {
      if (event instanceof OutpostError) {
        const { type, aggregateId } = record.events[positionOf(event) - record.position] as StoredEvent
        if (this.fold.concerns(type)) this.#halt(event, aggregateId)
        continue
      }
      if (!this.fold.takes(event.type)) continue
      const key = this.fold.keyOf(event)
      if (key === undefined) continue
      yield { key, later: { event, record: record.number, parked: this.parkedAt(record, event, key) } }
    }
  }

  /** Why the instance of this key parked at the Event, as the record has it; undefined where it did not. */
  parkedAt({ parked }: LogRecord, event: RecordedEvent, key: string): string | undefined {
    return parked?.find((at) => at.position === event.position && at.key === key && `$${at.manager}` === this.#kind)?.error
  }

  /** Takes a settled record that was made by this engine itself; its entries were put. */
  committed(record: LogRecord): void {
    this.#folded = checkpointOf(record)
  }
  put(entry: Entry, record: number, layer: Layer): void {
    if (layer === 'tentative') {
      this.#tentative.set(entry.key, entry)
      return
    }
    this.#entries.set(entry.key, entry)
    this.#dirty.set(entry.key, record)
  }

  /** What a flush would write now; undefined where there is nothing. Loads what the tail touched. */
  async prepare(): Promise<{ readonly writes: StateWrites; readonly written: ReadonlyMap<string, Entry> } | undefined> {
    if (this.#halted) return undefined
    // Loading may catch up, which leaves a tail of its own.
    while (this.#behind.size > 0 && !this.#halted) await this.loadConfirmed([...this.#behind.keys()])
    if (this.#halted || sameCheckpoint(this.#folded, this.#base)) return undefined
    const puts: SavedState[] = []
    const removes: string[] = []
    const written = new Map<string, Entry>()
    for (const key of this.#dirty.keys()) {
      const entry = this.#entries.get(key) as Entry
      written.set(key, entry)
      // The version of a stream outlives its state.
      if (entry.state === undefined && entry.version === 0) removes.push(key)
      else puts.push(entry)
    }
    return { writes: { fold: this.fold.name, expected: this.#stored, checkpoint: this.#folded, puts, removes }, written }
  }

  /** After the prepared writes have been saved. */
  saved(writes: StateWrites, written: ReadonlyMap<string, Entry>): void {
    this.#base = this.#stored = writes.checkpoint
    for (const [key, entry] of written) if (this.#entries.get(key) === entry) this.#dirty.delete(key)
    this.#evict(0)
  }

  /** Nothing is saved any more: begins again before the log's first record. @param stored the checkpoint of that, where there is one */
  restart(stored?: Checkpoint): void {
    this.#stored = stored
    this.#base = this.#folded = LOG_START
    this.#entries.clear()
    this.#dirty.clear()
    this.#behind.clear()
  }

  /** Another tab has saved further (or less far, after this one's handle was away): start from what is stored now. */
  async takeOver(stored: Checkpoint | undefined): Promise<void> {
    // It may know what this one has not heard of: a record further on, or that the log has joined a server.
    await this.#source.catchUp()
    const before = this.#base.record
    const isGone = this.#stored !== undefined && stored === undefined
    this.#stored = stored
    this.#base = stored ?? LOG_START
    if (isGone || this.#base.record < before) {
      // What was saved is gone. What is in memory is right all the same; the rest comes from the log again.
      this.#behind.clear()
      await this.#source.replay(this.#base.record, (record, events) => this.#fold(record, events))
      return
    }
    for (const [key, record] of this.#dirty) if (record <= this.#base.record) this.#dirty.delete(key)
    for (const [key, behind] of this.#behind) {
      const rest = behind.filter(({ record }) => record > this.#base.record)
      if (rest.length > 0) this.#behind.set(key, rest)
      else this.#behind.delete(key)
    }
  }

  /** Positions (and keys) of parked instances, and the earliest timer, of the entries in memory. */
  *inMemory(): IterableIterator<Entry> {
    for (const entry of this.#entries.values()) if (!this.#tentative.has(entry.key)) yield entry
    yield* this.#tentative.values()
  }
  /** Keys that Events since the last flush touched and that are not in memory. */
  get unloaded(): readonly string[] {
    return [...new Set([...this.#behind.keys(), ...this.#later.keys()])]
  }

  get #kind(): string {
    return this.fold.name.slice(0, this.fold.name.indexOf('@'))
  }

  /** The entry after the Event; broken where it cannot be folded. */
  apply(entry: Entry, event: RecordedEvent, parked: string | undefined): Entry {
    if (entry.broken) return entry
    // An entry in memory may already hold the Event: loaded after a takeover that reached further.
    if (event.position <= entry.position) return entry
    if (parked !== undefined && !(entry.state as Instance | undefined)?.parked) return (this.fold as ManagerFold).park(entry, event, parked)
    try {
      return this.fold.apply(entry, event)
    } catch (error) {
      if (!isOutpostError(error)) throw error
      this.#halted ??= error
      return { ...entry, broken: error }
    }
  }

  /** An Event that cannot be understood spoils its stream; where there are none, anything may rest on it. */
  #halt(error: OutpostError, aggregateId: string): void {
    this.#halted ??= error
    if (!this.fold.keepsStreams) return
    this.#behind.delete(aggregateId)
    this.#entries.set(aggregateId, { ...emptyEntry(aggregateId), broken: error })
  }

  /** Forgets clean entries beyond what is worth keeping, those first that were not asked for longest; never the ones just asked for. */
  #evict(keep: number): void {
    const over = this.#entries.size - this.#dirty.size - KEPT_CLEAN
    if (over <= 0) return
    let left = over + KEPT_CLEAN / 8 // some more at once, so that this walk is rare
    let older = this.#entries.size - keep
    for (const [key, entry] of this.#entries) {
      if (left <= 0 || older-- <= 0) break
      if (this.#dirty.has(key) || entry.broken) continue
      this.#entries.delete(key)
      left--
    }
  }
}

/** Takes a step of the log into the states of all folds. */
export function advanceStates(
  all: readonly States[],
  { records, own, committed, settled, voided, tentative }: Advance,
  { decodeKnown }: Pick<Decoder, 'decodeKnown'>,
): void {
  if (voided) for (const states of all) states.dropTentative()
  const first = (records[0] as LogRecord).number
  const position = settled.length > 0 ? lastPositionOf(settled.at(-1) as LogRecord) : 0
  for (const record of settled) {
    // What this engine decided is folded already: its states come with `committed`.
    if (own && record.kind === 'commit' && record.number >= first) for (const states of all) states.committed(record)
    else {
      const events = decodeKnown(record)
      for (const states of all) {
        if (record.number < first) states.settle(record, events, position)
        else states.foldRecord(record, events)
      }
    }
  }
  committed?.()
  if (!own)
    for (const record of tentative) {
      const events = decodeKnown(record)
      for (const states of all) states.foldTentative(record, events)
    }
}
