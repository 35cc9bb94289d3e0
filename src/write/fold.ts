/**
 * Folds: how Events become the states of Aggregates and process manager instances. A fold is pure; which states are kept
 * where is `states.ts`'s.
 */
import type { AggregateType } from '../domain/aggregate.ts'
import type { EventType } from '../domain/domain.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { messageOf, OutpostError } from '../errors.ts'

/** The state of one Aggregate or process manager instance, as of the last Event folded into it. */
export interface Entry {
  readonly key: string
  /** Version in its stream. */
  readonly version: number
  readonly position: number
  /** undefined where nothing was recorded yet, or where a process manager's instance has ended. */
  readonly state: unknown
  readonly dueAt?: number
  /** Set where an Event of it cannot be folded by this build: loading it throws this. */
  readonly broken?: OutpostError
}

export interface Fold {
  /** Names the set of saved states: kind, name, and fingerprint of the state's shape. */
  readonly name: string
  /** Types of all Events it takes. */
  takes(type: string): boolean
  /** True where it might take Events of this type, if it knew them. */
  concerns(type: string): boolean
  /** True where each key has a stream of its own: an Event that cannot be understood spoils that one alone. */
  readonly keepsStreams: boolean
  /** Set where records keep its new states: whose they are, and in which version. */
  readonly stateStored?: { readonly aggregate: string; readonly stateVersion: number }
  /** Which instance a taken Event belongs to; undefined for none. Never throws. */
  keyOf(event: RecordedEvent): string | undefined
  /**
   * The entry after the Event; the same entry where it changes nothing.
   *
   * @throws `evolve-failed`
   */
  apply(entry: Entry, event: RecordedEvent): Entry
}

export const emptyEntry = (key: string): Entry => ({ key, version: 0, position: 0, state: undefined })

/** The fold of one Aggregate type. */
export function aggregateFold(aggregate: AggregateType, events: ReadonlyMap<string, EventType>): Fold {
  const { name, stateVersion } = aggregate
  const takes = (type: string): boolean => type.slice(0, type.indexOf('.')) === name
  return {
    ...(aggregate.persistence === 'state-stored' && { stateStored: { aggregate: name, stateVersion } }),
    name: `${name}@${aggregate.stateFingerprint}`,
    takes,
    concerns: takes,
    keepsStreams: true,
    keyOf: (event) => event.aggregateId,
    apply: (entry, event) => ({
      key: entry.key,
      version: event.version,
      position: event.position,
      state: evolve(aggregate, (events.get(event.type) as EventType).name, entry.state, event),
    }),
  }
}

/**
 * The state after one Event.
 *
 * @throws `evolve-failed` where `create` or `evolve` throws, or the stream begins with an Event that it may not begin with
 */
export function evolve(
  aggregate: AggregateType,
  event: string,
  state: unknown,
  recorded: Pick<RecordedEvent, 'aggregateId' | 'version' | 'at' | 'actor' | 'data'>,
): unknown {
  const subject = `Event "${aggregate.name}.${event}" on ${aggregate.name} "${recorded.aggregateId}" (version ${recorded.version})`
  try {
    if (state !== undefined) {
      const fold = aggregate.evolve[event]
      if (fold) return fold(state, recorded.data, recorded)
    } else {
      const create = aggregate.create[event]
      if (create) return create(recorded.data, recorded)
    }
  } catch (cause) {
    throw new OutpostError('evolve-failed', `${subject} could not be folded: ${messageOf(cause)}. Mend \`evolve\`.`, {}, cause)
  }
  throw new OutpostError(
    'evolve-failed',
    state === undefined
      ? `${subject} cannot begin a stream. Name it in \`create\`, or let its Command refuse.`
      : `${subject} cannot come again. Name it in \`evolve\`, or let its Command refuse.`,
  )
}
