/** Aggregates: the consistency boundary. State, Events, Commands, refusals, and the pure functions between them. */
import { z } from 'zod'
import { fingerprint } from './id.ts'
import type { CommandInput, EventInput, InputOf, Made, OutputOf } from './infer.ts'
import { messageType, type MessageType } from './message.ts'

/** An Event that a Command Handler decided, not yet recorded. */
export interface DecidedEvent<Type extends string = string> {
  readonly decided: Type
  readonly data: unknown
  /** The stream it goes to, where that is not the Command's own Aggregate. */
  readonly to?: { readonly aggregate: string; readonly id: string }
}

/** A Command Handler's "no", with its reason as data. */
export interface Refusal<Name extends string = string> {
  readonly refused: Name
  readonly details: unknown
}

/** What `decide` returns: Events, none (what was wanted already holds), or a refusal. */
export type Decision<Events extends string = string, Refusals extends string = string> =
  | DecidedEvent<Events>
  | readonly DecidedEvent<Events>[]
  | Refusal<Refusals>

/** Frozen with the Command, so that deciding it again gives the same answer. */
export interface CommandContext {
  readonly commandId: string
  /** When the Command was given: ms since 1970. The only clock that `decide` may read. */
  readonly now: number
  /** A fresh id at each call, following from the command id: the same ones when decided again. */
  readonly newId: () => string
  readonly actor: string | undefined
  readonly correlationId: string
  readonly causationId: string | undefined
}

export type Emit<Events, Full extends string = ''> = {
  readonly [K in keyof Events & string]: (data: InputOf<Events[K]>) => DecidedEvent<Full extends '' ? K : `${Full}.${K}`>
}
export type Refuse<Refusals> = {
  readonly [K in keyof Refusals & string]: (details: InputOf<Refusals[K]>) => Refusal<K>
}

/** What `create` and `evolve` may know of an Event besides its data. */
export interface EvolveContext {
  readonly aggregateId: string
  readonly version: number
  readonly at: number
  readonly actor: string | undefined
}

export interface AggregateDeclaration<
  State,
  Events extends Record<string, EventInput>,
  Commands extends Record<string, CommandInput>,
  Refusals extends Record<string, z.ZodType>,
  Created extends keyof Events & string,
> {
  /** Checked on every new state. */
  readonly state: z.ZodType<State>
  /** Raise it when `create` or `evolve` change their meaning without a change of the schema. Counts from 1. */
  readonly stateVersion?: number
  readonly events: Events
  readonly commands: Commands
  readonly refusals?: Refusals
  /** The Events a stream may begin with. */
  readonly create: { readonly [K in Created]: (data: OutputOf<Events[K]>, event: EvolveContext) => Made<State> }
  /** All other Events, and any of `create` that may come again. A missing one does not compile. */
  readonly evolve: {
    readonly [K in keyof Events & string as K extends NoInfer<Created> ? never : K]: (
      state: State,
      data: OutputOf<Events[K]>,
      event: EvolveContext,
    ) => Made<State>
  } & { readonly [K in NoInfer<Created>]?: (state: State, data: OutputOf<Events[K]>, event: EvolveContext) => Made<State> }
  /** The Command Handlers: synchronous and pure. A missing one does not compile. */
  readonly decide: {
    readonly [K in keyof Commands & string]: (
      state: State | undefined,
      payload: OutputOf<Commands[K]>,
      tools: { readonly emit: Emit<Events>; readonly refuse: Refuse<Refusals>; readonly aggregateId: string } & CommandContext,
    ) => Decision<keyof Events & string, keyof Refusals & string>
  }
  /** Must be true of every state that a Command leaves behind; else it is refused with `invariantViolated`. */
  readonly invariants?: Readonly<Record<string, (state: State) => boolean>>
  /**
   * `event-sourced` (default): the history is the truth, saved states only shorten loading.
   * `state-stored`: the state is kept with every Event, so that the history may be compacted away.
   */
  readonly persistence?: 'event-sourced' | 'state-stored'
}

/** An Aggregate as the engine runs it. */
export interface AggregateType {
  readonly name: string
  readonly state: z.ZodType
  readonly stateVersion: number
  /** Changes with the state's schema and version: a saved state of another fingerprint is not used. */
  readonly stateFingerprint: string
  readonly persistence: 'event-sourced' | 'state-stored'
  readonly events: Readonly<Record<string, MessageType>>
  readonly commands: Readonly<Record<string, MessageType>>
  readonly refusals: Readonly<Record<string, z.ZodType>>
  readonly create: Readonly<Record<string, (data: unknown, event: EvolveContext) => unknown>>
  readonly evolve: Readonly<Record<string, (state: unknown, data: unknown, event: EvolveContext) => unknown>>
  readonly decide: Readonly<Record<string, (state: unknown, payload: unknown, tools: unknown) => Decision>>
  readonly invariants: Readonly<Record<string, (state: unknown) => boolean>>
}

/** What a use case asks to be loaded. */
export interface LoadOne<A> {
  readonly load: 'one'
  readonly aggregate: A
  readonly id: string
}
export interface LoadMany<A> {
  readonly load: 'many'
  readonly aggregate: A
  readonly ids: readonly string[]
}

export interface Aggregate<Name extends string, State, Events, Commands, Refusals> {
  readonly kind: 'aggregate'
  readonly name: Name
  readonly type: AggregateType
  /** For a use case's `loads`: this Aggregate. */
  one(id: string): LoadOne<Aggregate<Name, State, Events, Commands, Refusals>>
  /** For a use case's `loads`: all of these; an id that stands twice is loaded once. */
  many(ids: Iterable<string>): LoadMany<Aggregate<Name, State, Events, Commands, Refusals>>
  /** Types only; never there at run time. */
  readonly types?: { state: State; events: Events; commands: Commands; refusals: Refusals }
}

/**
 * Declares an Aggregate.
 *
 * @param name stable and unique in the domain; part of every Event's and Command's name
 * @example see README, "An app in three files"
 */
export function aggregate<
  const Name extends string,
  State,
  Events extends Record<string, EventInput>,
  Commands extends Record<string, CommandInput>,
  Created extends keyof Events & string,
  Refusals extends Record<string, z.ZodType> = Record<never, never>,
>(
  name: Name,
  declared: AggregateDeclaration<State, Events, Commands, Refusals, Created>,
): Aggregate<Name, State, Events, Commands, Refusals> {
  const stateVersion = declared.stateVersion ?? 1
  const type = {
    name,
    state: declared.state,
    stateVersion,
    stateFingerprint: `${stateVersion}-${schemaFingerprint(declared.state)}`,
    persistence: declared.persistence ?? 'event-sourced',
    events: mapValues(declared.events, (event, key) => messageType(name, key, event)),
    commands: mapValues(declared.commands, (command, key) => messageType(name, key, command)),
    refusals: declared.refusals ?? {},
    create: declared.create,
    evolve: declared.evolve,
    decide: declared.decide,
    invariants: declared.invariants ?? {},
    // The declaration's functions take exact types; the engine hands them what their schemas have parsed.
  } as unknown as AggregateType
  const self: Aggregate<Name, State, Events, Commands, Refusals> = {
    kind: 'aggregate',
    name,
    type,
    one: (id) => ({ load: 'one', aggregate: self, id }),
    many: (ids) => ({ load: 'many', aggregate: self, ids: [...new Set(ids)] }),
  }
  return self
}

/** A short name of a schema's shape. Parts that JSON Schema cannot say count as "anything". */
export const schemaFingerprint = (schema: z.ZodType): string =>
  fingerprint(JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any', io: 'output', cycles: 'ref' })))

export const mapValues = <A, B>(of: Readonly<Record<string, A>>, change: (value: A, key: string) => B): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, change(value, key)]))
