/**
 * As whom the log speaks to the server. A client id stands for one line of Commands, numbered without a gap; where the
 * server's line and the log's are not the same (power loss, cloned profile, restored export), the log takes a new one and its
 * pending Commands are numbered anew. That doubles nothing: command ids are known to the server under whatever number.
 */
import type { SyncCursor } from '../storage/record.ts'
import { SyncFault } from './fault.ts'
import type { ConnectAnswer, Place } from './protocol.ts'
import type { SyncedLog, SyncedLogState } from './synced-log.ts'

export const newClientId = ({ logEpoch }: SyncedLogState, randomId: () => string): string => `${logEpoch}.${randomId()}`

/** False for a cursor that came with a copy of the log's records, not with the log. */
export const isOwn = ({ logEpoch }: SyncedLogState, cursor: SyncCursor): boolean => cursor.clientId.startsWith(`${logEpoch}.`)

/** @throws `restored` where the server's log is not the one that this log has followed */
export function checkFollowed({ epoch, record }: SyncCursor, place: Place): void {
  if (place.epoch !== epoch || place.head < record)
    throw restored(`it is "${place.epoch}", ${place.head} records long, and the device has ${record} records of "${epoch}"`)
}

/**
 * Whether the server's line of this client goes on with what is pending here.
 *
 * @throws `restored` where the server does not know what this log has from it
 */
export async function continues(log: SyncedLog, { sequence }: SyncCursor, client: ConnectAnswer['client']): Promise<boolean> {
  const known = client?.sequence ?? 0
  if (known < sequence) throw restored(`it knows ${known} Commands of this device, and the device has ${sequence} back from it`)
  return client === null || known === sequence || isPending(log, known, client.commandId)
}

async function isPending(log: SyncedLog, sequence: number, commandId: string): Promise<boolean> {
  const [pushed] = await log.pending(sequence - 1, 1)
  // A withdrawn one has only its place.
  return pushed?.sequence === sequence && (pushed.command === null || pushed.command.id === commandId)
}

const restored = (how: string): SyncFault =>
  new SyncFault('restored', `The server's log is not the one that this device has followed: ${how}.`)
