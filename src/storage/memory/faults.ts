/** Everything that goes wrong in a browser, on demand: for tests of what stands on a storage. */
import { OutpostError } from '../../errors.ts'

export type MemoryOperation =
  | `events.${'last' | 'append' | 'read' | 'get'}`
  | `states.${'checkpoints' | 'load' | 'save' | 'due' | 'drop'}`
  | `segments.${'catalogue' | 'blocks' | 'save'}`
  | `meta.${'get' | 'entries' | 'update'}`
  | `rows.${'checkpoint' | 'load' | 'scan' | 'count' | 'save'}`
  | 'openLog'
  | 'openReadStore'
  | 'list'
  | 'destroy'

/** Where to interfere: an operation, on every database or on those whose name holds this text. */
export type FaultPoint = MemoryOperation | { readonly operation: MemoryOperation; readonly database: string }

/** Each strikes so many times (once unless told) and is then gone. What `fail` and `failInDoubt` return lifts it before. */
export interface MemoryFaults {
  /**
   * Such an operation does nothing and rejects: `storage-full` for 'QuotaExceededError', else `storage-failed` with a
   * DOMException of this name as its cause.
   */
  fail(at: FaultPoint, errorName: string, times?: number): () => void
  /** Such an operation is carried out, but its caller is told `storage-failed` with `details.inDoubt`. */
  failInDoubt(at: FaultPoint, times?: number): () => void
  /** The next such operation is held: `before` it touches anything, or `after` it was carried out and before its answer. */
  pause(at: FaultPoint, when?: 'before' | 'after'): Pause
}

export interface Pause {
  /** Resolves when an operation is held. */
  readonly reached: Promise<void>
  /** Lets it go on; where none has come yet, none will be held. */
  release(): void
}

interface Armed {
  readonly at: FaultPoint
  readonly when: 'before' | 'after'
  left: number
  strike(database: string): Promise<void> | void
}

/** What the storage asks before and after each operation. Rejects where it shall fail. */
export type Interfere = (when: 'before' | 'after', operation: MemoryOperation, database: string) => Promise<void>

export function createFaults(): { readonly faults: MemoryFaults; readonly interfere: Interfere } {
  const armed = new Set<Armed>()
  const arm = (fault: Armed): (() => void) => {
    armed.add(fault)
    return () => armed.delete(fault)
  }

  const faults: MemoryFaults = {
    fail: (at, errorName, times = 1) =>
      arm({
        at,
        when: 'before',
        left: times,
        strike: (database) => {
          throw memoryError(`"${database}"`, errorName, 'A fault of this test')
        },
      }),

    failInDoubt: (at, times = 1) =>
      arm({
        at,
        when: 'after',
        left: times,
        strike: (database) => {
          throw memoryError(`"${database}"`, 'UnknownError', 'A fault of this test', { inDoubt: true })
        },
      }),

    pause(at, when = 'before') {
      const reached = signal()
      const released = signal()
      const lift = arm({
        at,
        when,
        left: 1,
        strike: () => {
          reached.give()
          return released.given
        },
      })
      return {
        reached: reached.given,
        release() {
          lift()
          released.give()
        },
      }
    },
  }

  return {
    faults,
    async interfere(when, operation, database) {
      for (const fault of [...armed]) {
        if (fault.when !== when || !matches(fault.at, operation, database)) continue
        if (--fault.left <= 0) armed.delete(fault)
        await fault.strike(database)
      }
    },
  }
}

function signal(): { readonly given: Promise<void>; give(): void } {
  let give = () => {}
  const given = new Promise<void>((resolve) => (give = resolve))
  return { given, give }
}

const matches = (at: FaultPoint, operation: MemoryOperation, database: string): boolean =>
  typeof at === 'string' ? at === operation : at.operation === operation && database.includes(at.database)

/** The errors that the IndexedDB adapter would make of it. */
export function memoryError(
  subject: string,
  errorName: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): OutpostError {
  const cause = new DOMException(message, errorName)
  return errorName === 'QuotaExceededError'
    ? new OutpostError('storage-full', `${subject} is full. Nothing was written; free space, then try again.`, details, cause)
    : new OutpostError('storage-failed', `${subject} failed (${errorName}: ${message}).`, details, cause)
}
