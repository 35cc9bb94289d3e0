/**
 * The log of an engine, as the sync client needs it: what waits for the server, and how the server's word comes in. Each
 * method is one turn of the log and, where it writes, one transaction.
 */
import type { Observable } from 'rxjs'
import type { EngineInside } from '../engine/inside.ts'
import { OutpostError } from '../errors.ts'
import { sameValue } from '../internal/same-value.ts'
import type { LogRecord, SyncCursor } from '../storage/record.ts'
import type { LogStorage } from '../storage/storage.ts'
import { InboxLog } from './inbox-log.ts'
import type { Resolved } from './inbox.ts'
import type { Receipt, Returned } from './receipt.ts'
import { behind, inOneTransaction, noteOf } from './notes.ts'
import { commandsOf, decidedHere, effectsOf, firstDecisions } from './pending-commands.ts'
import { type Decided, decidedAt, type PulledRecord, pulledRecord, pushedCommand } from './processed.ts'
import type { ProcessedRecord } from './protocol.ts'
import { receiptIn } from './receipt-in-log.ts'
import type { PushedCommand } from './requests.ts'
import { type OwnProcessed, planRebase } from './rebase.ts'
import { applyRebase, isOfThisBuild } from './rebasing.ts'
import type { Applied, SyncedLog, SyncedLogState } from './synced-log.ts'

/**
 * What may have been sent, and what must not be: one value, so that of a push and a withdrawal one is first. Kept for each client
 * id by itself: a tab that has not heard of a new one must not overwrite what was sent under that.
 */
const sentKey = (clientId: string): string => `sync.sent.${clientId}`
interface Sent {
  /** The highest that may have been sent. */
  readonly sequence: number
  /** Ids of Commands that are being withdrawn: they are pushed as that, even where the log does not say so yet. */
  readonly withdrawn: readonly string[]
}

export class EngineLog implements SyncedLog {
  readonly changed$: Observable<unknown>
  readonly meta: LogStorage['meta']
  readonly #inside: EngineInside
  readonly #inbox: InboxLog
  readonly #breathe: () => Promise<void>

  /** @param breathe lets others have their turn of the thread */
  constructor(inside: EngineInside, breathe: () => Promise<void>) {
    this.#inside = inside
    this.#inbox = new InboxLog(inside)
    this.#breathe = breathe
    this.meta = inside.storage.meta
    this.changed$ = inside.recorded$
  }

  get state(): SyncedLogState {
    const { log, logEpoch, principal } = this.#inside
    return { cursor: log.tail.cursor, pending: log.tail.pending.length, logEpoch, principal }
  }

  join(cursor: SyncCursor): Promise<void> {
    return this.#turn(async () => {
      const { log } = this.#inside
      const before = log.tail.cursor
      const sent = before && ((await this.meta.get(sentKey(before.clientId))) as Sent | undefined)
      // What may have been sent under the old client id may have been, whatever its sequence is from now on.
      if (sent) await this.meta.update(sentKey(cursor.clientId), () => ({ ...sent, sequence: sent.sequence - before.sequence }))
      while (sameValue(log.tail.cursor, before)) {
        const livedAlone = !before && log.head.record > 0
        if ((await this.#append([noteOf(this.#inside, { step: 'joined', cursor })])) !== 'appended') continue
        // It is being opened anew. As it stands it does not know that all of it waits, and would be taken for up to date.
        if (livedAlone) throw adopted()
        return
      }
    })
  }

  pending(afterSequence: number, limit: number): Promise<readonly PushedCommand[]> {
    return this.#turn(async () => {
      const { sequence } = this.#cursor()
      const from = Math.max(0, afterSequence - sequence)
      const roots = this.#inside.log.tail.pending.slice(from, from + limit)
      const commands = await commandsOf(this.#inside, roots)
      return commands.map((command, i) => pushedCommand(sequence + from + i + 1, command))
    })
  }

  async sending(commands: readonly PushedCommand[]): Promise<readonly PushedCommand[]> {
    const last = commands.at(-1)
    if (!last) return commands
    const sent = await this.#updateSent((kept) => (kept.sequence >= last.sequence ? kept : { ...kept, sequence: last.sequence }))
    return commands.map((each) => (each.command && sent.withdrawn.includes(each.command.id) ? { ...each, command: null } : each))
  }

  apply(before: SyncCursor, records: readonly ProcessedRecord[]): Promise<Applied> {
    const slice = records.map(pulledRecord)
    return this.#turn(async () => {
      // What the server processed was in the log before it was pushed: from here on it is folded here, too.
      await this.#inside.log.pull()
      if (!sameValue(this.#inside.log.tail.cursor, before)) return 'moved'
      const here = await decidedHere(this.#inside, lastOwn(slice, before) - before.sequence)
      const hereAt = (sequence: number): Decided | undefined => here[sequence - before.sequence - 1]
      const plan = planRebase(before, slice, hereAt)
      if (plan.kind === 'forked') return 'forked'
      const told = await firstDecisions(this.#inside, here)
      const [then, now] =
        plan.kind === 'confirm'
          ? [told, here]
          : [
              plan.own.map(({ sequence }) => told[sequence - before.sequence - 1]),
              plan.own.map(({ record, command }) => decidedIn(slice[record] as PulledRecord, command)),
            ]
      const effects = await effectsOf(this.#inside, slice, now)
      let remark: () => LogRecord | undefined
      try {
        remark = await this.#inbox.remarkOn(effects.map((effect, i) => [then[i], effect]))
      } catch (error) {
        if (isOfThisBuild(error)) return 'outdated'
        throw error
      }
      if (plan.kind === 'confirm') return this.#confirm(before, plan.cursor, remark)
      const named = withLocalIds(slice, plan.own, hereAt)
      return applyRebase(this.#inside, { before, after: plan.cursor, slice: named, remark }, this.#breathe)
    })
  }

  /**
   * Takes a pending Command back. What it had brought about is gone at once, and what came after it is decided again.
   *
   * @returns false where it may have been sent, or waits no longer: only another Command can make up for it
   */
  withdraw(commandId: string): Promise<boolean> {
    return this.#turn(async () => {
      const { log } = this.#inside
      for (;;) {
        const before = log.tail.cursor
        const index = log.tail.pending.findIndex(({ id }) => id === commandId)
        if (!before || index < 0) return false
        const sequence = before.sequence + index + 1
        const { withdrawn } = await this.#updateSent((kept) => {
          if (kept.withdrawn.includes(commandId) || kept.sequence >= sequence) return kept
          const waiting = new Set(log.tail.pending.map(({ id }) => id))
          return { ...kept, withdrawn: [...kept.withdrawn.filter((id) => waiting.has(id)), commandId] }
        })
        if (!withdrawn.includes(commandId)) return false
        const rebase = { before, after: before, slice: [], remark: () => undefined, withdrawn: commandId }
        const result = await applyRebase(this.#inside, rebase, this.#breathe)
        if (result === 'outdated') {
          await this.#updateSent((kept) => ({ ...kept, withdrawn: kept.withdrawn.filter((id) => id !== commandId) }))
          throw new OutpostError(
            'outdated',
            `Command ${commandId} cannot be withdrawn: what waits is of a newer build. Load the newer app.`,
          )
        }
        if (result === 'applied') return true
      }
    })
  }

  /** How far a Command has come; undefined where this log does not know it. */
  receipt(commandId: string): Promise<Receipt | undefined> {
    return this.#turn(() => receiptIn({ inside: this.#inside, inbox: this.#inbox, sent: (cursor) => this.#sent(cursor) }, commandId))
  }

  /** A Command in the inbox, as it was returned; undefined where it is not in there (any more). */
  inInbox(commandId: string): Promise<Returned | undefined> {
    return this.#turn(() => this.#inbox.open(commandId))
  }

  /** Takes a returned Command out of the inbox. @returns false where it is not in there */
  resolve(commandId: string, resolved: Resolved): Promise<boolean> {
    return this.#turn(() => this.#inbox.resolve(commandId, resolved))
  }

  async #confirm(before: SyncCursor, cursor: SyncCursor, remark: () => LogRecord | undefined): Promise<'applied' | 'moved'> {
    const { log } = this.#inside
    while (sameValue(log.tail.cursor, before)) {
      const note = noteOf(this.#inside, { step: 'confirmed', cursor })
      const remarked = remark()
      if ((await this.#append(remarked ? [note, behind([note], remarked)] : [note])) === 'appended') return 'applied'
    }
    return 'moved'
  }

  #append(records: readonly LogRecord[]): Promise<'appended' | 'conflict'> {
    return this.#inside.log.append(inOneTransaction(records), 'relaxed', () => undefined)
  }

  async #sent({ clientId }: SyncCursor): Promise<number> {
    const sent = (await this.meta.get(sentKey(clientId))) as Sent | undefined
    return sent?.sequence ?? 0
  }

  async #updateSent(change: (sent: Sent) => Sent): Promise<Sent> {
    const none: Sent = { sequence: 0, withdrawn: [] }
    return (
      (await this.meta.update<Sent>(sentKey(this.#cursor().clientId), (sent) => {
        const changed = change(sent ?? none)
        return changed === none ? sent : changed
      })) ?? none
    )
  }

  #cursor(): SyncCursor {
    const { cursor } = this.#inside.log.tail
    if (!cursor) throw new OutpostError('storage-failed', 'This log has not joined a server. Join it first.')
    return cursor
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    const { ready, log } = this.#inside
    await ready
    return log.turn(async () => {
      if (!log.isAdopted) return work()
      // Where the worker ends with it, what was asked is left to the next one.
      await this.#breathe()
      throw adopted()
    })
  }
}

const adopted = (): OutpostError => new OutpostError('closed', 'This log had lived alone before it joined: it is opened anew.')

/** Sequence of this client's last Command in the slice. */
const lastOwn = (slice: readonly PulledRecord[], { clientId, sequence }: SyncCursor): number =>
  slice.reduce(
    (last, { commands }) =>
      commands.reduce((most, { origin }) => (origin?.clientId === clientId ? Math.max(most, origin.sequence) : most), last),
    sequence,
  )

const decidedIn = ({ commands, events, parked }: PulledRecord, command: number): Decided =>
  decidedAt({ commands, events, position: 0, ...(parked && { parked }) }, command)

/** What was withdrawn before it was sent has no name at the server: here it keeps its own. */
function withLocalIds(
  slice: readonly PulledRecord[],
  own: readonly OwnProcessed[],
  hereAt: (sequence: number) => Decided | undefined,
): readonly PulledRecord[] {
  const names = new Map(own.map(({ record, command, sequence }) => [`${record}/${command}`, hereAt(sequence)?.root.id]))
  return slice.map((pulled, record) => ({
    ...pulled,
    commands: pulled.commands.map((command, index) => {
      const id = names.get(`${record}/${index}`)
      return command.withdrawn && id !== undefined ? { ...command, id } : command
    }),
  }))
}
