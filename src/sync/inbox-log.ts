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

  constructor(inside: EngineInside) {
    this.#inside = inside
  }

  /**
   * @param pairs what each processed Command was told to be, and what it is
   * @returns makes the record that follows the head with what has to be returned of them; undefined for nothing
   * @throws `outdated`, `upcast-failed` where this build does not understand what it would have to compare
   */
  async remarkOn(pairs: readonly (readonly [then: Decided | undefined, now: Decided])[]): Promise<() => LogRecord | undefined> {
    const remarks: Remark[] = []
    // What came out just as it was told need not be understood.
    const other = pairs.flatMap(([then, now]) =>
      then && !now.root.withdrawn && verdictOn(then, now) !== 'confirmed' ? [[then, now] as const] : [],
    )
    const found = await this.#inside.index.findCommands(other.map(([then]) => then.root.id))
    // The records that they were given in.
    const given = found.map((records) => Math.min(...records))
    const earlier = await this.#returnedAfter(Math.min(...given))
    for (const [i, [then, now]] of other.entries()) {
      // What was returned before it was given was gone by then: it did not rest on that.
      const before = earlier.filter(({ record }) => record > (given[i] as number))
      const data = returned(inThisBuild(this.#inside, then), inThisBuild(this.#inside, now), [...before, ...remarks])
      if (data) remarks.push({ commandId: then.root.id, data })
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

  /** What was returned in records after this one, in order. */
  async #returnedAfter(record: number): Promise<readonly (Remark & { readonly record: number })[]> {
    const found: (Remark & { readonly record: number })[] = []
    for await (const page of this.#inside.log.pages(record))
      for (const { number, events } of page)
        for (const { type, aggregateId, data } of events)
          if (type === RETURNED) found.push({ commandId: aggregateId, data: data as Returned, record: number })
    return found
  }

  async #events(commandId: string): Promise<readonly StoredEvent[]> {
    const { index, log } = this.#inside
    const records = await log.get(await index.findStream(INBOX, commandId))
    const isOf = ({ type, aggregateId }: StoredEvent): boolean => type.startsWith(`${INBOX}.`) && aggregateId === commandId
    return records.flatMap((record) => record?.events.filter(isOf) ?? [])
  }
}
