/** Commands as calls: `commands.stockItem.pick(id, payload)`. */
import type { Outcome } from '../domain/infer.ts'
import type { CommandMessage } from '../engine/engine.ts'
import type { CommandOptions, CommandValue, SettledOutcome } from './app.ts'
import { byName } from './by-name.ts'
import { createIdSource } from './command-id.ts'
import type { Works } from './works.ts'

export interface CommandDefaults {
  readonly actor: string | undefined
  readonly durability: 'relaxed' | 'strict' | undefined
  /** True while traces are watched: only then is time taken. */
  readonly isTracing: () => boolean
}

export function createCommands(works: Works, { actor, durability, isTracing }: CommandDefaults): object {
  const newId = createIdSource()

  const messageOf = ({ type, aggregateId, payload, options = {} }: CommandValue): CommandMessage => {
    const { commandId, signal: _, expectedVersion, expiresAt, ...rest } = options
    const id = commandId ?? newId()
    const message = {
      type,
      aggregateId,
      payload,
      id,
      fresh: commandId === undefined,
      at: Date.now(),
      actor,
      correlationId: id,
      durability,
      expectedVersion: expectedVersion === 'any' ? undefined : expectedVersion,
      expiresAt: expiresAt === undefined ? undefined : Number(expiresAt),
      requestedAt: isTracing() ? performance.timeOrigin + performance.now() : undefined,
      ...rest,
    }
    // What was not said is not there.
    return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined)) as unknown as CommandMessage
  }

  const dispatch = (value: CommandValue, batch?: object): Promise<Outcome> => works.dispatch(messageOf(value), batch, value.options?.signal)

  const batch = (make: (commands: object) => readonly CommandValue[]): Promise<SettledOutcome<Outcome>[]> => {
    const together = {}
    return Promise.all(make(values).map((value) => dispatch(value, together).catch(faultOf)))
  }
  const values = byName((owner) =>
    byName(
      (name) =>
        (...args: readonly unknown[]) =>
          valueOf(`${owner}.${name}`, args),
    ),
  )
  return byName(
    (owner) =>
      byName(
        (name) =>
          (...args: readonly unknown[]) =>
            dispatch(valueOf(`${owner}.${name}`, args)),
      ),
    { batch },
  )
}

const faultOf = (fault: unknown): { ok: false; fault: Error } => ({ ok: false, fault: fault as Error })

/** Commands of an Aggregate take its id first, use cases their payload, which is an object. */
function valueOf(type: string, args: readonly unknown[]): CommandValue {
  const [aggregateId, payload, options] = (typeof args[0] === 'string' ? args : [undefined, ...args]) as [string, unknown, CommandOptions]
  return { type, aggregateId, payload, options }
}
