/** Reactors: the place for side effects. At least once for each Event, in order, retried with backoff, then parked. */
import type { AnyAggregate, EventName, EventOf } from './infer.ts'
import type { RecordedEvent } from './recorded-event.ts'

export interface ReactorTools {
  /** The same on every try of this Event: give it to the other side as idempotency key. */
  readonly key: string
  /** 1 on the first try. */
  readonly attempt: number
  /** Aborted when the app is closed. Nobody waits for the handler then, and its Event comes again at the next start. */
  readonly signal: AbortSignal
}

export interface RetryPolicy {
  /** Tries before it parks. Default 5. */
  readonly attempts?: number
  /** Pause before the second try; doubles with each further one. Default 1000. */
  readonly firstDelayMs?: number
  /** Longest pause. Default 60000. */
  readonly maxDelayMs?: number
}

export type ReactorPlace = 'origin' | 'everywhere' | 'server'

export interface ReactorDeclaration<From extends readonly AnyAggregate[]> {
  readonly from: From
  /** Events without a handler are passed over. */
  readonly on: {
    readonly [E in EventName<From[number]>]?: (event: EventOf<From[number], E>, tools: ReactorTools) => Promise<void> | void
  }
  readonly retry?: RetryPolicy
  /**
   * Where it runs: on the device whose Command caused the Event (`origin`, default), on every device (`everywhere`), or on
   * the sync server alone (`server`). Without sync the first two are the same, and the last one never runs.
   *
   * What comes of a timer that the sync server fired, or of a process manager that it resumed, was caused by no device: its
   * origin is the server, and there an `origin` reactor runs for it. So in a domain with process managers what it calls has to
   * be there on the server as well; what is of use on devices only, a sound for instance, is `everywhere`.
   */
  readonly runs?: ReactorPlace
  /** Where a reactor that is new to an existing log begins, an imported one too: at its end (`now`, default) or at its first Event. */
  readonly startAt?: 'now' | 'beginning'
}

export interface Reactor<Name extends string = string> {
  readonly kind: 'reactor'
  readonly name: Name
  readonly from: readonly AnyAggregate[]
  readonly on: Readonly<Record<string, (event: RecordedEvent, tools: ReactorTools) => Promise<void> | void>>
  readonly retry: Required<RetryPolicy>
  readonly runs: ReactorPlace
  readonly startAt: 'now' | 'beginning'
}

/**
 * Declares a reactor. On a device it runs in the worker of one tab at a time.
 *
 * @param name stable and unique in the domain: its checkpoint is kept under it
 */
export function reactor<const Name extends string, const From extends readonly AnyAggregate[]>(
  name: Name,
  declared: ReactorDeclaration<From>,
): Reactor<Name> {
  return {
    kind: 'reactor',
    name,
    from: declared.from,
    on: declared.on as unknown as Reactor['on'],
    retry: { attempts: 5, firstDelayMs: 1000, maxDelayMs: 60_000, ...declared.retry },
    runs: declared.runs ?? 'origin',
    startAt: declared.startAt ?? 'now',
  }
}
