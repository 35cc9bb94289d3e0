/** Application Services: an app's use cases over several Aggregates, each a Command decided all or nothing in one commit. */
import type { z } from 'zod'
import type { Aggregate, CommandContext, DecidedEvent, Emit, LoadMany, LoadOne, Refusal, Refuse } from './aggregate.ts'
import { mapValues } from './aggregate.ts'
import type { AnyAggregate, CommandInput, OutputOf } from './infer.ts'
import { messageType, type MessageType } from './message.ts'

/** One loaded Aggregate: its state, and Events for its stream. */
export interface Loaded<A> {
  readonly id: string
  /** undefined where its stream is empty. */
  readonly state: A extends Aggregate<string, infer S, infer _E, infer _C, infer _R> ? S | undefined : never
  /** Place of the last Event in its stream; 0 where it is empty. */
  readonly version: number
  readonly emit: A extends Aggregate<infer N, infer _S, infer E, infer _C, infer _R> ? Emit<E, N> : never
}

/** Several loaded Aggregates of one type, in the order asked. */
export interface LoadedMany<A> extends Iterable<Loaded<A>> {
  readonly size: number
  /** @throws where `loads` did not ask for this id */
  get(id: string): Loaded<A>
}

export type Loads = Readonly<Record<string, LoadOne<AnyAggregate> | LoadMany<AnyAggregate>>>

export type LoadedOf<L> = {
  readonly [K in keyof L]: L[K] extends LoadOne<infer A> ? Loaded<A> : L[K] extends LoadMany<infer A> ? LoadedMany<A> : never
}

export interface UseCase<Payload extends CommandInput, Refusals> {
  readonly kind: 'useCase'
  readonly payload: Payload
  readonly refusals: Refusals
  readonly loads: (payload: unknown) => Loads
  readonly decide: (loaded: unknown, payload: unknown, tools: unknown) => readonly DecidedEvent[] | DecidedEvent | Refusal
}

/**
 * Declares a use case: a Command that names what it loads and decides, synchronously, over all of it.
 *
 * @example
 * placeOrder: useCase({
 *   payload: z.object({ orderId: z.string(), lines: z.record(z.string(), z.number()) }),
 *   loads: ({ orderId, lines }) => ({ order: order.one(orderId), items: stockItem.many(Object.keys(lines)) }),
 *   decide: ({ order, items }, { lines }) => [order.emit.placed({ lines }), …],
 * })
 */
export function useCase<
  Payload extends CommandInput,
  const L extends Loads,
  Refusals extends Record<string, z.ZodType> = Record<never, never>,
>(declared: {
  readonly payload: Payload
  readonly refusals?: Refusals
  readonly loads: (payload: OutputOf<Payload>) => L
  readonly decide: (
    loaded: LoadedOf<L>,
    payload: OutputOf<Payload>,
    tools: { readonly refuse: Refuse<Refusals> } & CommandContext,
  ) => readonly DecidedEvent[] | DecidedEvent | Refusal<keyof Refusals & string>
}): UseCase<Payload, Refusals> {
  return { kind: 'useCase', refusals: {}, ...declared } as unknown as UseCase<Payload, Refusals>
}

/** A use case as the engine runs it. */
export interface UseCaseType {
  readonly command: MessageType
  readonly refusals: Readonly<Record<string, z.ZodType>>
  readonly loads: (payload: unknown) => Loads
  readonly decide: (loaded: unknown, payload: unknown, tools: unknown) => readonly DecidedEvent[] | DecidedEvent | Refusal
}

export interface ApplicationService<Name extends string, UseCases> {
  readonly kind: 'applicationService'
  readonly name: Name
  readonly useCases: Readonly<Record<string, UseCaseType>>
  /** Types only; never there at run time. */
  readonly types?: UseCases
}

/** Declares an Application Service: use cases under one name. */
export function applicationService<
  const Name extends string,
  UseCases extends Record<string, UseCase<CommandInput, Record<string, z.ZodType>>>,
>(name: Name, useCases: UseCases): ApplicationService<Name, UseCases> {
  return {
    kind: 'applicationService',
    name,
    useCases: mapValues(useCases, ({ payload, refusals, loads, decide }, key) => ({
      command: messageType(name, key, payload),
      refusals,
      loads,
      decide,
    })),
  }
}
