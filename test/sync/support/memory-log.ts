/**
 * A log as sync sees it, in memory: which Commands wait, what the server has processed. It checks what it is given as the real
 * one must: slices follow the cursor, own Commands come in order, and each ends once.
 */
import { Subject } from 'rxjs'
import type { ProcessedRecord } from '../../../src/sync/protocol.ts'
import type { PushedCommand } from '../../../src/sync/requests.ts'
import type { SyncCursor } from '../../../src/storage/record.ts'
import { OutpostError } from '../../../src/errors.ts'
import type { Applied, SyncedLog, SyncedLogState } from '../../../src/sync/synced-log.ts'

export interface Given {
  readonly id: string
  readonly type: string
  readonly payload: string
  withdrawn: boolean
}

export class MemoryLog implements SyncedLog {
  logEpoch: string
  principal = 'ann'
  cursor: SyncCursor | undefined
  waiting: Given[] = []
  /** Ids of own Commands that the server has ended, in order. */
  readonly ended: string[] = []
  /** Numbers of the server's records that are in this log. */
  readonly records: number[] = []
  /** How often a slice was applied. */
  applied = 0
  /** How often each Command was decided again. */
  readonly decidedAgain = new Map<string, number>()
  readonly joins: SyncCursor[] = []
  sent = 0
  /** A build that does not know these types cannot decide them. */
  /** Nothing can be done with it any more. */
  closed = false
  readonly unknownTypes = new Set<string>()
  /** Runs within `apply`, before it writes. */
  applying: () => Promise<void> = async () => undefined
  readonly changed$ = new Subject<void>()
  readonly entries = new Map<string, unknown>()
  #given = 0

  constructor(logEpoch = 'log-1') {
    this.logEpoch = logEpoch
  }

  /** A Command is given in some tab. */
  give(count = 1, { type = 'stockItem.pick', payload = '' } = {}): string[] {
    const ids = Array.from({ length: count }, () => `${this.logEpoch}-c${++this.#given}`)
    for (const id of ids) this.waiting.push({ id, type, payload, withdrawn: false })
    this.changed$.next()
    return ids
  }

  /** The same log on another device: the profile was copied. */
  clone(): MemoryLog {
    const copy = new MemoryLog(this.logEpoch)
    copy.cursor = this.cursor
    copy.waiting = this.waiting.map((given) => ({ ...given }))
    copy.records.push(...this.records)
    copy.ended.push(...this.ended)
    for (const [key, value] of this.entries) copy.entries.set(key, value)
    copy.#given = this.#given + 1000
    return copy
  }

  get state(): SyncedLogState {
    const { cursor, logEpoch, principal } = this
    return { cursor, logEpoch, principal, pending: this.waiting.length }
  }

  readonly meta: SyncedLog['meta'] = {
    get: async (key) => {
      this.#open()
      return this.entries.get(key)
    },
    update: async <T>(key: string, change: (value: T | undefined) => T | undefined) => {
      this.#open()
      const value = change(this.entries.get(key) as T | undefined)
      this.entries.set(key, value)
      return value
    },
  }

  #open(): void {
    if (this.closed) throw new OutpostError('closed', 'The log is closed.')
  }

  async join(cursor: SyncCursor): Promise<void> {
    this.joins.push(cursor)
    this.cursor = cursor
    this.changed$.next()
  }

  async pending(after: number, limit: number): Promise<readonly PushedCommand[]> {
    const { sequence = 0 } = this.cursor ?? {}
    const from = Math.max(0, after - sequence)
    return this.waiting.slice(from, from + limit).map(({ id, type, payload, withdrawn }, i) => ({
      sequence: sequence + from + i + 1,
      command: withdrawn ? null : { id, type, schema: 1, payload: { json: payload }, at: 1, correlationId: id },
    }))
  }

  async sending(commands: readonly PushedCommand[]): Promise<readonly PushedCommand[]> {
    this.sent = Math.max(this.sent, commands.at(-1)?.sequence ?? 0)
    return commands
  }

  async apply(before: SyncCursor, records: readonly ProcessedRecord[]): Promise<Applied> {
    await this.applying()
    const { cursor } = this
    if (!cursor || JSON.stringify(cursor) !== JSON.stringify(before)) return 'moved'
    if (this.waiting.some(({ type }) => this.unknownTypes.has(type))) return 'outdated'
    const own = records.flatMap(({ commands }) => commands.filter(({ clientId }) => clientId === cursor.clientId))
    const isMine = ({ id, withdrawn }: { id: string; withdrawn?: true | undefined }, i: number): boolean =>
      withdrawn ? this.waiting[i]?.withdrawn === true : this.waiting[i]?.id === id
    if (!own.every(isMine)) return 'forked'
    let { record, sequence } = cursor
    let foreign = false
    for (const { number, commands } of records) {
      if (number !== ++record) throw new Error(`Record ${number} does not follow ${record - 1}.`)
      this.records.push(number)
      for (const command of commands) {
        if (command.clientId !== cursor.clientId) {
          foreign = true
          continue
        }
        if (command.sequence !== ++sequence) throw new Error(`Sequence ${command.sequence} does not follow ${sequence - 1}.`)
        this.ended.push(...this.waiting.splice(0, 1).map(({ id }) => id))
      }
    }
    if (foreign) for (const { id } of this.waiting) this.decidedAgain.set(id, (this.decidedAgain.get(id) ?? 0) + 1)
    this.applied++
    this.cursor = { ...cursor, record, sequence }
    this.changed$.next()
    return 'applied'
  }
}
