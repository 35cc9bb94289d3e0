/** Commands and records between the wire and the log: what is pushed of one, and what of the server's comes into it. */
import { defined } from '../internal/defined.ts'
import type { LogRecord, StoredCommand, StoredEvent, StoredOutcome } from '../storage/record.ts'
import type { ProcessedCommand, ProcessedRecord, WireOutcome } from './protocol.ts'
import type { PushedCommand } from './requests.ts'
import { fromWire, toWire } from './wire-value.ts'

/** A record of the server's log, before it has a place in this one. Positions of what parked count from its first Event. */
export interface PulledRecord extends Pick<LogRecord, 'at' | 'commands' | 'events' | 'parked'> {
  /** Its number in the server's log. */
  readonly number: number
  readonly serverPosition: number
}

/** A root Command with all that followed from it. */
export interface Decided {
  readonly root: StoredCommand
  readonly events: readonly { readonly commandId: string; readonly event: StoredEvent }[]
  /** Process managers that parked over its Events: manager, instance, and which of its Events. */
  readonly parked: readonly string[]
}

/** As much of it as is told and compared. */
export interface Told {
  readonly root: StoredCommand
  readonly events: readonly { readonly commandId: string; readonly event: Pick<StoredEvent, 'type' | 'aggregateId' | 'data'> }[]
}

/** What one of a record's roots came to. */
export function decidedAt(
  { commands, events, parked, position }: Pick<LogRecord, 'commands' | 'events' | 'parked' | 'position'>,
  index: number,
): Decided {
  const own: { commandId: string; event: StoredEvent }[] = []
  const stopped: string[] = []
  events.forEach((event, i) => {
    const command = commands[event.command] as StoredCommand
    if (event.command !== index && command.root !== index) return
    for (const at of parked ?? []) if (at.position === position + i) stopped.push(`${at.manager}/${at.key}/${own.length}`)
    own.push({ commandId: command.id, event })
  })
  return { root: commands[index] as StoredCommand, events: own, parked: stopped }
}

export function pushedCommand(sequence: number, command: StoredCommand): PushedCommand {
  if (command.withdrawn) return { sequence, command: null }
  const { id, type, schema, aggregateId, payload, at, actor, correlationId, causationId } = command
  return {
    sequence,
    command: {
      id,
      type,
      schema,
      payload: toWire(payload),
      at,
      correlationId,
      ...defined({ aggregateId, actor, causationId }),
    },
  }
}

export function pulledRecord({ number, serverPosition, at, commands, events, parked }: ProcessedRecord): PulledRecord {
  return {
    number,
    serverPosition,
    at,
    commands: commands.map(storedCommand),
    events: events.map(({ data, ...event }) => ({ ...event, data: fromWire(data) })),
    ...(parked && { parked: parked.map((each) => ({ ...each, position: each.position - serverPosition })) }),
  }
}

function storedCommand({ payload, outcome, clientId, sequence, receivedAt, ...command }: ProcessedCommand): StoredCommand {
  const { aggregateId, actor, causationId, root, duplicateOf, withdrawn, ...rest } = command
  return {
    ...rest,
    payload: payload && fromWire(payload),
    outcome: storedOutcome(outcome),
    ...defined({ aggregateId, actor, causationId, root, duplicateOf, withdrawn }),
    ...(clientId !== undefined && sequence !== undefined && { origin: { clientId, sequence, receivedAt: receivedAt ?? rest.at } }),
  }
}

const storedOutcome = (outcome: WireOutcome): StoredOutcome =>
  outcome.ok ? { ok: true } : { ok: false, refusal: outcome.refusal, details: fromWire(outcome.details) }
