/**
 * Which reactors run on a server, and on which Events: those that are declared for it, and those of whoever caused the Event,
 * where that was the server itself. A timer that it fires comes from no device.
 */
import type { AnyDomain } from '../domain/infer.ts'
import type { Reactor } from '../domain/reactor.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import type { SyncedEvents } from '../engine/reactors.ts'
import { rootOfEvent } from '../engine/synced-events.ts'
import type { LogRecord } from '../storage/record.ts'
import type { Decoded } from '../write/decode.ts'

/** Without process managers nothing comes from a server itself. */
export const ownReactors = ({ reactors, processManagers }: AnyDomain): readonly Reactor[] =>
  [...reactors.values()].filter(({ runs }) => runs === 'server' || (runs === 'origin' && processManagers.size > 0))

/** Events of a server's log, as its reactors must tell them apart. */
export class OwnEvents implements SyncedEvents {
  /** Events that devices caused, of those that were read. */
  readonly #ofDevices = new WeakSet<RecordedEvent>()

  /** Takes note of a record's Events as they are read. */
  read(record: LogRecord, events: readonly Decoded[]): void {
    for (const event of events) if ('id' in event && rootOfEvent(record, event)?.origin) this.#ofDevices.add(event)
  }

  isOfThisDevice(event: RecordedEvent): boolean {
    return !this.#ofDevices.has(event)
  }

  /** It has never been another server's. */
  adopted(): Promise<undefined> {
    return Promise.resolve(undefined)
  }
  stoodBefore(): Promise<false> {
    return Promise.resolve(false)
  }
}
