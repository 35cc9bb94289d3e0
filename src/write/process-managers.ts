/**
 * Process managers on the write side. Their state is a fold of Events like an Aggregate's, so every reader of the log comes
 * to the same one; the Commands they ask for are given only where the root Command is being decided.
 */
import { derivedId, newIdsFrom } from '../domain/id.ts'
import type { CommandRequest, ProcessManager, Reaction, TimerRequest } from '../domain/process-manager.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { messageOf } from '../errors.ts'
import { defined } from '../internal/defined.ts'
import { keep } from '../internal/plain.ts'
import type { Undecided } from './decide.ts'
import type { Entry, Fold } from './fold.ts'

/** The engine's own Events in a process manager's instance; its Aggregate name is the manager's with a `$`. */
export const timerFired = (manager: string): string => `$${manager}.timerFired`
export const resumed = (manager: string): string => `$${manager}.resumed`

/** A parked instance is saved as due at this instant, before any timer, so that it is found without a list of its own. */
export const PARKED_DUE_AT = 0

export interface Timer {
  readonly dueAt: number
  /** Id of the Event that set it: part of its Command's id, so that it takes effect once wherever it fires. */
  readonly setBy: string
  readonly correlationId: string
}

/** What an instance's entry holds. */
export interface Instance {
  /** undefined once it has ended, or before it began. */
  readonly state: unknown
  readonly timers: Readonly<Record<string, Timer>>
  /** Where it threw: the Events since then wait for it to be resumed. */
  readonly parked?: {
    readonly position: number
    readonly eventType: string
    readonly error: string
    readonly waiting: readonly RecordedEvent[]
  }
}

export interface ManagerFold extends Fold {
  readonly manager: ProcessManager
  /**
   * As `apply`, telling also which Commands the Event asks for.
   *
   * @throws what the handler throws: the caller parks the instance
   */
  react(entry: Entry, event: RecordedEvent): { readonly entry: Entry; readonly commands: readonly CommandRequest[] }
  /** Resumes a parked instance over the Events that waited. @throws what the handler throws */
  resume(
    entry: Entry,
    event: RecordedEvent,
  ): { readonly entry: Entry; readonly commands: readonly (CommandRequest & { cause: RecordedEvent })[] }
  /** What the handler of this Event is given; its ids begin anew at each call. */
  toolsFor(event: RecordedEvent): unknown
  /** The entry, parked at the Event; one that is parked already stays where it is. */
  park(entry: Entry, event: RecordedEvent, error: string): Entry
}

export const instanceOf = (entry: Entry): Instance => (entry.state as Instance | undefined) ?? { state: undefined, timers: {} }

export function managerFold(manager: ProcessManager): ManagerFold {
  const fired = timerFired(manager.name)
  const from = new Set<string>(manager.from.map(({ name }) => name))
  const resuming = resumed(manager.name)
  // Handlers get functions that only make values; which names exist is the manager's own business.
  const send = Object.fromEntries(
    manager.sends.map((target) => [
      target.name,
      target.kind === 'aggregate'
        ? Object.fromEntries(
            Object.entries(target.type.commands).map(([key, command]) => [
              key,
              (aggregateId: string, payload: unknown): CommandRequest => ({ send: command.name, aggregateId, payload }),
            ]),
          )
        : Object.fromEntries(
            Object.entries(target.useCases).map(([key, { command }]) => [
              key,
              (payload: unknown): CommandRequest => ({ send: command.name, payload }),
            ]),
          ),
    ]),
  )
  const toolsFor = (event: RecordedEvent): unknown => ({ send, newId: newIdsFrom(event.id, manager.name) })

  const seal = (entry: Entry, event: RecordedEvent, instance: Instance): Entry => {
    const due = instance.parked ? [PARKED_DUE_AT] : Object.values(instance.timers).map((timer) => timer.dueAt)
    const ended = instance.state === undefined && !instance.parked
    return {
      key: entry.key,
      version: event.type === fired || event.type === resuming ? event.version : entry.version,
      position: event.position,
      state: ended ? undefined : instance,
      ...(due.length > 0 && !ended ? { dueAt: Math.min(...due) } : {}),
    }
  }

  function after(instance: Instance, event: RecordedEvent, reaction: Reaction<unknown> | undefined): Instance {
    if (!reaction) return instance
    if (reaction instanceof Promise) throw new TypeError('its handler returned a promise: make it synchronous')
    if (reaction.state === undefined) return { state: undefined, timers: {} }
    const timers: Record<string, Timer> = { ...instance.timers }
    for (const request of (reaction.timers ?? []) as readonly TimerRequest[]) {
      if ('cancel' in request) delete timers[request.timer]
      else if (!Number.isFinite(request.afterMs))
        throw new TypeError(`Timer "${request.timer}" was set after ${request.afterMs} ms: use a number`)
      else timers[request.timer] = { dueAt: event.at + request.afterMs, setBy: event.id, correlationId: event.correlationId }
    }
    const state = manager.state.parse(reaction.state)
    keep(state)
    return { state, timers }
  }

  function handle(instance: Instance, event: RecordedEvent): { instance: Instance; commands: readonly CommandRequest[] } {
    if (event.type === fired) {
      const { name, dueAt } = event.data as { readonly name: string; readonly dueAt: number }
      const { [name]: _, ...timers } = instance.timers
      const rest = { ...instance, timers }
      const handler = manager.timers[name]
      const reaction = instance.state === undefined ? undefined : handler?.(instance.state, { name, dueAt }, toolsFor(event))
      return { instance: after(rest, event, reaction), commands: reaction?.commands ?? [] }
    }
    const on = manager.on[event.type]
    on?.key(event) // `keyOf` may not throw, so a key function that does has its error here, where it parks the instance.
    const reaction = on?.handle(instance.state, event, toolsFor(event))
    return { instance: after(instance, event, reaction), commands: reaction?.commands ?? [] }
  }

  function park(entry: Entry, event: RecordedEvent, error: string): Entry {
    // Resumed by another build, yet not foldable by this one: what waited goes on waiting, or it would be lost here.
    const { parked = { position: event.position, eventType: event.type, waiting: [event] }, ...instance } = instanceOf(entry)
    return seal(entry, event, { ...instance, parked: { ...parked, error } })
  }

  function react(entry: Entry, event: RecordedEvent): { entry: Entry; commands: readonly CommandRequest[] } {
    const before = instanceOf(entry)
    if (before.parked) {
      const parked = { ...before.parked, waiting: [...before.parked.waiting, event] }
      return { entry: seal(entry, event, { ...before, parked }), commands: [] }
    }
    const { instance, commands } = handle(before, event)
    return { entry: seal(entry, event, instance), commands }
  }

  function resume(entry: Entry, event: RecordedEvent): { entry: Entry; commands: readonly (CommandRequest & { cause: RecordedEvent })[] } {
    const { parked, ...rest } = instanceOf(entry)
    let instance: Instance = rest
    const commands: (CommandRequest & { cause: RecordedEvent })[] = []
    for (const waiting of parked?.waiting ?? []) {
      const step = handle(instance, waiting)
      instance = step.instance
      commands.push(...step.commands.map((command) => ({ ...command, cause: waiting })))
    }
    return { entry: seal(entry, event, instance), commands }
  }

  return {
    name: `$${manager.name}@${manager.stateFingerprint}`,
    manager,
    takes: (type) => type === fired || type === resuming || Object.hasOwn(manager.on, type),
    concerns: (type) => from.has(type.slice(0, type.indexOf('.'))),
    keepsStreams: false,
    keyOf(event) {
      if (event.type === fired || event.type === resuming) return event.aggregateId
      try {
        return manager.on[event.type]?.key(event)
      } catch {
        return event.aggregateId // `handle` calls it again and parks this instance with the error
      }
    },
    apply(entry, event) {
      try {
        return event.type === resuming ? resume(entry, event).entry : react(entry, event).entry
      } catch (error) {
        // The log says where an instance parked; a handler that throws only here (another build) parks here as well.
        return park(entry, event, messageOf(error))
      }
    },
    react,
    resume,
    toolsFor,
    park,
  }
}

/** What a reaction asked for, as a Command whose id follows from its cause. It acts as the domain, not as an actor. */
export const consequence = (request: CommandRequest, cause: RecordedEvent, manager: string, n: number): Undecided => ({
  id: derivedId('command', cause.id, manager, n),
  type: request.send,
  ...defined({ aggregateId: request.aggregateId }),
  payload: request.payload,
  at: cause.at,
  correlationId: cause.correlationId,
  causationId: cause.id,
})
