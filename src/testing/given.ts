/**
 * Tests of a domain without storage, thread or clock: `given(aggregate, ...events).when(command).then(events | refusal)`,
 * and the same for Read Models and process managers. They run the very functions that the engine runs.
 */
import type { Aggregate } from '../domain/aggregate.ts'
import type { EventType } from '../domain/domain.ts'
import type { AnyAggregate, AnyReadModel, InputOf, OutputOf, RowOf } from '../domain/infer.ts'
import { newIdsFrom } from '../domain/id.ts'
import { messageType } from '../domain/message.ts'
import type { CommandRequest, ProcessManager, ReactionTools } from '../domain/process-manager.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { OutpostError } from '../errors.ts'
import { deepFreeze } from '../internal/plain.ts'
import { fold } from '../read/folding.ts'
import { createRowCheck } from '../read/row-check.ts'
import { RowOperations } from '../read/row-operations.ts'
import { compareKeys } from '../storage/key.ts'
import { decide, keepPayload, needsOf, parsePayload, type Decided } from '../write/decide.ts'
import { emptyEntry, evolve } from '../write/fold.ts'
import { instanceOf, managerFold } from '../write/process-managers.ts'

/** One Event or Command by its name: `{ picked: { quantity: 3 } }`. */
export type OneOf<Messages, D extends 'in' | 'out' = 'in'> = {
  readonly [K in keyof Messages & string]: { readonly [P in K]: D extends 'in' ? InputOf<Messages[K]> : OutputOf<Messages[K]> }
}[keyof Messages & string]

/** A refusal as expected in `then`. */
export interface ExpectedRefusal<Name extends string = string> {
  readonly refused: Name
  readonly details?: unknown
}

/** The expected refusal; without details any will do. */
export const refused = <const Name extends string>(name: Name, details?: unknown): ExpectedRefusal<Name> =>
  details === undefined ? { refused: name } : { refused: name, details }

/** Frozen context of the Command under test; all of it has defaults. */
export interface WhenOptions {
  readonly aggregateId?: string
  readonly commandId?: string
  /** ms since 1970; default 0 */
  readonly now?: number
  readonly actor?: string
  readonly expectedVersion?: number | 'new'
}

export interface AggregateTest<Events, Commands, Refusals> {
  /** Decides the Command on the state that the Events made. */
  when(
    command: OneOf<Commands>,
    options?: WhenOptions,
  ): {
    /**
     * @param expected the Events in order, none for "nothing happens", or one {@link refused}; a function that makes the
     *   Events gets the `newId` of the Command Handler, which gives it the same ids in the same order
     * @throws an Error that shows both, where it came otherwise
     */
    then(
      ...expected:
        | readonly OneOf<Events>[]
        | readonly [ExpectedRefusal<keyof Refusals & string> | ExpectedRefusal]
        | readonly [(tools: { readonly newId: () => string }) => readonly OneOf<Events>[]]
    ): void
    /** The fault that the Command must throw. */
    thenFails(code: OutpostError['code']): void
  }
}

/** An Event of one Aggregate, for tests of Read Models and process managers. */
export interface PastEvent {
  readonly aggregate: AnyAggregate
  readonly aggregateId: string
  readonly event: Readonly<Record<string, unknown>>
  readonly at?: number
  readonly actor?: string
}

/**
 * An Event that happened.
 *
 * @example past(stockItem, 'sku-1', { registered: { name: 'Bolt' } })
 */
export const past = <Name extends string, State, Events, Commands, Refusals>(
  aggregate: Aggregate<Name, State, Events, Commands, Refusals>,
  aggregateId: string,
  event: OneOf<Events>,
  options: { readonly at?: number; readonly actor?: string } = {},
): PastEvent => ({ aggregate, aggregateId, event, ...options })

export interface ReadModelTest<Row> {
  /**
   * @param rows those that the Events make, in order of their key
   * @throws what would park the Read Model at one of them; an Error that shows both, where other rows came
   */
  then(rows: readonly Row[]): void
}

export interface ProcessManagerTest<Targets> {
  when(event: PastEvent): {
    /**
     * The Commands that the reaction asks for, in order: compared by name, target and payload.
     *
     * @param expected the Commands, or a function that makes them with what the handler is given: its `newId` gives the same
     *   ids in the same order
     * @example
     * given(reorder, registered).when(picked).then(({ send, newId }) => [send.purchaseOrder.open(newId(), { quantity: 5 })])
     */
    then(...expected: readonly CommandRequest[] | readonly [(tools: ReactionTools<Targets>) => readonly CommandRequest[]]): void
  }
}

export function given<Name extends string, State, Events, Commands, Refusals>(
  aggregate: Aggregate<Name, State, Events, Commands, Refusals>,
  ...events: readonly OneOf<Events>[]
): AggregateTest<Events, Commands, Refusals>
export function given<M extends AnyReadModel>(model: M, ...events: readonly PastEvent[]): ReadModelTest<RowOf<M>>
export function given<const Targets extends ProcessManager['sends']>(
  manager: ProcessManager<string, Targets>,
  ...events: readonly PastEvent[]
): ProcessManagerTest<Targets[number]>
// The overloads above are what callers see; here the subject's kind tells what its Events are.
export function given(subject: AnyAggregate | AnyReadModel | ProcessManager, ...events: readonly object[]): unknown {
  if (subject.kind === 'aggregate') return givenAggregate(subject, events as readonly Readonly<Record<string, unknown>>[])
  if (subject.kind === 'readModel') return givenReadModel(subject, events as readonly PastEvent[])
  return givenManager(subject, events as readonly PastEvent[])
}

const one = (message: Readonly<Record<string, unknown>>): readonly [string, unknown] => {
  const entries = Object.entries(message)
  if (entries.length !== 1) throw new Error(`Write one message a value, as { name: data }; got { ${Object.keys(message).join(', ')} }`)
  return entries[0] as [string, unknown]
}

function givenAggregate(aggregate: AnyAggregate, events: readonly Readonly<Record<string, unknown>>[]): unknown {
  const { type } = aggregate
  const types = new Map<string, EventType>()
  for (const name of Object.keys(type.events))
    types.set(`${type.name}.${name}`, { message: type.events[name] as EventType['message'], aggregate: type, name })
  let version = 0
  const stateFor = (aggregateId: string): unknown => {
    let state: unknown
    version = 0
    for (const event of events) {
      const [name, data] = one(event)
      const message = type.events[name]
      if (!message) throw new Error(`"${type.name}" has no Event "${name}". It has: ${Object.keys(type.events).join(', ')}`)
      const recorded = { aggregateId, version: ++version, at: 0, actor: undefined, data: deepFreeze(message.schema.parse(data)) }
      state = deepFreeze(evolve(type, name, state, recorded))
    }
    return state
  }
  return {
    when(command: Readonly<Record<string, unknown>>, options: WhenOptions = {}) {
      const [name, payload] = one(command)
      const message = type.commands[name]
      if (!message) throw new Error(`"${type.name}" has no Command "${name}". It has: ${Object.keys(type.commands).join(', ')}`)
      const id = options.commandId ?? 'command-1'
      const undecided = {
        id,
        type: message.name,
        aggregateId: options.aggregateId ?? 'test-1',
        payload,
        at: options.now ?? 0,
        correlationId: id,
        ...(options.actor === undefined ? {} : { actor: options.actor }),
        ...(options.expectedVersion === undefined ? {} : { expectedVersion: options.expectedVersion }),
      }
      const run = (): Decided => {
        const commandType = { message, aggregate: type, name }
        keepPayload(undecided)
        const parsed = deepFreeze(parsePayload(message, undecided))
        const state = stateFor(undecided.aggregateId)
        return decide(commandType, undecided, parsed, needsOf(commandType, undecided, parsed), types, () => ({ state, version }))
      }
      return {
        then(
          ...stated:
            | readonly Readonly<Record<string, unknown>>[]
            | readonly [(tools: object) => readonly Readonly<Record<string, unknown>>[]]
        ): void {
          const decided = run()
          const expected = expectedOf(stated, () => ({ newId: newIdsFrom(id) }))
          const actual =
            'refusal' in decided
              ? [{ refused: decided.refusal, details: decided.details }]
              : decided.drafts.map((draft) => ({ [draft.type.name]: draft.data }))
          const [first] = expected
          if (first && 'refused' in first && !('details' in first)) {
            if ('refusal' in decided && decided.refusal === first['refused']) return
            mismatch(`Command "${message.name}"`, expected, actual)
          }
          const wanted = expected.map((event) => ('refused' in event ? event : parsedEvent(type, event)))
          if (!same(wanted, actual)) mismatch(`Command "${message.name}"`, wanted, actual)
        },
        thenFails(code: OutpostError['code']): void {
          let decided: Decided
          try {
            decided = run()
          } catch (error) {
            if (error instanceof OutpostError && error.code === code) return
            throw error
          }
          mismatch(`Command "${message.name}"`, `a fault ${code}`, decided)
        },
      }
    },
  }
}

const parsedEvent = (type: AnyAggregate['type'], event: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const [name, data] = one(event)
  return { [name]: type.events[name] ? type.events[name].schema.parse(data) : data }
}

/** Past Events as recorded ones: positions count through, versions within each stream. */
function recordedOf(events: readonly PastEvent[]): readonly RecordedEvent[] {
  const versions = new Map<string, number>()
  return events.map(({ aggregate, aggregateId, event, at = 0, actor }, index) => {
    const [name, data] = one(event)
    const message = messageType(aggregate.name, name, aggregate.type.events[name]?.schema ?? unknownEvent(aggregate, name))
    const stream = `${aggregate.name}/${aggregateId}`
    const version = (versions.get(stream) ?? 0) + 1
    versions.set(stream, version)
    const commandId = `command-${index + 1}`
    return {
      id: `${commandId}.0`,
      type: message.name,
      aggregateId,
      version,
      position: index + 1,
      data: deepFreeze(message.schema.parse(data)),
      at,
      actor,
      commandId,
      correlationId: commandId,
      causationId: undefined,
    }
  })
}

const unknownEvent = (aggregate: AnyAggregate, name: string): never => {
  throw new Error(`"${aggregate.name}" has no Event "${name}". It has: ${Object.keys(aggregate.type.events).join(', ')}`)
}

function givenReadModel(model: AnyReadModel, events: readonly PastEvent[]): ReadModelTest<unknown> {
  return {
    then(expected) {
      const check = createRowCheck(model)
      check.checkStorable = true
      const operations = new RowOperations(check)
      for (const event of recordedOf(events)) {
        const handler = model.on[event.type]
        if (handler) operations.collect(event, event.position, handler)
      }
      const { rows, stop } = fold({ operations: operations.take(), events: events.length, stop: undefined }, new Map(), check, model.name)
      if (stop) throw stop.error
      const actual = [...rows.values()].sort((a, b) => compareKeys(a.key, b.key)).flatMap(({ row }) => (row ? [row] : []))
      if (!same(expected, actual)) mismatch(`Read Model "${model.name}"`, expected, actual)
    },
  }
}

function givenManager(manager: ProcessManager, events: readonly PastEvent[]): ProcessManagerTest<never> {
  return {
    when: (event) => ({
      then(...stated) {
        const fold = managerFold(manager)
        const all = recordedOf([...events, event])
        const last = all[all.length - 1] as RecordedEvent
        const expected = expectedOf(stated, () => fold.toolsFor(last) as ReactionTools<never>)
        const entries = new Map<string, ReturnType<typeof emptyEntry>>()
        for (const each of all.slice(0, -1)) {
          const key = fold.takes(each.type) ? fold.keyOf(each) : undefined
          if (key !== undefined) entries.set(key, fold.react(entries.get(key) ?? emptyEntry(key), each).entry)
        }
        const key = fold.takes(last.type) ? fold.keyOf(last) : undefined
        const entry = key === undefined ? undefined : (entries.get(key) ?? emptyEntry(key))
        const actual = entry && !instanceOf(entry).parked ? fold.react(entry, last).commands : []
        if (!same(expected, actual)) mismatch(`Process manager "${manager.name}"`, expected, actual)
      },
    }),
  }
}

/** As given, or made by the function that was given instead. */
function expectedOf<T extends object, Tools>(
  stated: readonly T[] | readonly [(tools: Tools) => readonly T[]],
  tools: () => Tools,
): readonly T[] {
  const [first] = stated
  return typeof first === 'function' ? first(tools()) : (stated as readonly T[])
}

const mismatch = (what: string, expected: unknown, actual: unknown): never => {
  throw new Error(`${what}\nexpected ${show(expected)}\nbut got  ${show(actual)}`)
}
const show = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `${part}n` : part instanceof Map || part instanceof Set ? [...part] : part,
  )

/** Equal by structure: plain objects, arrays, Dates, Maps, Sets and primitives. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  if (a instanceof Map || a instanceof Set)
    return Object.getPrototypeOf(a) === Object.getPrototypeOf(b) && same([...a], [...(b as Set<unknown>)])
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  )
}
