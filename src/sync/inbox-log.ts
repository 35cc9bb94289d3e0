/** The inbox as part of its log: who is returned to it with which slice, and who has left it. */
import type { EngineInside } from '../engine/inside.ts'
import type { LogRecord, StoredEvent } from '../storage/record.ts'
import { INBOX, remark, RESOLVED, type Resolved, RETURNED, returned } from './inbox.ts'
import type { Returned } from './receipt.ts'
import { inOneTransaction, noteOf } from './notes.ts'
import type { Decided } from './processed.ts'
import { verdictOn } from './rebase.ts'
import { inThisBuild } from './this-build.ts'

interface Remark {
  readonly commandId: string
  readonly data: Returned
}

/** Within turns of the log. */
export class InboxLog {
  readonly #inside: EngineInside
  /** Streams of Commands that were returned since this log was opened here, by their ids: later ones may rest on them. */
  readonly #streams = new Map<string, readonly string[]>()

  constructor(inside: EngineInside) {
    this.#inside = inside
  }

  /**
   * @param pairs what each processed Command was told to be, and what it is
   * @returns makes the record that follows the head with what has to be returned of them; undefined for nothing
   * @throws `outdated`, `upcast-failed` where this build does not understand what it would have to compare
   */
  remarkOn(pairs: readonly (readonly [then: Decided | undefined, now: Decided])[]): () => LogRecord | undefined {
    const remarks: Remark[] = []
    // What an earlier try, which was not appended, has left of them.
    for (const [then] of pairs) if (then) this.#streams.delete(then.root.id)
    for (const [then, now] of pairs) {
      const data = then && !now.root.withdrawn ? this.#returned(then, now) : undefined
      if (!then || !data) continue
      this.#streams.set(then.root.id, data.streams)
      remarks.push({ commandId: then.root.id, data })
    }
    return () => {
      if (remarks.length === 0) return undefined
      const made = remarks.map(({ commandId, data }, i) => remark(RETURNED, commandId, data, this.#inside.now(), i))
      return {
        ...noteOf(this.#inside, { step: 'noted' }),
        commands: made.map(({ command }) => command),
        events: made.map(({ event }) => event),
      }
    }
  }

  /** What was returned of a Command; undefined where nothing was. */
  async find(commandId: string): Promise<Returned | undefined> {
    const [event] = await this.#events(commandId)
    return event?.data as Returned | undefined
  }

  /** As `find`; undefined also where that has been dealt with. */
  async open(commandId: string): Promise<Returned | undefined> {
    const events = await this.#events(commandId)
    return events.length === 1 ? (events[0]?.data as Returned) : undefined
  }

  /** @returns false where the Command is not in the inbox */
  async resolve(commandId: string, resolved: Resolved): Promise<boolean> {
    for (;;) {
      if ((await this.#events(commandId)).length !== 1) return false
      const { command, event } = remark(RESOLVED, commandId, resolved, this.#inside.now(), 0)
      const record = { ...noteOf(this.#inside, { step: 'noted' }), commands: [command], events: [event] }
      if ((await this.#inside.log.append(inOneTransaction([record]), 'relaxed', () => undefined)) === 'appended') return true
    }
  }

  #returned(then: Decided, now: Decided): Returned | undefined {
    // Just as it was told: nothing of it need be understood.
    if (verdictOn(then, now) === 'confirmed') return undefined
    return returned(inThisBuild(this.#inside, then), inThisBuild(this.#inside, now), this.#streams)
  }

  async #events(commandId: string): Promise<readonly StoredEvent[]> {
    const { index, log } = this.#inside
    const records = await log.get(await index.findStream(INBOX, commandId))
    const isOf = ({ type, aggregateId }: StoredEvent): boolean => type.startsWith(`${INBOX}.`) && aggregateId === commandId
    return records.flatMap((record) => record?.events.filter(isOf) ?? [])
  }
}
