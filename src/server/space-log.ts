/** Opens the log of one space and the write engine over it: what a device's engine has, without a read side. */
import { Subject } from 'rxjs'
import type { AnyDomain } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import { databasePrefix, openLog } from '../engine/open-log.ts'
import { dropWhatTheLogLost, persistently, replay, replayTail } from '../engine/recovery.ts'
import type { LogStorage, Storage } from '../storage/storage.ts'
import type { LogRecord } from '../storage/record.ts'
import { openSegmentIndex } from '../storage/segment-index.ts'
import { createDecoder, type Decoder } from '../write/decode.ts'
import { Decider } from '../write/decider.ts'
import { aggregateFold, type Fold } from '../write/fold.ts'
import { Log } from '../write/log.ts'
import { LogIndex } from '../write/log-index.ts'
import { managerFold } from '../write/process-managers.ts'
import { advanceStates, States, type StateSource } from '../write/states.ts'
import { WriteBehind } from '../write/write-behind.ts'
import { ProcessedCommands } from './processed.ts'

/** The database of a space's log, which all server processes on a storage share. */
export const spaceLogName = (domain: string, space: string): string => `${databasePrefix(domain, space)}.log`

export interface SpaceLog {
  readonly name: string
  readonly epoch: string
  readonly storage: LogStorage
  readonly log: Log
  readonly decoder: Decoder
  readonly processed: ProcessedCommands
  readonly decider: Decider
  readonly aggregates: ReadonlyMap<string, States>
  readonly managers: ReadonlyMap<string, States>
  /** Rings after each record that became the head. */
  readonly recorded$: Subject<LogRecord>
  /** Resolves when saved states are usable. */
  readonly ready: Promise<void>
  /** Writes states behind and closes the database. */
  close(): Promise<void>
}

export interface SpaceLogOptions {
  readonly domain: AnyDomain
  readonly storage: Storage
  readonly space: string
  readonly environment: Environment
  readonly isBusy: () => boolean
}

/** @throws `storage-newer` where a newer build wrote the log; nothing was changed */
export async function openSpaceLog({ domain, storage, space, environment, isBusy }: SpaceLogOptions): Promise<SpaceLog> {
  const name = spaceLogName(domain.name, space)
  const { logStorage, meta } = await openLog(storage, name, environment)
  try {
    return await overLog(logStorage)
  } catch (error) {
    logStorage.close()
    throw error
  }

  async function overLog(logStorage: LogStorage): Promise<SpaceLog> {
    const decoder = createDecoder(domain)
    const [packed, checkpoints] = await Promise.all([openSegmentIndex(logStorage.segments), logStorage.states.checkpoints()])
    const source: StateSource = {
      catchUp: () => log.pull(),
      replay: (after, fold) => replay(log, after, decoder.decodeKnown, fold),
    }
    const statesOf = (fold: Fold): States => new States(fold, logStorage.states, source, checkpoints.get(fold.name))
    const aggregates = new Map([...domain.aggregates.values()].map((type) => [type.name, statesOf(aggregateFold(type, domain.events))]))
    const managers = new Map([...domain.processManagers.values()].map((manager) => [manager.name, statesOf(managerFold(manager))]))
    const states = [...aggregates.values(), ...managers.values()]
    const recorded$ = new Subject<LogRecord>()

    /** Saved states are usable from here on; before, records go past them and are made up for. */
    let usable = false
    const log = await Log.open(logStorage, (advance) => {
      if (usable) {
        advanceStates(states, advance, decoder)
        for (const record of advance.records) index.add(record)
        writeBehind.touched(advance.own)
      }
      for (const record of advance.records) recorded$.next(record)
    })
    const index = new LogIndex(packed, log)
    const writeBehind = new WriteBehind({
      store: logStorage.states,
      states,
      index,
      turn: (work) => log.turn(work),
      now: environment.now,
      later: environment.later,
      random: environment.random ?? Math.random,
      isBusy,
      onFull: () => undefined, // appends meet the same disk, and say so
    })
    const processed = new ProcessedCommands(index, log)
    const decider = new Decider({
      domain,
      aggregates,
      managers,
      known: async (ids) => new Set((await processed.find(ids)).keys()),
      now: environment.now,
      clock: environment.clock,
    })
    const closing = new AbortController()
    const bringUp = async (): Promise<void> => {
      await dropWhatTheLogLost(log, states, packed, logStorage)
      await replayTail(log, states, packed, decoder.decodeKnown, () => writeBehind.flushWithinTurn())
      usable = true
    }
    const ready = persistently(() => log.turn(bringUp), environment, closing.signal)
    ready.catch(() => undefined) // every push that waits for it gets the error

    return {
      name,
      epoch: meta.epoch,
      storage: logStorage,
      log,
      decoder,
      processed,
      decider,
      aggregates,
      managers,
      recorded$,
      ready,
      async close() {
        closing.abort()
        await writeBehind.flush()
        await writeBehind.close()
        recorded$.complete()
        logStorage.close()
      },
    }
  }
}
