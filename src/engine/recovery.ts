/** What brings saved states and segments to the log's head at start. */
import { isOutpostError } from '../errors.ts'
import { pause } from '../internal/pause.ts'
import { type Checkpoint, LOG_START, type LogRecord } from '../storage/record.ts'
import type { SegmentIndex } from '../storage/segment-index.ts'
import type { LogStorage, StateWrites } from '../storage/storage.ts'
import type { Decoded } from '../write/decode.ts'
import type { Log } from '../write/log.ts'
import type { States } from '../write/states.ts'
import type { Environment } from './engine.ts'

const RETRY_DELAYS_MS = [100, 1000, 5000, 15_000]
/** Events folded before what came of them is saved. */
const MAX_UNSAVED_TAIL = 20_000

/** Tries again where storage failed: one error at a start must not leave the tab without Commands until it is loaded anew. */
export async function persistently(work: () => Promise<void>, { later }: Environment, closing: AbortSignal): Promise<void> {
  for (const delayMs of RETRY_DELAYS_MS)
    try {
      return await work()
    } catch (error) {
      if (!isOutpostError(error, 'storage-failed') || closing.aborted) throw error
      await pause(later, delayMs, closing)
    }
  return work()
}

/**
 * After a power loss, states or segments may be as of a record that the log has lost; after a log has joined a server, as of one
 * that is tentative now. They go, the log makes up for them.
 */
export async function dropWhatTheLogLost(log: Log, states: readonly States[], index: SegmentIndex, storage: LogStorage): Promise<void> {
  while (index.checkpoint && !(await log.contains(index.checkpoint))) await index.clear()
  for (const each of states) {
    for (let { stored } = each; !(await isSound(log, stored)); stored = (await storage.states.checkpoints()).get(each.fold.name)) {
      if (stored) await storage.states.drop(each.fold.name)
      const begun = log.tail.cursor && LOG_START
      if (begun && (await storage.states.save([beginningOf(each)])) === 'stale') continue
      each.restart(begun)
      break
    }
  }
}

/**
 * In a synced log nothing saved is not sound either: a tab that has not heard of the server yet may have folded all of it as
 * confirmed, and would save that over nothing. Over a beginning it cannot.
 */
const isSound = async (log: Log, stored: Checkpoint | undefined): Promise<boolean> =>
  stored ? stored.record <= log.settled.record && (await log.contains(stored)) : !log.tail.cursor

const beginningOf = ({ fold }: States): StateWrites => ({
  fold: fold.name,
  expected: undefined,
  checkpoint: LOG_START,
  puts: [],
  removes: [],
})

/** Saved states of shapes that this build does not have, where no older build can still be using them. */
export async function dropUnusedFolds(
  saved: Iterable<string>,
  states: readonly States[],
  storage: LogStorage,
  environment: Environment,
): Promise<void> {
  const used = new Set(states.map((each) => each.fold.name))
  const unused = [...saved].filter((name) => !used.has(name))
  if (unused.length > 0 && (await environment.alone())) for (const name of unused) await storage.states.drop(name)
}

/** Gives each record after this one up to the settled one, with its Events. */
export async function replay(
  log: Log,
  after: number,
  decode: (record: LogRecord) => readonly Decoded[],
  fold: (record: LogRecord, events: readonly Decoded[]) => void,
): Promise<void> {
  for await (const page of log.pages(after))
    for (const record of page) {
      if (record.number > log.settled.record) return
      fold(record, decode(record))
    }
}

/** Brings states and index from what is saved to the log's head. */
export async function replayTail(
  log: Log,
  states: readonly States[],
  index: SegmentIndex,
  decode: (record: LogRecord) => readonly Decoded[],
  flush: () => Promise<void>,
): Promise<void> {
  let unsaved = 0
  for (const each of states) each.dropTentative()
  const behind = (): number => Math.min(index.head.record, log.settled.record, ...states.map((each) => each.folded.record))
  for await (const page of log.pages(behind())) {
    let from = 0
    for (const record of page) {
      const events = decode(record)
      for (const each of states) {
        if (record.number > log.settled.record) each.foldTentative(record, events)
        else if (each.folded.record < record.number) each.foldRecord(record, events)
      }
      if (index.head.record < record.number) index.add(record)
      from = record.number
      unsaved += record.events.length
    }
    // A new shape of states makes the whole log the tail: what is folded must not pile up in memory.
    if (unsaved > MAX_UNSAVED_TAIL && from < log.settled.record) {
      await flush()
      unsaved = 0
    }
  }
}
