/**
 * The states of one fold in memory, over its saved states in the Persistence Store.
 *
 * What is in memory is as of the log's head; what is saved is as of `base`, some record before it. Between them lies the
 * tail: for a key that it touched, either the entry itself is in memory (`dirty`), or the Events that are still to be
 * folded onto what is saved (`tail`). So any tab can flush, and none has to load what it does not need.
 *
 * Invariants:
 * - every read of saved states compares their checkpoint to `base`; another one means that another tab has flushed
 * - a flush writes only if the stored checkpoint still is `base`
 * - an entry is only ever replaced by one that is as of a later record of the same log
 */
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { isOutpostError, OutpostError } from '../errors.ts'
import { checkpointOf, LOG_START, sameCheckpoint, type Checkpoint, type LogRecord } from '../storage/record.ts'
import type { PersistenceStore, SavedState, StateWrites } from '../storage/storage.ts'
import { emptyEntry, type Entry, type Fold } from './fold.ts'
import type { Instance, ManagerFold } from './process-managers.ts'

/** Entries kept in memory although they are saved: more than most apps work on at once, a few MB at most. */
const KEPT_CLEAN = 8192

/** Moves the log's head to at least this record; called when a saved state turns out to be ahead of it. */
export type CatchUp = (checkpoint: Checkpoint) => Promise<void>

export class States {
  readonly fold: Fold
  readonly #store: PersistenceStore
  #base: Checkpoint
  /** As in the store: undefined where nothing of this fold was ever saved. */
  #stored: Checkpoint | undefined
  readonly #entries = new Map<string, Entry>()
  /** Key → number of the record that last touched it, for entries in memory that are not saved yet. */
  readonly #dirty = new Map<string, number>()
  /** Key → Events after `base` to fold onto its saved state, with their record's number. */
  readonly #tail = new Map<string, { event: RecordedEvent; record: number; parked: string | undefined }[]>()
  #folded: Checkpoint
  /** Set at the first Event that this build cannot fold: what is saved must then stay where it is. */
  #halted = false

  constructor(fold: Fold, store: PersistenceStore, stored: Checkpoint | undefined) {
    this.fold = fold
    this.#store = store
    this.#stored = stored
    this.#base = stored ?? LOG_START
    this.#folded = this.#base
  }

  /** The record that everything here is as of. */
  get folded(): Checkpoint {
    return this.#folded
  }
  get stored(): Checkpoint | undefined {
    return this.#stored
  }
  /** How many keys wait to be saved. */
  get unsaved(): number {
    return this.#halted ? 0 : this.#dirty.size + this.#tail.size
  }
  get halted(): boolean {
    return this.#halted
  }
  /** Records since the last flush. */
  get behind(): number {
    return this.#halted ? 0 : this.#folded.record - this.#base.record
  }

  /** The entry, where it is in memory. */
  peek(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** Those of the keys that have to be loaded before `peek` gives them. */
  missing(keys: Iterable<string>): string[] {
    const missing: string[] = []
    for (const key of keys) if (!this.#entries.has(key)) missing.push(key)
    return missing
  }

  /** Brings entries into memory. */
  async load(keys: readonly string[], catchUp: CatchUp): Promise<void> {
    for (let wanted = this.missing(keys); wanted.length > 0; wanted = this.missing(keys)) {
      const { checkpoint, states } = await this.#store.load(this.fold.name, wanted)
      if (!sameCheckpoint(checkpoint, this.#stored)) {
        await this.takeOver(checkpoint, catchUp)
        continue
      }
      wanted.forEach((key, i) => {
        if (this.#entries.has(key)) return
        const saved = states[i]
        let entry: Entry = saved ? { ...saved } : emptyEntry(key)
        const tail = this.#tail.get(key)
        for (const { event, parked } of tail ?? []) entry = this.#apply(entry, event, parked)
        if (tail) {
          this.#tail.delete(key)
          this.#dirty.set(key, (tail[tail.length - 1] as { record: number }).record)
        }
        this.#entries.set(key, entry)
      })
      this.#evict(keys)
    }
  }

  /** Folds a record of the log that follows the one folded last. */
  foldRecord(record: LogRecord, events: readonly (RecordedEvent | undefined)[]): void {
    record.events.forEach((stored, i) => {
      if (!this.fold.takes(stored.type)) return
      const event = events[i]
      if (!event) {
        this.#breakStream(stored.aggregateId, stored.type, record)
        return
      }
      const key = this.fold.keyOf(event)
      if (key === undefined) return
      const parked = record.parked?.find((at) => at.position === event.position && at.key === key && `$${at.manager}` === this.#kind)?.error
      const entry = this.#entries.get(key)
      if (entry) this.put(this.#apply(entry, event, parked), record.number)
      else {
        const tail = this.#tail.get(key)
        if (tail) tail.push({ event, record: record.number, parked })
        else this.#tail.set(key, [{ event, record: record.number, parked }])
      }
    })
    this.#folded = checkpointOf(record)
  }

  /** Takes entries that were made with the record by this engine itself. */
  committed(record: LogRecord): void {
    this.#folded = checkpointOf(record)
  }
  put(entry: Entry, record: number): void {
    this.#entries.set(entry.key, entry)
    this.#dirty.set(entry.key, record)
  }

  /** What a flush would write now; undefined where there is nothing. Loads what the tail touched. */
  async prepare(catchUp: CatchUp): Promise<{ readonly writes: StateWrites; readonly written: ReadonlyMap<string, Entry> } | undefined> {
    if (this.#halted) return undefined
    // Loading may catch up, which leaves a tail of its own.
    while (this.#tail.size > 0 && !this.#halted) await this.load([...this.#tail.keys()], catchUp)
    if (this.#halted || sameCheckpoint(this.#folded, this.#base)) return undefined
    const puts: SavedState[] = []
    const removes: string[] = []
    const written = new Map<string, Entry>()
    for (const key of this.#dirty.keys()) {
      const entry = this.#entries.get(key) as Entry
      written.set(key, entry)
      if (entry.state === undefined) removes.push(key)
      else puts.push(entry)
    }
    return { writes: { fold: this.fold.name, expected: this.#stored, checkpoint: this.#folded, puts, removes }, written }
  }

  /** After the prepared writes have been saved. */
  saved(writes: StateWrites, written: ReadonlyMap<string, Entry>): void {
    this.#base = this.#stored = writes.checkpoint
    for (const [key, entry] of written) if (this.#entries.get(key) === entry) this.#dirty.delete(key)
    this.#evict([])
  }

  /** Nothing is saved any more: begins again before the log's first record. */
  restart(): void {
    this.#stored = undefined
    this.#base = this.#folded = LOG_START
    this.#entries.clear()
    this.#dirty.clear()
    this.#tail.clear()
  }

  /** Another tab has saved further (or less far, after this one's handle was away): start from what is stored now. */
  async takeOver(stored: Checkpoint | undefined, catchUp: CatchUp): Promise<void> {
    if (stored && stored.record > this.#folded.record) await catchUp(stored)
    this.#stored = stored
    this.#base = stored ?? LOG_START
    for (const [key, record] of this.#dirty) if (record <= this.#base.record) this.#dirty.delete(key)
    for (const [key, tail] of this.#tail) {
      const rest = tail.filter(({ record }) => record > this.#base.record)
      if (rest.length > 0) this.#tail.set(key, rest)
      else this.#tail.delete(key)
    }
  }

  /** Positions (and keys) of parked instances, and the earliest timer, of the entries in memory. */
  *inMemory(): IterableIterator<Entry> {
    yield* this.#entries.values()
  }
  isDirty(key: string): boolean {
    return this.#dirty.has(key) || this.#tail.has(key)
  }
  /** Keys that the tail touched and that are not in memory. */
  get tailKeys(): readonly string[] {
    return [...this.#tail.keys()]
  }

  get #kind(): string {
    return this.fold.name.slice(0, this.fold.name.indexOf('@'))
  }

  #apply(entry: Entry, event: RecordedEvent, parked: string | undefined): Entry {
    if (entry.broken) return entry
    // An entry in memory may already hold the Event: loaded after a takeover that reached further.
    if (event.position <= entry.position) return entry
    if (parked !== undefined && !(entry.state as Instance | undefined)?.parked) return (this.fold as ManagerFold).park(entry, event, parked)
    try {
      return this.fold.apply(entry, event)
    } catch (error) {
      if (!isOutpostError(error)) throw error
      this.#halted = true
      return { ...entry, broken: error }
    }
  }

  #breakStream(key: string, type: string, record: LogRecord): void {
    this.#halted = true
    this.#tail.delete(key)
    this.#entries.set(key, {
      ...emptyEntry(key),
      broken: new OutpostError(
        'outdated',
        `"${key}" holds Event "${type}" of a newer build (record ${record.number}). Load the newer app; its Commands wait until then.`,
        { key, type, record: record.number },
      ),
    })
  }

  /** Forgets clean entries beyond what is worth keeping, oldest first; never the ones just asked for. */
  #evict(keep: readonly string[]): void {
    const over = this.#entries.size - this.#dirty.size - KEPT_CLEAN
    if (over <= 0) return
    const kept = new Set(keep)
    let left = over + KEPT_CLEAN / 8 // some more at once, so that this walk is rare
    for (const [key, entry] of this.#entries) {
      if (left <= 0) break
      if (this.#dirty.has(key) || kept.has(key) || entry.broken) continue
      this.#entries.delete(key)
      left--
    }
  }
}
