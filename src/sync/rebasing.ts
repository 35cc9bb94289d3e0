/**
 * A rebase in the log, as one transaction: the slice (or the withdrawal of a Command) takes the tail's place, remarks for the
 * inbox follow, and what still waits for the server is decided again behind them.
 *
 * Where another tab wrote first, only what that one gave is decided, and all else moves behind it: a long rebase is not
 * starved by a tab that writes each second. Where that one applied a slice itself, this one is given up.
 */
import type { EngineInside } from '../engine/inside.ts'
import { type ErrorCode, isOutpostError } from '../errors.ts'
import { sameValue } from '../internal/same-value.ts'
import type { LogRecord, SyncCursor } from '../storage/record.ts'
import { type Decoded, positionOf } from '../write/decode.ts'
import { recordsOf } from '../write/records.ts'
import { BaseView } from './base-view.ts'
import { behind, eventsIn, inOneTransaction, noteOf } from './notes.ts'
import { commandsOf } from './pending-commands.ts'
import type { PulledRecord } from './processed.ts'
import { Redecision } from './redecision.ts'

export interface Rebase {
  /** The log's cursor, and what it is afterwards. */
  readonly before: SyncCursor
  readonly after: SyncCursor
  readonly slice: readonly PulledRecord[]
  /** Made for the head; undefined where there is nothing to remark. */
  readonly remark: () => LogRecord | undefined
  /** Id of a pending Command that is taken back. */
  readonly withdrawn?: string
}

const OUTDATED: ReadonlySet<ErrorCode> = new Set(['unknown-command', 'unknown-handler', 'outdated', 'upcast-failed'])
/** True for faults that another build does not have: what pends is left to it. */
export const isOfThisBuild = (error: unknown): boolean => isOutpostError(error) && OUTDATED.has(error.code)

/** Within a turn of the log. */
export async function applyRebase(
  inside: EngineInside,
  { before, after, slice, remark, withdrawn }: Rebase,
  breathe: () => Promise<void>,
): Promise<'applied' | 'moved' | 'outdated'> {
  const { log, states, decider, decoder, receipts } = inside
  let redecision: Redecision | undefined
  let decided = 0
  let start = log.position
  let epoch = log.tailEpoch
  for (;;) {
    // The other tab withdrew a Command: what follows it was decided again there, and has to be here.
    if (epoch !== log.tailEpoch) redecision = undefined
    epoch = log.tailEpoch
    const left = log.tail.pending.slice(after.sequence - before.sequence)
    const first =
      withdrawn === undefined
        ? pulledRecords(inside, slice, after, log.tail.pending.length > 0)
        : [noteOf(inside, { step: 'withdrawn', commandId: withdrawn })]
    const remarked = remark()
    const confirmed = remarked ? [...first, behind(first, remarked)] : first
    const end = { record: log.head.record + confirmed.length, position: log.position + eventsIn(confirmed) }
    if (left.length > 0) {
      const view = new BaseView(states, receipts)
      try {
        for (const [record, events] of await confirmedInTail(inside)) view.add(record, events)
        for (const record of first) view.add(record, decoder.decodeKnown(record))
        if (redecision?.canShift) redecision.shift(log.position - start, view)
        else {
          redecision = new Redecision(decider, view, end.position, breathe)
          decided = 0
        }
        start = log.position
        await redecision.decide(await commandsOf(inside, left.slice(decided)), withdrawn)
        decided = left.length
      } catch (error) {
        if (isOfThisBuild(error)) return 'outdated'
        throw error
      }
    }
    const work = redecision?.work
    const again = work ? recordsOf(work, end, inside) : []
    const records = inOneTransaction([...confirmed, ...again])
    const last = end.record + again.length
    const result = await log.append(records, 'relaxed', () => work?.putStates(last, 'tentative'))
    if (result === 'appended') return 'applied'
    if (!sameValue(log.tail.cursor, before)) return 'moved'
  }
}

/** @param voids whether there is a tail that the slice takes the place of */
function pulledRecords(inside: EngineInside, slice: readonly PulledRecord[], after: SyncCursor, voids: boolean): readonly LogRecord[] {
  const { log, recordId } = inside
  let sequence = log.tail.cursor?.sequence ?? 0
  const records: LogRecord[] = []
  let position = log.position + 1
  slice.forEach(({ number, serverPosition, at, commands, events, parked }, i) => {
    for (const { origin } of commands) if (origin?.clientId === after.clientId) sequence = Math.max(sequence, origin.sequence)
    const cursor = { ...after, record: number, sequence }
    records.push({
      ...noteOf(inside, { step: 'pulled', cursor, serverPosition, ...(voids && i === 0 && { voids }) }),
      number: log.head.record + 1 + i,
      id: recordId(),
      at,
      position,
      commands,
      events,
      ...(parked && { parked: parked.map((each) => ({ ...each, position: position + each.position })) }),
    })
    position += events.length
  })
  return records
}

/** Events that are confirmed, of the record that holds the first pending Command too. */
async function confirmedInTail({ log, decoder }: EngineInside): Promise<readonly (readonly [LogRecord, readonly Decoded[]])[]> {
  const [first] = log.tail.pending
  const [record] = first ? await log.get([first.record]) : []
  if (!first || !record) return []
  return [[record, decoder.decodeKnown(record).filter((event) => positionOf(event) < first.position)]]
}
