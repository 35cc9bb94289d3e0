/** Commands as calls: `commands.stockItem.pick(id, payload)`. */
import type { CommandOnWire } from '../channel/command-codec.ts'
import type { Outcome } from '../domain/infer.ts'
import type { CommandOptions, CommandValue, SettledOutcome } from './app.ts'
import { byName } from './by-name.ts'
import { createIdSource } from './command-id.ts'
import type { ConnectOptions } from './connect-options.ts'
import type { Works } from './works.ts'

/** @param tracing how many watch traces: only then is time taken */
export function createCommands(works: Works, { actor, durability }: ConnectOptions, tracing: () => number): object {
  const newId = createIdSource()
  let calls = 0

  const onWire = ({ type, aggregateId, payload, options = {} }: CommandValue): CommandOnWire => {
    const { commandId, signal: _, durability: own = durability, ...rest } = options
    return {
      type,
      aggregateId,
      payload,
      id: commandId ?? newId(),
      fresh: commandId === undefined,
      call: ++calls,
      at: Date.now(),
      actor,
      durability: own,
      requestedAt: tracing() ? performance.timeOrigin + performance.now() : undefined,
      ...rest,
    }
  }
  const dispatch = (value: CommandValue, batch?: object): Promise<Outcome> => works.dispatch(onWire(value), batch, value.options?.signal)

  const batch = (make: (commands: object) => readonly CommandValue[]): Promise<SettledOutcome<Outcome>[]> => {
    const together = {}
    // What is no Command is told so by the worker, in its place among the others.
    return Promise.all(
      make(values).map((value) =>
        dispatch(value ?? {}, together).catch((fault: unknown) => ({ ok: false as const, fault: fault as Error })),
      ),
    )
  }
  const values = byPath((value) => value)
  return Object.assign(byPath(dispatch), { batch })
}

/** `make` of each call: `commands.stockItem.pick(id, payload, options)`. */
const byPath = (make: (value: CommandValue) => unknown): object =>
  byName((owner) =>
    byName((name) => (...args: readonly unknown[]) => {
      // Commands of an Aggregate take its id first, use cases their payload, which is an object.
      const [aggregateId, payload, options] = (typeof args[0] === 'string' ? args : [undefined, ...args]) as [
        string,
        unknown,
        CommandOptions,
      ]
      return make({ type: `${owner}.${name}`, aggregateId, payload, options })
    }),
  )
