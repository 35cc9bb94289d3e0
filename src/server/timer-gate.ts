/**
 * When a timer may fire although its instant is over: not before the queue of the client that set it is processed, for its
 * cancellation may be in there; and not for ever later, for that client may be gone.
 */
import { OutpostError } from '../errors.ts'
import type { Undecided } from '../write/decide.ts'
import type { ClientPlaces } from './client-places.ts'
import type { ProcessedCommands } from './processed.ts'

export interface TimerGateOptions {
  readonly processed: ProcessedCommands
  readonly places: ClientPlaces
  readonly now: () => number
  /** Since that client was last heard of. */
  readonly graceMs: number
}

/** @throws `aborted` where it has to wait: whoever fires it tries again */
export async function passGate(timer: Undecided, { processed, places, now, graceMs }: TimerGateOptions): Promise<void> {
  const clientId = await setBy(timer, processed)
  if (clientId === undefined) return
  const place = await places.stored(clientId)
  if (!place || place.waiting === 0 || now() - place.heardAt >= graceMs) return
  throw new OutpostError(
    'aborted',
    `Timer ${timer.id} waits for the ${place.waiting} Commands that client "${clientId}" has announced, until ${graceMs} ms after its last push.`,
  )
}

/** The client whose root Command led to the Event that set the timer; undefined where it was no client's. */
async function setBy({ causationId }: Undecided, processed: ProcessedCommands): Promise<string | undefined> {
  if (causationId === undefined) return undefined
  const commandId = causationId.slice(0, causationId.lastIndexOf('.'))
  const places = (await processed.find([commandId])).get(commandId) ?? []
  for (const { record, index } of places) {
    const command = record.commands[index]
    if (!record.events.some((event) => event.command === index)) continue
    return (command?.root === undefined ? command : record.commands[command.root])?.origin?.clientId
  }
  return undefined
}
