/** What `trace$` tells: the way of one Command. Plain data: it crosses threads. */

/** The eleven steps of a Command, in order. */
export const steps = [
  'request',
  'command',
  'commandHandler',
  'repositoryLoad',
  'aggregate',
  'output',
  'repositorySave',
  'persistenceStore',
  'eventStore',
  'eventHandlers',
  'readModels',
] as const

export type Step = (typeof steps)[number]

export interface Span {
  /** 1 to 11. */
  readonly number: number
  readonly step: Step
  /** When it began: ms since 1970, with fractions; comparable across threads. */
  readonly startedAt: number
  readonly durationMs: number
}

export interface CommandTrace {
  readonly commandId: string
  readonly type: string
  readonly aggregateId: string | undefined
  readonly correlationId: string
  readonly causationId: string | undefined
  readonly outcome: 'accepted' | 'refused' | 'failed'
  /** Position of its last Event; undefined where it recorded none. */
  readonly position: number | undefined
  /** As far as it came: all eleven where it was accepted, three where its id stood in the log already with this outcome. */
  readonly spans: readonly Span[]
}
