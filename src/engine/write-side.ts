/**
 * The write side over one log: states of all folds, the packed index, and what writes them behind. A device's engine stands on
 * it, and so does a space on the server.
 */
// In this order because gzip finds more in it (`npm run size`).
import type { AnyDomain } from '../domain/infer.ts'
import { openSegmentIndex } from '../storage/segment-index.ts'
import type { LogStorage } from '../storage/storage.ts'
import { Log, type OnAdvance } from '../write/log.ts'
import { WriteBehind } from '../write/write-behind.ts'
import { LogIndex } from '../write/log-index.ts'
import { dropUnusedFolds, dropWhatTheLogLost, persistently, replay, replayTail } from './recovery.ts'
import { managerFold } from '../write/process-managers.ts'
import { createDecoder, type Decoder } from '../write/decode.ts'
import type { Environment } from './engine.ts'
import { advanceStates, States, type StateSource } from '../write/states.ts'
import { aggregateFold, type Fold } from '../write/fold.ts'

export interface WriteSideOptions {
  /** True while there are Commands to commit, and perhaps a moment after. */
  readonly isBusy: () => boolean
  /** Told whether the last write of states found space. */
  readonly onFull: (full: boolean) => void
  /**
   * Told of each step of the log once states have taken it, in order; before they are usable, and of a log that was adopted,
   * they take none. Must not throw.
   */
  readonly onAdvance: OnAdvance
}

export interface WriteSide {
  readonly log: Log
  readonly decoder: Decoder
  readonly index: LogIndex
  /** By the Aggregate's name. */
  readonly aggregates: ReadonlyMap<string, States>
  /** By the process manager's name. */
  readonly managers: ReadonlyMap<string, States>
  readonly writeBehind: WriteBehind
  /**
   * Brings saved states and index to the log's head, which takes as long as the tail is. Once.
   *
   * @param closing ends the tries where storage fails
   * @returns resolves when states are usable
   */
  bringUp(closing: AbortSignal): Promise<void>
}

/** @throws `storage-newer` where a newer build wrote the log; nothing was changed */
export async function openWriteSide(
  domain: AnyDomain,
  storage: LogStorage,
  environment: Environment,
  { isBusy, onFull, onAdvance }: WriteSideOptions,
): Promise<WriteSide> {
  const { now, later, random = Math.random } = environment
  const decoder = createDecoder(domain, (record, ofEvents) => log.tail.live(record, ofEvents))
  const [packed, checkpoints] = await Promise.all([openSegmentIndex(storage.segments), storage.states.checkpoints()])

  const stateSource: StateSource = {
    catchUp: () => log.pull(),
    replay: (after, fold) => replay(log, after, decoder.decodeKnown, fold),
    mayHave: (aggregate, ids) => index.mayHave(aggregate, ids),
  }
  const statesOf = (fold: Fold): States => new States(fold, storage.states, stateSource, checkpoints.get(fold.name))
  const aggregates = new Map([...domain.aggregates.values()].map((type) => [type.name, statesOf(aggregateFold(type, domain.events))]))
  const managers = new Map([...domain.processManagers.values()].map((manager) => [manager.name, statesOf(managerFold(manager))]))
  const states = [...aggregates.values(), ...managers.values()]

  /** Saved states are usable from here on; before, records go past them and are made up for. */
  let usable = false
  const log = await Log.open(storage, (advance) => {
    if (usable && !advance.adopted) {
      advanceStates(states, advance, decoder)
      for (const record of advance.records) index.add(record)
      writeBehind.touched(advance.own)
    }
    onAdvance(advance)
  })
  const index = new LogIndex(packed, log)
  const writeBehind = new WriteBehind({
    store: storage.states,
    states,
    index,
    turn: (work) => log.turn(work),
    now,
    later,
    random,
    isBusy,
    onFull,
  })
  const bringUp = async (): Promise<void> => {
    await dropWhatTheLogLost(log, states, packed, storage)
    await replayTail(log, states, packed, decoder.decodeKnown, () => writeBehind.flushWithinTurn())
    usable = true
    await dropUnusedFolds(checkpoints.keys(), states, storage, environment)
  }
  return {
    log,
    decoder,
    index,
    aggregates,
    managers,
    writeBehind,
    bringUp: (closing) => persistently(() => log.turn(bringUp), environment, closing),
  }
}
