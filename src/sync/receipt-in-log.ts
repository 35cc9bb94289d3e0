/** The receipt of a Command, as its log has it: of what the server ended, of what this device refused, of what followed from one. */
import type { EngineInside } from '../engine/inside.ts'
import type { LogRecord, StoredCommand, SyncCursor } from '../storage/record.ts'
import type { PendingRoot } from '../write/tail.ts'
import type { InboxLog } from './inbox-log.ts'
import { commandsOf } from './pending-commands.ts'
import type { Receipt, RefusedReceipt } from './receipt.ts'

export interface ReceiptSources {
  readonly inside: Pick<EngineInside, 'log' | 'index'>
  readonly inbox: Pick<InboxLog, 'find'>
  /** The highest sequence that may have been sent. */
  readonly sent: (cursor: SyncCursor) => Promise<number>
}

/** Within a turn of the log. @returns undefined where the log does not know the Command */
export async function receiptIn(sources: ReceiptSources, commandId: string): Promise<Receipt | undefined> {
  const { inside, inbox, sent } = sources
  const { tail } = inside.log
  const { cursor, pending } = tail
  const at = pending.findIndex(({ id }) => id === commandId)
  if (cursor && at >= 0) {
    const [command] = await commandsOf(inside, [pending[at] as PendingRoot])
    if (command?.withdrawn) return { state: 'withdrawn' }
    return { state: cursor.sequence + at + 1 <= (await sent(cursor)) ? 'pushed' : 'durable' }
  }
  const returned = await inbox.find(commandId)
  if (returned?.verdict === 'changed') return { state: 'changed', returned }
  if (returned) return { ...refused(returned.now), returned }

  const place = await placeOf(inside, commandId)
  if (!place) return undefined
  const { record, index } = place
  const command = record.commands[index] as StoredCommand
  const root = command.root === undefined ? undefined : record.commands[command.root]
  if (tail.isVoidCommand(record, index)) return root && fallen(await receiptIn(sources, root.id))
  if (root && tail.isPendingCommand(record, index)) return receiptIn(sources, root.id)
  if (command.withdrawn) return { state: 'withdrawn' }
  if (!command.outcome.ok) return refused(command.outcome)
  // A log that has not joined a server yet waits as a whole.
  return { state: cursor ? 'confirmed' : 'durable' }
}

/** Of what followed from a Command once, and does so no longer. */
function fallen(ofRoot: Receipt | undefined): Receipt | undefined {
  switch (ofRoot?.state) {
    case 'confirmed':
    case 'changed':
      return { state: 'refused' }
    case 'refused': {
      const { returned: _, ...why } = ofRoot
      return why
    }
    default:
      return ofRoot
  }
}

const refused = ({ refusal, details }: Omit<RefusedReceipt, 'state'>): RefusedReceipt => ({
  state: 'refused',
  ...(refusal !== undefined && { refusal, details }),
})

/** Where it counts; else where it stood last. */
async function placeOf(
  { log, index }: ReceiptSources['inside'],
  commandId: string,
): Promise<{ readonly record: LogRecord; readonly index: number } | undefined> {
  const [numbers = []] = await index.findCommands([commandId])
  const places = (await log.get(numbers)).flatMap((record) => {
    const at = record?.commands.findIndex(({ id }) => id === commandId) ?? -1
    return record && at >= 0 ? [{ record, index: at }] : [] // else another id of the same hash
  })
  return places.find(({ record, index: at }) => !log.tail.isVoidCommand(record, at)) ?? places[0]
}
