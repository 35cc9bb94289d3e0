/** How far a Command has come, and what is told of one that came back otherwise. Plain data: it crosses threads. */

/**
 * How far a Command has come. What followed from another Command waits with that one: until it has ended, its receipt is that
 * one's.
 */
export type Receipt =
  /** Recorded on this device alone. */
  | { readonly state: 'durable' }
  /** It may have reached the server. */
  | { readonly state: 'pushed' }
  | { readonly state: 'confirmed' }
  /** Accepted, with other Events than were told. */
  | { readonly state: 'changed'; readonly returned: Returned }
  | RefusedReceipt
  | { readonly state: 'withdrawn' }

/**
 * It has no effect.
 *
 * - `refusal`, `details`: why. Absent of what followed from a Command that came to something else: nobody refused it, it is
 *   not asked for any more.
 * - `returned`: where it had been accepted here, what was told then and what is true; it came into the inbox. Absent where the
 *   device itself refused it (it was told so at once, and never pushed), and of what followed from another one.
 */
export interface RefusedReceipt {
  readonly state: 'refused'
  readonly refusal?: string
  readonly details?: unknown
  readonly returned?: Returned
}

/** What a Command came to, once. */
export interface InboxOutcome {
  readonly ok: boolean
  readonly refusal?: string
  readonly details?: unknown
  readonly events: readonly { readonly type: string; readonly aggregateId: string; readonly data: unknown }[]
}

/** A Command that came back otherwise than it was told. */
export interface Returned {
  readonly verdict: 'changed' | 'refused'
  /** What was asked: `aggregate.command` or `service.useCase`, of which Aggregate, with what. */
  readonly type: string
  readonly schema: number
  readonly aggregateId?: string
  readonly payload: unknown
  readonly actor?: string
  /** When it was given: ms since 1970. */
  readonly givenAt: number
  readonly correlationId: string
  /** What was told then. */
  readonly then: InboxOutcome
  /** What the server made of it. */
  readonly now: InboxOutcome
  /** Streams that its Events stood in then, and stand in now. */
  readonly streams: readonly string[]
  /** Ids of Commands returned before it, of streams that it built on: it fell with them. */
  readonly because: readonly string[]
}

/** A returned Command as the page reads it. */
export interface InboxRow {
  readonly commandId: string
  /** `refused`, or `changed`: accepted, but with other Events than were told. */
  readonly verdict: 'changed' | 'refused'
  /** What was asked: `aggregate.command` or `service.useCase`… */
  readonly type: string
  /** …of which Aggregate; empty for use cases. */
  readonly aggregateId: string
  readonly payload: unknown
  /** By whom; empty where nobody said. */
  readonly actor: string
  /** When it was given, and when it came back: ms since 1970, by the device's clock. */
  readonly givenAt: number
  readonly returnedAt: number
  /** In order of coming back. */
  readonly position: number
  /** Why: the refusal's name; empty where it was `changed`. Its details are in `now`. */
  readonly refusal: string
  /** What was told when it was given. */
  readonly told: InboxOutcome
  /** What the server made of it. */
  readonly now: InboxOutcome
  /** Ids of Commands that came back before it and that it built on. */
  readonly because: readonly string[]
}
