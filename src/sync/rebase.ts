/**
 * What a slice of the server's log means for the pending tail. Pure.
 *
 *     slice:  own 7 │ own 8 │ foreign │ own 9        tail:  7 │ 8 │ 9 │ 10 │ 11
 *
 * Where the slice holds nothing but the tail's first Commands, each with the Events that it has here, the tail's beginning is
 * confirmed as it stands. Else the whole tail is made void: the slice takes its place, and what the server has not processed
 * yet is decided again.
 */
import { sameValue } from '../internal/same-value.ts'
import type { SyncCursor } from '../storage/record.ts'
import { type Decided, decidedAt, type PulledRecord, type Told } from './processed.ts'

export type RebasePlan =
  /** The first pending Commands, up to the cursor's sequence, are confirmed in place. */
  | { readonly kind: 'confirm'; readonly cursor: SyncCursor }
  /** The slice is appended. Pending Commands after the cursor's sequence are decided again, where there are any. */
  | { readonly kind: 'pull'; readonly cursor: SyncCursor; readonly own: readonly OwnProcessed[] }
  /** The server processed other Commands as this client's than this log has given. */
  | { readonly kind: 'forked' }

/** A Command of this client, as the server processed it. */
export interface OwnProcessed {
  /** Its record's place in the slice, and its own in that record. */
  readonly record: number
  readonly command: number
  readonly sequence: number
}

/**
 * @param cursor before the slice
 * @param pendingAt what a pending Command came to here, by its sequence; undefined where there is none such
 */
export function planRebase(
  cursor: SyncCursor,
  slice: readonly PulledRecord[],
  pendingAt: (sequence: number) => Decided | undefined,
): RebasePlan {
  const own: OwnProcessed[] = []
  let isAsHere = true
  let isForked = false
  slice.forEach((pulled, record) => {
    const place = { ...pulled, position: 0 }
    const ours = new Set<number>()
    pulled.commands.forEach(({ origin }, command) => {
      if (origin?.clientId !== cursor.clientId || origin.sequence <= cursor.sequence) return
      ours.add(command)
      own.push({ record, command, sequence: origin.sequence })
      const here = pendingAt(origin.sequence)
      const server = decidedAt(place, command)
      isForked ||= !here || (server.root.id !== here.root.id && !server.root.withdrawn)
      isAsHere &&= here !== undefined && isSame(server, here)
    })
    // Foreign Commands without Events, refusals for instance, change nothing here.
    isAsHere &&= pulled.events.every(({ command }) => ours.has(pulled.commands[command]?.root ?? command))
  })
  if (isForked) return { kind: 'forked' }
  const after: SyncCursor = {
    ...cursor,
    record: slice.at(-1)?.number ?? cursor.record,
    sequence: own.at(-1)?.sequence ?? cursor.sequence,
  }
  return isAsHere ? { kind: 'confirm', cursor: after } : { kind: 'pull', cursor: after, own }
}

/**
 * The same outcome, and the same Events in the same order, those of all that followed included; just as they are stored. What an
 * upcaster would have to make alike is not: what is settled has to be what the server gave, on every device.
 */
function isSame(server: Decided, here: Decided): boolean {
  if (server.root.withdrawn !== here.root.withdrawn) return false
  if (here.root.withdrawn) return true // it never had a name there
  if (server.root.id !== here.root.id) return false
  if (server.root.duplicateOf !== here.root.duplicateOf || !sameValue(server.root.outcome, here.root.outcome)) return false
  if (server.events.length !== here.events.length || !sameValue(server.parked, here.parked)) return false
  return server.events.every(({ commandId, event }, i) => {
    const other = here.events[i] as Decided['events'][number]
    const { command: _, ...told } = event
    const { command: __, ...known } = other.event
    return commandId === other.commandId && sameValue(told, known)
  })
}

/** What became of a Command: `confirmed` where its own Events are those that it had when it was given. */
export type Verdict = 'confirmed' | 'changed' | 'refused'

/**
 * Compared are type, stream and data of the Command's own Events. One that was accepted without Events is confirmed: what was
 * wanted already held.
 */
export function verdictOn(then: Told, now: Told): Verdict {
  if (!now.root.outcome.ok) return 'refused'
  const [before, after] = [ownEvents(then), ownEvents(now)]
  return after.length === 0 || sameValue(before, after) ? 'confirmed' : 'changed'
}

export const ownEvents = ({ root, events }: Told): readonly { type: string; aggregateId: string; data: unknown }[] =>
  events.filter(({ commandId }) => commandId === root.id).map(({ event: { type, aggregateId, data } }) => ({ type, aggregateId, data }))
