/** The Repository: Aggregates as they are, and as they were, over Persistence Store and Event Store. */
import type { AggregateType } from '../domain/aggregate.ts'
import type { AnyDomain } from '../domain/infer.ts'
import { named } from '../domain/named.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { OutpostError } from '../errors.ts'
import { type Decoder, positionOf } from './decode.ts'
import { evolve } from './fold.ts'
import type { Log } from './log.ts'
import type { LogIndex } from './log-index.ts'
import type { States } from './states.ts'

/** Records of a stream read at once. */
const PAGE = 64

export interface LoadedAggregate {
  readonly state: unknown
  /** Version of its last Event; 0 where its stream is empty. */
  readonly version: number
}

export class Repository {
  readonly #domain: AnyDomain
  readonly #states: ReadonlyMap<string, States>
  readonly #log: Log
  readonly #index: LogIndex
  readonly #decoder: Decoder

  constructor(options: {
    readonly domain: AnyDomain
    readonly states: ReadonlyMap<string, States>
    readonly log: Log
    readonly index: LogIndex
    readonly decoder: Decoder
  }) {
    this.#domain = options.domain
    this.#states = options.states
    this.#log = options.log
    this.#index = options.index
    this.#decoder = options.decoder
  }

  /** The state now. Within a turn of the log, once saved states are usable. @throws `unknown-aggregate`, `outdated` */
  async load(aggregate: string, id: string): Promise<LoadedAggregate> {
    const states = named(this.#states, aggregate, 'unknown-aggregate', 'Aggregate', 'aggregate')
    await states.load([id])
    const entry = states.peek(id)
    if (entry?.broken) throw entry.broken
    return { state: entry?.state, version: entry?.version ?? 0 }
  }

  /** The state as of a version, or of an instant by the clocks of the devices that gave the Commands. */
  async loadAt(aggregate: string, id: string, moment: { readonly version: number } | { readonly at: number }): Promise<LoadedAggregate> {
    const type = this.#typeOf(aggregate)
    const asked = { version: undefined, at: undefined, ...moment }
    if (typeof asked.version !== 'number' && typeof asked.at !== 'number')
      throw new OutpostError('invalid-query', `${aggregate} "${id}" as of when? Give \`{ version }\` or \`{ at }\`, a number.`)
    let state: unknown
    let version = 0
    for await (const event of this.#stream(aggregate, id)) {
      if ('version' in moment ? event.version > moment.version : event.at > moment.at) break
      state = evolve(type, event.type.slice(aggregate.length + 1), state, event)
      version = event.version
    }
    return { state, version }
  }

  /** All Events of one stream, oldest first. */
  async history(aggregate: string, id: string): Promise<readonly RecordedEvent[]> {
    this.#typeOf(aggregate)
    const events: RecordedEvent[] = []
    for await (const event of this.#stream(aggregate, id)) events.push(event)
    return events
  }

  async *#stream(aggregate: string, id: string): AsyncIterableIterator<RecordedEvent> {
    const numbers = await this.#index.findStream(aggregate, id)
    const prefix = `${aggregate}.`
    for (let from = 0; from < numbers.length; from += PAGE) {
      for (const record of await this.#log.get(numbers.slice(from, from + PAGE))) {
        if (!record) continue
        for (const event of this.#decoder.decodeKnown(record)) {
          const position = positionOf(event)
          const stored = record.events[position - record.position]
          if (stored?.aggregateId !== id || !stored.type.startsWith(prefix)) continue
          if (event instanceof OutpostError) throw event
          yield event
        }
      }
    }
  }

  #typeOf(aggregate: string): AggregateType {
    return named(this.#domain.aggregates, aggregate, 'unknown-aggregate', 'Aggregate', 'aggregate')
  }
}
