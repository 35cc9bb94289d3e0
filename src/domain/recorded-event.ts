/** An Event as handlers and subscribers see it: recorded in the log, upcast to the current version. */
export interface RecordedEvent<Type extends string = string, Data = unknown> {
  /** Follows from the Command's id and the Event's place among its Events: the same at every decision. */
  readonly id: string
  /** `aggregate.event` */
  readonly type: Type
  readonly aggregateId: string
  /** Place in its Aggregate's stream: 1, 2, 3… */
  readonly version: number
  /** Place in the local log: 1, 2, 3… Never an identity: another device numbers otherwise. */
  readonly position: number
  readonly data: Data
  /** When its Command was given: ms since 1970, by the clock of the device that gave it. */
  readonly at: number
  readonly actor: string | undefined
  readonly commandId: string
  readonly correlationId: string
  /** What caused its Command: an Event's id for what a process manager issued. */
  readonly causationId: string | undefined
}

/** An Event that waits for the server, without the places that the server alone settles: in its stream, and in the log. */
export type TentativeEvent<Type extends string = string, Data = unknown> = Omit<RecordedEvent<Type, Data>, 'version' | 'position'>

/**
 * What becomes of an Event. One that is told as `tentative` ends in exactly one of these:
 *
 * - `confirmed`: as it was told, and with its places. So is every Event that was not tentative here.
 * - `withdrawn`: it holds no longer. Its Command was refused, withdrawn, or came to something else, which is told by itself.
 */
export type EventNews =
  | { readonly state: 'tentative'; readonly event: TentativeEvent }
  | { readonly state: 'confirmed'; readonly event: RecordedEvent }
  | { readonly state: 'withdrawn'; readonly event: TentativeEvent }
