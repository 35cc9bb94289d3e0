/**
 * Work that one process at a time does, of all that share a storage: a lease in the log's meta.
 *
 *     waiting ──▶ holding ──▶ given up
 *        ▲           │
 *        └── lost ───┘
 *
 * No clocks are compared: the holder counts up, and who waits counts its own looks at that. What has stood still for long enough
 * is taken, by compare; a holder that could not count up for less than that has stopped by then. A process that was frozen all
 * that time stops when it wakes: until then two may be at work, which handlers that run at least once have to bear.
 */
import type { Environment } from '../engine/engine.ts'
import { isOutpostError } from '../errors.ts'
import { pause } from '../internal/pause.ts'
import type { MetaStore } from '../storage/storage.ts'

/** Between two renewals, and between two looks of those who wait. */
const BEAT_MS = 3000
/** After so many looks at the same count the holder counts as dead: 12 s. */
const SILENT_LOOKS = 4
/** A holder that has not renewed for so long stops: a beat before it can be taken for dead. */
const HOLD_MS = BEAT_MS * (SILENT_LOOKS - 1)

/** What is kept of it under `lease.«name»`; nothing where it was given up. */
interface Lease {
  /** Random, another one each time that it is taken. */
  readonly holder: string
  /** How often it was renewed. */
  readonly count: number
}

export interface LeaseOptions {
  /** Of the log that all of them share. */
  readonly meta: Pick<MetaStore, 'update'>
  /** Its `exclusive` says who is first within this process. */
  readonly environment: Environment
}

/** An environment's `exclusive`, for all processes on a storage. */
export function leased({ meta, environment }: LeaseOptions): Environment['exclusive'] {
  const { clock, later } = environment

  /** @returns who holds it now, and since when (by `clock`); undefined where the signal fired, or the log was closed */
  async function take(key: string, signal: AbortSignal): Promise<{ readonly holder: string; readonly since: number } | undefined> {
    let seen: Lease | undefined
    let looks = 0
    while (!signal.aborted) {
      const since = clock()
      const holder = environment.randomId()
      const isFree = (kept: Lease | undefined): boolean => !kept || (isSame(kept, seen) && looks + 1 >= SILENT_LOOKS)
      try {
        const kept = await meta.update<Lease>(key, (before) => (isFree(before) ? { holder, count: 0 } : before))
        if (kept?.holder === holder) return { holder, since }
        looks = isSame(kept, seen) ? looks + 1 : 0
        seen = kept
      } catch (error) {
        if (isOutpostError(error, 'closed')) return undefined
        // While storage fails the holder cannot renew it either: that silence says nothing.
        seen = undefined
      }
      await pause(later, BEAT_MS, signal)
    }
    return undefined
  }

  /** @returns false where it was lost before the work was done */
  async function hold(
    key: string,
    { holder, since }: { readonly holder: string; readonly since: number },
    work: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const own = new AbortController()
    let isLost = false
    const lose = (): void => {
      isLost = true
      own.abort()
    }
    const stop = (): void => own.abort(signal.reason)
    signal.addEventListener('abort', stop)
    // Since when is by when it was asked for, not by when that was answered: others may have seen it ever since.
    let cancelEnd = later(Math.max(0, HOLD_MS - (clock() - since)), lose)
    const beat = async (): Promise<void> => {
      for (;;) {
        await pause(later, BEAT_MS, own.signal)
        if (own.signal.aborted) return
        const cancelNext = later(HOLD_MS, lose)
        try {
          const kept = await meta.update<Lease>(key, (before) => (before?.holder === holder ? { holder, count: before.count + 1 } : before))
          if (kept?.holder !== holder) lose()
          cancelEnd()
          cancelEnd = cancelNext
          if (own.signal.aborted) cancelEnd()
        } catch {
          cancelNext() // tried again with the next beat, as long as it is held
        }
      }
    }
    void beat()
    try {
      if (!signal.aborted) await work(own.signal)
    } finally {
      signal.removeEventListener('abort', stop)
      cancelEnd()
      own.abort()
      // Where that fails it stands still from now on, and is taken after a while.
      if (!isLost) await meta.update<Lease>(key, (kept) => (kept?.holder === holder ? undefined : kept)).catch(() => undefined)
    }
    return !isLost
  }

  const run = async (key: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> => {
    for (;;) {
      const taken = await take(key, signal)
      if (!taken || (await hold(key, taken, work, signal))) return
    }
  }
  return (name, work, signal) => environment.exclusive(name, (stop) => run(`lease.${name}`, work, stop), signal)
}

const isSame = (a: Lease | undefined, b: Lease | undefined): boolean => a !== undefined && a.holder === b?.holder && a.count === b.count
