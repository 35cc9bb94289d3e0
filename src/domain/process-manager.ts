/**
 * Process managers: stateful, pure reactions to Events that issue Commands. A Command, the reactions to its Events and
 * the Commands that follow are one commit. Their state is a fold of Events, like an Aggregate's, with timers in it.
 */
import type { z } from 'zod'
import { schemaFingerprint } from './aggregate.ts'
import type { Aggregate } from './aggregate.ts'
import type { ApplicationService } from './application-service.ts'
import type { AnyAggregate, AnyApplicationService, EventName, EventOf, InputOf, Made } from './infer.ts'
import type { UseCase } from './application-service.ts'
import type { RecordedEvent } from './recorded-event.ts'

/** A Command that a process manager wants given; its id follows from the Event that caused it. */
export interface CommandRequest {
  readonly send: string
  readonly aggregateId?: string
  readonly payload: unknown
}

/** A timer to set (one a name and instance: setting again replaces) or to cancel. */
export type TimerRequest<Name extends string = string> =
  | { readonly timer: Name; readonly afterMs: number }
  | { readonly timer: Name; readonly cancel: true }

/** What a handler makes of an Event. A `state` of undefined ends the instance and its timers. */
export interface Reaction<State, Timer extends string = string> {
  readonly state: State | undefined
  readonly commands?: readonly CommandRequest[]
  readonly timers?: readonly TimerRequest<Timer>[]
}

/** `Send<typeof purchaseOrder>` → `{ purchaseOrder: { open(id, payload): CommandRequest } }` */
export type Send<Targets> = {
  readonly [T in Targets as T extends { readonly name: infer N extends string } ? N : never]: T extends Aggregate<
    string,
    infer _S,
    infer _E,
    infer C,
    infer _R
  >
    ? { readonly [K in keyof C & string]: (aggregateId: string, payload: InputOf<C[K]>) => CommandRequest }
    : T extends ApplicationService<string, infer U>
      ? { readonly [K in keyof U & string]: U[K] extends UseCase<infer P, infer _> ? (payload: InputOf<P>) => CommandRequest : never }
      : never
}

export interface ReactionTools<Targets> {
  /** Makes Commands for `commands`; giving them is the engine's. */
  readonly send: Send<Targets>
  /** A fresh id at each call, following from the Event: the same ones when reacted to again. */
  readonly newId: () => string
}

/** What a timer's handler is told. */
export interface FiredTimer {
  readonly name: string
  /** When it was due: ms since 1970. */
  readonly dueAt: number
}

export interface ProcessManagerDeclaration<
  State,
  From extends readonly AnyAggregate[],
  Targets extends readonly Target[],
  Ignored extends EventName<From[number]>,
  Timer extends string,
> {
  /** Raise it when handlers change what the state means: it is then folded anew from the log. Counts from 1. */
  readonly version: number
  readonly state: z.ZodType<State>
  /** The Aggregates whose Events it takes. */
  readonly from: From
  /** The Aggregates and Application Services whose Commands it may issue. */
  readonly sends?: Targets
  readonly ignores?: readonly Ignored[]
  /** One entry for each Event of `from` that is not ignored; a missing one does not compile. */
  readonly on: {
    readonly [E in EventName<From[number]> as E extends NoInfer<Ignored> ? never : E]: {
      /** Which instance the Event belongs to; undefined for none. */
      readonly key: (event: EventOf<From[number], E>) => string | undefined
      /** Pure. Undefined changes nothing; a `state` where there was none begins an instance. */
      readonly handle: (
        state: State | undefined,
        event: EventOf<From[number], E>,
        tools: ReactionTools<Targets[number]>,
      ) => Reaction<Made<State>, Timer> | undefined
    }
  }
  /** What happens when a timer of that name is due. */
  readonly timers?: {
    readonly [T in Timer]: (
      state: State,
      timer: FiredTimer,
      tools: ReactionTools<Targets[number]>,
    ) => Reaction<Made<State>, NoInfer<Timer>> | undefined
  }
}

type Target = AnyAggregate | AnyApplicationService

export interface ProcessManager<Name extends string = string, Targets extends readonly Target[] = readonly Target[]> {
  readonly kind: 'processManager'
  readonly name: Name
  readonly state: z.ZodType
  /** Changes with version and state schema. */
  readonly stateFingerprint: string
  readonly from: readonly AnyAggregate[]
  readonly sends: Targets
  readonly ignores: ReadonlySet<string>
  readonly on: Readonly<
    Record<
      string,
      {
        readonly key: (event: RecordedEvent) => string | undefined
        readonly handle: (state: unknown, event: RecordedEvent, tools: unknown) => Reaction<unknown> | undefined
      }
    >
  >
  readonly timers: Readonly<Record<string, (state: unknown, timer: FiredTimer, tools: unknown) => Reaction<unknown> | undefined>>
}

/**
 * Declares a process manager.
 *
 * @param name stable and unique in the domain
 */
export function processManager<
  const Name extends string,
  State,
  const From extends readonly AnyAggregate[],
  const Targets extends readonly Target[] = readonly [],
  const Ignored extends EventName<From[number]> = never,
  Timer extends string = never,
>(name: Name, declared: ProcessManagerDeclaration<State, From, Targets, Ignored, Timer>): ProcessManager<Name, Targets> {
  return {
    kind: 'processManager',
    name,
    state: declared.state,
    stateFingerprint: `${declared.version}-${schemaFingerprint(declared.state)}`,
    from: declared.from,
    sends: declared.sends ?? ([] as unknown as Targets),
    ignores: new Set(declared.ignores ?? []),
    on: declared.on as unknown as ProcessManager['on'],
    timers: (declared.timers ?? {}) as unknown as ProcessManager['timers'],
  }
}
