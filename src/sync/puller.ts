/**
 * Fetches what the server's log has behind the cursor, and applies it. While something pends, pages are staged and applied
 * together at the end: each application decides all that still pends again, so page by page a long outbox would cost the
 * square of its length. What is staged outlives faults; it is dropped where the log's cursor moved meanwhile.
 */
import { Pace } from '../internal/pace.ts'
import { sameValue } from '../internal/same-value.ts'
import type { SyncCursor } from '../storage/record.ts'
import type { Connection } from './connection.ts'
import type { SyncEnvironment } from './environment.ts'
import { SyncFault } from './fault.ts'
import { LIMITS, type ProcessedRecord } from './protocol.ts'
import type { SyncedLog } from './synced-log.ts'
import type { Transport } from './transport.ts'

/** Commands and Events that are staged at most; more are applied although something pends. Some 25 MB, a transaction that is folded at once. */
const stageLimit = 25_000

export class Puller {
  readonly #log: SyncedLog
  readonly #transport: Transport
  readonly #connection: Connection
  readonly #now: SyncEnvironment['now']
  readonly #pace: Pace
  #page: number = LIMITS.pullRecords
  #before: SyncCursor | undefined
  #staged: ProcessedRecord[] = []
  #entries = 0
  /** Pulling sooner would cost the device more than the news are worth: all that pends would be decided again. */
  notBefore = 0

  constructor(log: SyncedLog, transport: Transport, connection: Connection, { now }: SyncEnvironment) {
    this.#log = log
    this.#transport = transport
    this.#connection = connection
    this.#now = now
    this.#pace = new Pace(0, now)
  }

  /** Records that are here already, but not in the log. */
  get staged(): number {
    return this.#staged.length
  }

  /** Fetches one page. @returns `more` where there are others, or the log has moved */
  async pull(signal: AbortSignal): Promise<'more' | 'complete' | 'outdated'> {
    const { cursor } = this.#log.state
    const connection = this.#connection
    if (!connection.isOf(cursor)) return 'more'
    if (!this.#before || !sameValue(this.#before, cursor)) this.#restart(cursor)
    const after = this.#staged.at(-1)?.number ?? cursor.record
    const limit = Math.min(this.#page, connection.limits.pullRecords)
    const request = this.#transport.pull({ ...connection.sender(cursor), after, limit }, signal)
    const { place, records, more } = await request.catch((thrown: unknown) => {
      if (thrown instanceof SyncFault && thrown.code === 'timeout') this.#page = Math.max(1, limit >> 1)
      throw thrown
    })
    connection.arrived(place, cursor)
    this.#page = Math.min(connection.limits.pullRecords, this.#page * 2)
    if (records.some(({ number }, i) => number !== after + 1 + i) || (records.length === 0 && (more || place.head > after)))
      throw new SyncFault('unreadable', `The server's answer to pull does not go on after record ${after}.`)
    for (const record of records) {
      this.#staged.push(record)
      this.#entries += record.commands.length + record.events.length
    }
    if (more && this.#log.state.pending > 0 && this.#entries < stageLimit) return 'more'
    const applied = this.#staged.length > 0 ? await this.#apply(cursor) : 'applied'
    if (applied === 'outdated') return applied
    if (more || applied === 'moved') return 'more'
    const { cursor: now } = this.#log.state
    if (connection.isOf(now) && connection.pushed > now.sequence)
      throw new SyncFault('internal', `The server has processed Command ${connection.pushed} of this device, but does not hand it out.`)
    return 'complete'
  }

  async #apply(before: SyncCursor): Promise<'applied' | 'moved' | 'outdated'> {
    const records = this.#staged
    await this.#connection.fence()
    const result = await this.#pace.measure(() => this.#log.apply(before, records))
    this.#before = undefined
    if (result === 'forked')
      throw new SyncFault('fork', 'Another device sends Commands in the name of this one: a copied profile, or a log that lost some.')
    if (this.#log.state.pending > 0) this.notBefore = this.#now() + this.#pace.longestMs
    return result
  }

  #restart(cursor: SyncCursor): void {
    this.#before = cursor
    this.#staged = []
    this.#entries = 0
  }
}
