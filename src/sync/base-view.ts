/** The states that pending Commands are decided again over: what is confirmed, with a slice of the server's log on top. */
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { OutpostError } from '../errors.ts'
import type { LogRecord, StoredOutcome } from '../storage/record.ts'
import { type Decoded, positionOf } from '../write/decode.ts'
import type { Entry } from '../write/fold.ts'
import type { Receipts } from '../write/receipts.ts'
import type { States } from '../write/states.ts'
import type { StateView } from '../write/unit-of-work.ts'

interface Waiting {
  readonly event: RecordedEvent
  readonly parked: string | undefined
}

/** What the slice holds of a Command: in which record of the server's log, and what it came to. */
export interface Processed {
  readonly record: number
  readonly outcome: StoredOutcome
}

export class BaseView implements StateView {
  readonly #receipts: Pick<Receipts, 'find'>
  readonly #processed = new Map<string, Processed>()
  /** Events that are not folded onto their states yet. */
  readonly #events = new Map<States, Map<string, Waiting[]>>()
  readonly #entries = new Map<States, Map<string, Entry>>()

  constructor(all: readonly States[], receipts: Pick<Receipts, 'find'>) {
    this.#receipts = receipts
    for (const states of all) {
      this.#events.set(states, new Map())
      this.#entries.set(states, new Map())
    }
  }

  /** Lays Events over what is there; an Event that this build does not understand spoils what rests on it. */
  add(record: LogRecord, events: readonly Decoded[]): void {
    if (record.sync?.step === 'pulled')
      for (const { id, outcome, duplicateOf } of record.commands)
        this.#processed.set(id, { record: duplicateOf ?? record.sync.cursor.record, outcome })
    for (const [states, byKey] of this.#events) {
      for (const event of events) {
        if (event instanceof OutpostError) {
          this.#spoil(states, record, event)
          continue
        }
        const key = states.fold.takes(event.type) ? states.fold.keyOf(event) : undefined
        if (key === undefined) continue
        const waiting = { event, parked: states.parkedAt(record, event, key) }
        const before = byKey.get(key)
        if (before) before.push(waiting)
        else byKey.set(key, [waiting])
      }
    }
  }

  async load(states: States, keys: readonly string[]): Promise<void> {
    const entries = this.#entries.get(states) as Map<string, Entry>
    const missing = keys.filter((key) => !entries.has(key))
    if (missing.length === 0) return
    await states.loadConfirmed(missing)
    for (const key of missing) {
      let entry = states.peekConfirmed(key) as Entry
      for (const { event, parked } of this.#events.get(states)?.get(key) ?? []) entry = states.apply(entry, event, parked)
      entries.set(key, entry)
    }
  }

  peek(states: States, key: string): Entry | undefined {
    return this.#entries.get(states)?.get(key)
  }

  /** What the server has made of this Command, where the slice says so. */
  processed(id: string): Processed | undefined {
    return this.#processed.get(id)
  }

  /** Not what the tail holds: it is what is decided again. */
  async known(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const confirmed = await this.#receipts.find(ids, 'confirmed')
    return new Set(ids.filter((id) => confirmed.has(id) || this.#processed.has(id)))
  }

  #spoil(states: States, record: LogRecord, error: OutpostError): void {
    const stored = record.events[positionOf(error) - record.position]
    if (!stored || !states.fold.concerns(stored.type)) return
    // Where a key has no stream of its own, anything may rest on the Event.
    if (!states.fold.keepsStreams) throw error
    this.#entries
      .get(states)
      ?.set(stored.aggregateId, { key: stored.aggregateId, version: 0, position: 0, state: undefined, broken: error })
  }
}
