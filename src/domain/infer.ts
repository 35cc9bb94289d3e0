/**
 * The type-level half of the domain: what a declaration tells about its Commands, Events, states and rows.
 * Every helper has a test in test/types. `any` stands in this file only, as "some declaration, whichever".
 */
import type { z } from 'zod'
import type { Aggregate } from './aggregate.ts'
import type { ApplicationService } from './application-service.ts'
import type { Domain } from './domain.ts'
import type { CommandDeclaration, EventDeclaration } from './message.ts'
import type { NamedQuery, ReadModel } from './read-model.ts'
import type { RecordedEvent } from './recorded-event.ts'

/** A schema, or a schema with versions. */
export type EventInput = z.ZodType | EventDeclaration
export type CommandInput = z.ZodType | CommandDeclaration
/** `event(z.object(…))` or `z.object(…)` → the schema */
export type SchemaOf<M> = M extends { readonly schema: infer S extends z.ZodType } ? S : M extends z.ZodType ? M : never
export type InputOf<M> = z.input<SchemaOf<M>>
export type OutputOf<M> = z.output<SchemaOf<M>>

declare const never: unique symbol
/** No value is one: it is only there to be looked at, see {@link Made}. */
interface LiteralsStay {
  readonly [key: string]: '' | 0 | false | LiteralsStay
  readonly [never]: never
}
/**
 * What a function returns that makes a `T`, where `T` is still being inferred from a schema. While TypeScript infers, it
 * widens the literals of a returned object (`status: 'open'` becomes `string`) unless the expected type speaks of
 * literals at that place; `NoInfer` alone does not, the second half does.
 */
export type Made<T> = NoInfer<T> | LiteralsStay

/** One level of an intersection or mapped type written out, so that hovers read like plain objects. */
export type Flat<T> = { [K in keyof T]: T[K] } & {}

// A wildcard cannot be `unknown` here: type parameters of functions are contravariant.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyAggregate = Aggregate<string, any, any, any, any>
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyApplicationService = ApplicationService<string, any>
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyReadModel = ReadModel<string, any, any, any>
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyNamedQuery = NamedQuery<string, any, any>
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyDomain = Domain<any>

/** `StateOf<typeof stockItem>` → `{ name: string; onHand: number }` */
export type StateOf<A> = A extends Aggregate<string, infer S, infer _E, infer _C, infer _R> ? S : never
/** `RowOf<typeof stockList>` → `{ sku: string; … }` */
export type RowOf<M> = M extends ReadModel<string, infer Row, infer _K, infer _I> ? Row : never

/** `NamedQueryInput<typeof lowStock>` → `{ below: number }` */
export type NamedQueryInput<Q> = Q extends NamedQuery<string, infer Input, infer _R> ? Input : never
/** `NamedQueryResult<typeof lowStock>` → what its `run` resolves to */
export type NamedQueryResult<Q> = Q extends NamedQuery<string, infer _I, infer Result> ? Result : never

/** `EventName<typeof stockItem | typeof order>` → `'stockItem.registered' | … | 'order.placed'` */
export type EventName<A> = A extends Aggregate<infer N, infer _S, infer E, infer _C, infer _R> ? `${N}.${keyof E & string}` : never
/** `EventOf<typeof stockItem, 'stockItem.picked'>` → the recorded Event with its data */
export type EventOf<A, Name extends string = EventName<A>> =
  A extends Aggregate<infer N, infer _S, infer E, infer _C, infer _R>
    ? { [K in keyof E & string]: `${N}.${K}` extends Name ? RecordedEvent<`${N}.${K}`, OutputOf<E[K]>> : never }[keyof E & string]
    : never

/** What a Command came to. `refusal` narrows `details`. */
export type Outcome<Refusals = Record<never, never>> = Accepted | RefusalOf<Refusals> | BuiltInRefusal

export interface Accepted {
  readonly ok: true
  readonly commandId: string
  /** Position of its last Event in the local log; where it decided none, of the last Event before it. */
  readonly position: number
  /** Its own Events, in order; empty where what was wanted already held. */
  readonly events: readonly EventSummary[]
}
export interface EventSummary {
  readonly type: string
  readonly aggregateId: string
  /** Place in its Aggregate's stream. */
  readonly version: number
}
export type RefusalOf<Refusals> = {
  [K in keyof Refusals & string]: {
    readonly ok: false
    readonly commandId: string
    readonly refusal: K
    readonly details: OutputOf<Refusals[K]>
  }
}[keyof Refusals & string]

/** Refusals that every Command may meet; an app cannot declare refusals of these names. */
export type BuiltInRefusal =
  | {
      readonly ok: false
      readonly commandId: string
      readonly refusal: 'versionConflict'
      readonly details: { readonly expected: number | 'new'; readonly actual: number }
    }
  | { readonly ok: false; readonly commandId: string; readonly refusal: 'expired'; readonly details: { readonly expiresAt: number } }
  | {
      readonly ok: false
      readonly commandId: string
      readonly refusal: 'invariantViolated'
      readonly details: { readonly invariant: string; readonly aggregate: string; readonly aggregateId: string }
    }

/** Name → declaration, from a list of declarations. */
export type ByName<L extends readonly { readonly name: string }[]> = { [D in L[number] as D['name']]: D }

/** One kind of a domain's declarations by name: `Part<typeof stockroom, 'readModels'>['stockList']`. */
export type Part<D, Kind extends string> = D extends Domain<infer Parts> ? (Parts extends { readonly [K in Kind]: infer P } ? P : {}) : {}
