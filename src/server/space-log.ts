/** Opens the log of one space and the write engine over it: what a device's engine has, without a read side. */
import { Subject } from 'rxjs'
import type { AnyDomain } from '../domain/infer.ts'
import type { Environment } from '../engine/engine.ts'
import { databasePrefix, openLog } from '../engine/open-log.ts'
import { openWriteSide } from '../engine/write-side.ts'
import type { LogStorage, Storage } from '../storage/storage.ts'
import type { LogRecord } from '../storage/record.ts'
import type { Decoder } from '../write/decode.ts'
import { Decider } from '../write/decider.ts'
import type { Log } from '../write/log.ts'
import type { States } from '../write/states.ts'
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
    const recorded$ = new Subject<LogRecord>()
    const { log, decoder, index, aggregates, managers, writeBehind, bringUp } = await openWriteSide(domain, logStorage, environment, {
      isBusy,
      onFull: () => undefined, // appends meet the same disk, and say so
      onAdvance: ({ records }) => {
        for (const record of records) recorded$.next(record)
      },
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
    const ready = bringUp(closing.signal)
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
