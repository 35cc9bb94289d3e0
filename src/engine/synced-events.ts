/** Events of a synced log, as reactors must tell them apart: whose they are, and which had their side effects long ago. */
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { eventIdOf, type LogRecord, type StoredCommand } from '../storage/record.ts'
import type { MetaStore } from '../storage/storage.ts'
import type { Decoder } from '../write/decode.ts'
import { ADOPTED, type Adopted } from '../write/kept-tail.ts'
import type { Log } from '../write/log.ts'
import type { LogIndex } from '../write/log-index.ts'
import type { SyncedEvents } from './reactors.ts'

export interface SyncedEventsOptions {
  readonly log: Log
  readonly index: LogIndex
  readonly meta: MetaStore
  readonly logEpoch: string
}

/** The root Command that an Event of this record, or the Command that decided it, followed from. */
export function rootOfEvent({ commands, events, position }: LogRecord, event: RecordedEvent): StoredCommand | undefined {
  const command = commands[events[event.position - position]?.command ?? -1]
  return command?.root === undefined ? command : commands[command.root]
}

export class LogSyncedEvents implements SyncedEvents {
  readonly #options: SyncedEventsOptions
  /** Events that other devices caused, of those that were read. */
  readonly #foreign = new WeakSet<RecordedEvent>()

  constructor(options: SyncedEventsOptions) {
    this.#options = options
  }

  /** Takes note of a record's Events as they are read. */
  read(record: LogRecord, events: ReturnType<Decoder['decodeKnown']>): void {
    if (record.kind === 'commit') return
    for (const event of events) {
      if (!('id' in event)) continue
      if (!rootOfEvent(record, event)?.origin?.clientId.startsWith(`${this.#options.logEpoch}.`)) this.#foreign.add(event)
    }
  }

  isOfThisDevice(event: RecordedEvent): boolean {
    return !this.#foreign.has(event)
  }

  async adopted(): Promise<number | undefined> {
    return ((await this.#options.meta.get(ADOPTED)) as Adopted | undefined)?.position
  }

  async stoodBefore({ id, commandId }: RecordedEvent, position: number): Promise<boolean> {
    const { log, index, meta } = this.#options
    const adopted = (await meta.get(ADOPTED)) as Adopted | undefined
    if (!adopted) return false
    const [numbers = []] = await index.findCommands([commandId])
    const records = await log.get(numbers.filter((number) => number <= adopted.record))
    return records.some((record) =>
      record?.events.some((event, i) => {
        const command = record.commands[event.command]
        return command !== undefined && eventIdOf(command.id, event.ordinal) === id && record.position + i <= position
      }),
    )
  }
}
