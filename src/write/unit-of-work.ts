/**
 * What has been decided since the last commit, staged over the states in memory: each Command sees those before it.
 * A root Command's own attempt is staged over that again, so that a refusal or fault leaves nothing behind.
 */
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { OutpostError } from '../errors.ts'
import type { LogRecord, ParkedInstance, StoredCommand, StoredEvent } from '../storage/record.ts'
import type { Undecided } from './decide.ts'
import { recordedOf } from './decode.ts'
import type { Entry } from './fold.ts'
import type { Layer, States } from './states.ts'

/** Where a unit of work finds what it has not staged itself. */
export interface StateView {
  load(states: States, keys: readonly string[]): Promise<void>
  /** The entry, where it is loaded. */
  peek(states: States, key: string): Entry | undefined
  /** Those of the ids whose Commands count in what it is decided over; absent where that is all that counts in the log. */
  known?(ids: readonly string[]): Promise<ReadonlySet<string>>
}

/** As of the log's head. */
const head: StateView = {
  load: (states, keys) => states.load(keys),
  peek: (states, key) => states.peek(key),
}

class Staged {
  readonly #byStates = new Map<States, Map<string, Entry>>()

  get all(): ReadonlyMap<States, ReadonlyMap<string, Entry>> {
    return this.#byStates
  }
  get(states: States, key: string): Entry | undefined {
    return this.#byStates.get(states)?.get(key)
  }
  set(states: States, entry: Entry): void {
    let entries = this.#byStates.get(states)
    if (!entries) this.#byStates.set(states, (entries = new Map()))
    entries.set(entry.key, entry)
  }
}

/** An Event of an attempt, in both shapes that are needed of it. */
export interface AttemptedEvent {
  readonly stored: StoredEvent
  readonly recorded: RecordedEvent
}

/** One root Command with all that follows from it. */
export class Attempt {
  readonly commands: StoredCommand[] = []
  readonly events: AttemptedEvent[] = []
  parked: ParkedInstance[] = []
  readonly staged = new Staged()
  /** About what its Commands and Events will take on disk. */
  bytes = 0
  /** The record that it is in, once that is made, and the index of its first Command there. */
  place: { readonly record: LogRecord; readonly index: number } | undefined
  readonly #work: UnitOfWork

  constructor(work: UnitOfWork) {
    this.#work = work
  }

  load(states: States, keys: readonly string[]): Promise<void> {
    return this.#work.view.load(states, keys)
  }
  /** See {@link StateView.known}. */
  known(ids: readonly string[]): Promise<ReadonlySet<string>> | undefined {
    return this.#work.view.known?.(ids)
  }
  /** The entry as of everything decided so far. The key must have been loaded. */
  entry(states: States, key: string): Entry {
    const entry = this.staged.get(states, key) ?? this.#work.staged.get(states, key) ?? this.#work.view.peek(states, key)
    if (!entry) throw new OutpostError('decide-failed', `"${key}" (${states.fold.name}) was not loaded. Name it in \`loads\`.`, { key })
    if (entry.broken) throw entry.broken
    return entry
  }
  /** Takes an Event of the Command, at the next position. */
  record(command: Undecided, stored: StoredEvent): RecordedEvent {
    const recorded = recordedOf(stored, command, this.#work.nextPosition + this.events.length)
    this.events.push({ stored, recorded })
    return recorded
  }
  /** Makes the attempt part of the unit of work. */
  accept(): void {
    this.#work.take(this)
  }
}

/** A root's place in the unit of work, from which its outcome is read. */
export class UnitOfWork {
  readonly staged = new Staged()
  readonly attempts: Attempt[] = []
  /** Ids of all Commands in it, for those that come twice in one batch. */
  readonly ids = new Map<string, { readonly attempt: Attempt; readonly index: number }>()
  readonly view: StateView
  #nextPosition: number

  /**
   * @param position of the Event before its first one
   * @param view what it is decided over; the log's head unless told
   */
  constructor(position: number, view: StateView = head) {
    this.#nextPosition = position + 1
    this.view = view
  }
  get nextPosition(): number {
    return this.#nextPosition
  }
  /** Moves all of it so many positions on: others wrote before it. What stands at its old positions stays the decider's. */
  shift(by: number): void {
    this.#nextPosition += by
    for (const attempt of this.attempts) attempt.parked = attempt.parked.map((at) => ({ ...at, position: at.position + by }))
    for (const [states, entries] of this.staged.all)
      for (const entry of entries.values()) this.staged.set(states, { ...entry, position: entry.position + by })
  }
  /** Makes the states in memory those that it leaves. @param record its last one */
  putStates(record: number, layer: Layer): void {
    for (const [states, entries] of this.staged.all) for (const entry of entries.values()) states.put(entry, record, layer)
  }
  take(attempt: Attempt): void {
    this.attempts.push(attempt)
    this.#nextPosition += attempt.events.length
    attempt.commands.forEach((command, index) => this.ids.set(command.id, { attempt, index }))
    for (const [states, entries] of attempt.staged.all) for (const entry of entries.values()) this.staged.set(states, entry)
  }
}
