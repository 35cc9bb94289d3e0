/** Where in its work a process dies, or its storage fails: armed by a schedule, struck when the process comes there. */
import type { LogRecord } from '../../storage/record.ts'

/**
 * The kinds of transactions that there are.
 *
 * - `append`: Commands that were given on a device
 * - `apply`: what the server has processed: confirmed or rebased
 * - `note`: a device's other remarks in its log: it joins, a Command is withdrawn, one leaves the inbox
 * - `saveStates`, `saveRows`: what follows from the log, written behind it
 * - `sending`: the mark that Commands are about to be sent
 * - `takeRole`: the mark of the tab that syncs
 * - `serverAppend`: what a server process has processed
 */
export const transactions = ['append', 'apply', 'note', 'saveStates', 'saveRows', 'sending', 'takeRole', 'serverAppend'] as const
export type Transaction = (typeof transactions)[number]

/**
 * - `before`, `after`: the process dies right before the transaction, or right after, before it hears of it.
 * - `full`: storage refuses it for want of space; nothing is written.
 * - `inDoubt`: it is written, but its connection dies before it says so.
 * - `freeze`: the process stands still right before it, until it is thawed.
 */
export type Strike = 'before' | 'after' | 'full' | 'inDoubt' | 'freeze'

export interface CrashPoint {
  readonly at: Transaction
  readonly strike: Strike
}

/** Of appended records. */
export function transactionOf(records: readonly LogRecord[], isServer: boolean): Transaction {
  if (isServer) return 'serverAppend'
  if (records.some(({ sync }) => sync?.step === 'pulled' || sync?.step === 'confirmed')) return 'apply'
  return records.some(({ sync }) => sync) ? 'note' : 'append'
}

/** Of an updated entry of the log's meta data; undefined where nothing rests on it. */
export const transactionOfMeta = (key: string): Transaction | undefined =>
  key.startsWith('sync.sent.') ? 'sending' : key === 'sync.role' ? 'takeRole' : undefined

export class CrashPoints {
  #armed: CrashPoint[] = []

  arm(point: CrashPoint): void {
    this.#armed.push(point)
  }

  /** @param strike that kind alone; else all */
  disarm(strike?: Strike): void {
    this.#armed = strike === undefined ? [] : this.#armed.filter((point) => point.strike !== strike)
  }

  /** Whether one strikes here; it is then gone. */
  take(at: Transaction | undefined): Strike | undefined {
    const place = this.#armed.findIndex((point) => point.at === at)
    return place < 0 ? undefined : this.#armed.splice(place, 1)[0]?.strike
  }
}
