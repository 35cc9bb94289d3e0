/** Reads recorded Events by position. */
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { OutpostError } from '../errors.ts'
import { lastPositionOf, type LogRecord } from '../storage/record.ts'
import { type Decoded, type Decoder, positionOf } from '../write/decode.ts'
import type { Log } from '../write/log.ts'

/**
 * Events after a position, in order, at least `limit` where there are so many; ends with a whole record, or before an Event
 * that this build does not understand.
 *
 * @param until position of the last Event that is given; the log's last unless told
 * @param onRecord told of each record that Events are given of
 * @throws `outdated`, `upcast-failed` where that is the first one
 */
export async function readRecordedEvents(
  log: Log,
  decoder: Decoder,
  after: number,
  limit: number,
  until = log.position,
  onRecord: (record: LogRecord, events: readonly Decoded[]) => void = () => undefined,
): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = []
  if (after >= until) return events
  for await (const page of log.pages(await recordBefore(log, after))) {
    for (const each of page) {
      if (lastPositionOf(each) <= after) continue
      const known = decoder.decodeKnown(each)
      onRecord(each, known)
      for (const event of known) {
        const position = positionOf(event)
        if (position <= after) continue
        if (position > until) return events
        if (!(event instanceof OutpostError)) events.push(event)
        else if (events.length > 0) return events
        else throw event
      }
      if (events.length >= limit) return events
    }
  }
  return events
}

/** Number of a record before the one that holds the Event after this position: found by halving. */
async function recordBefore(log: Log, after: number): Promise<number> {
  if (after <= 0) return 0
  let low = 0
  let high = log.head.record
  while (high - low > 1) {
    const middle = (low + high) >> 1
    const [record] = await log.get([middle])
    if (record && record.position <= after) low = middle
    else high = middle
  }
  return Math.max(0, low - 1)
}
