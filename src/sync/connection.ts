/** How this log stands with the server: as whom it speaks, what the server is known to have, and under which limits. */
import type { SyncCursor } from '../storage/record.ts'
import type { SyncEnvironment } from './environment.ts'
import { SyncFault } from './fault.ts'
import { checkFollowed, continues, isOwn, newClientId } from './identity.ts'
import { LIMITS, OLDEST_PROTOCOL, type Place, PROTOCOL } from './protocol.ts'
import type { SyncedLog } from './synced-log.ts'
import type { Transport } from './transport.ts'

export class Connection {
  readonly #log: SyncedLog
  readonly #transport: Transport
  readonly #randomId: SyncEnvironment['randomId']
  readonly #holdsRole: () => Promise<boolean>
  #speaks = PROTOCOL
  /** As whom it is connected. */
  #clientId: string | undefined
  /** Sequence of the last Command that the server is known to have processed. */
  pushed = 0
  /** The last record that the server is known to have. */
  head = 0
  limits: { readonly pushCommands: number; readonly bodyBytes: number; readonly pullRecords: number } = LIMITS

  /** @param holdsRole false where another tab has the role by now, whatever this one believes */
  constructor(log: SyncedLog, transport: Transport, randomId: SyncEnvironment['randomId'], holdsRole: () => Promise<boolean>) {
    this.#log = log
    this.#transport = transport
    this.#randomId = randomId
    this.#holdsRole = holdsRole
  }

  /** Greets the server. Where its line of this client is not the log's, the log goes on under a new name. */
  async connect(signal: AbortSignal): Promise<void> {
    const { cursor, ...state } = this.#log.state
    const { principal } = cursor ?? state
    const known = cursor && isOwn(this.#log.state, cursor) ? cursor : undefined
    const clientId = known?.clientId ?? newClientId(this.#log.state, this.#randomId)
    const answer = await this.#transport.connect({ protocol: this.#speaks, clientId, principal }, signal)
    const { protocol, place, client, limits } = answer
    if (protocol.newest < OLDEST_PROTOCOL || protocol.oldest > PROTOCOL) {
      const message = `The server speaks versions ${protocol.oldest} to ${protocol.newest} of the protocol.`
      throw new SyncFault('protocol', message, { details: protocol })
    }
    if (cursor) checkFollowed(cursor, place)
    if (!known) await this.#join({ epoch: place.epoch, record: 0, ...cursor, clientId, sequence: 0, principal })
    else if (!(await continues(this.#log, known, client))) await this.rename()
    this.#clientId = this.#log.state.cursor?.clientId
    this.pushed = this.#clientId === clientId ? (client?.sequence ?? 0) : 0
    this.head = place.head
    this.limits = limits
  }

  /** Takes a version that both speak, where there is another one. */
  speaks({ oldest = PROTOCOL, newest = PROTOCOL }: SyncFault['details']): boolean {
    const version = Math.min(PROTOCOL, newest)
    if (version === this.#speaks || version < Math.max(OLDEST_PROTOCOL, oldest)) return false
    this.#speaks = version
    return true
  }

  /** A new name for this log at the server, under which its pending Commands count from 1. */
  async rename(): Promise<void> {
    const { cursor } = this.#log.state
    if (cursor) await this.#join({ ...cursor, clientId: newClientId(this.#log.state, this.#randomId), sequence: 0 })
  }

  async #join(cursor: SyncCursor): Promise<void> {
    await this.fence()
    await this.#log.join(cursor)
  }

  /** To be passed before anything that leaves a trace. */
  async fence(): Promise<void> {
    if (!(await this.#holdsRole())) throw new RoleLost('Another tab syncs this log by now.')
  }

  /** False where the log has got another name, or none: connect again. */
  isOf(cursor: SyncCursor | undefined): cursor is SyncCursor {
    return cursor !== undefined && cursor.clientId === this.#clientId
  }

  sender({ clientId, principal, epoch }: SyncCursor): { protocol: number; clientId: string; principal: string; epoch: string } {
    return { protocol: this.#speaks, clientId, principal, epoch }
  }

  /** @throws `restored` where that is another log than the one followed */
  arrived({ epoch, head }: Place, cursor: SyncCursor): void {
    checkFollowed({ ...cursor, record: 0 }, { epoch, head })
    this.head = head
  }

  /** What of the log the server has not, and the other way round. */
  get open(): { readonly toPush: number; readonly toPull: number } {
    const { cursor, pending } = this.#log.state
    const end = (cursor?.sequence ?? 0) + pending
    return { toPush: end - Math.max(this.pushed, cursor?.sequence ?? 0), toPull: this.head - (cursor?.record ?? 0) }
  }
}

/** The loop ends by it. */
export class RoleLost extends Error {}
