/** Commands as calls: `commands.stockItem.pick(id, payload)`. */
import type { Outcome } from '../domain/infer.ts'
import type { CommandMessage } from '../engine/engine.ts'
import { OutpostError } from '../errors.ts'
import type { CommandOptions, CommandValue, SettledOutcome } from './app.ts'
import { byName } from './by-name.ts'
import { createIdSource } from './command-id.ts'
import type { Connection } from './connection.ts'
import type { CommandWork } from './work.ts'

export interface CommandDefaults {
  readonly actor: string | undefined
  readonly durability: 'relaxed' | 'strict' | undefined
  /** True while traces are watched: only then is time taken. */
  readonly isTracing: () => boolean
}

export function createCommands(connection: Connection, defaults: CommandDefaults): object {
  const newId = createIdSource()

  const messageOf = ({ type, aggregateId, payload, options = {} }: CommandValue): CommandMessage => {
    const { commandId, expectedVersion, expiresAt, correlationId, causationId, durability = defaults.durability } = options
    const id = commandId ?? newId()
    return {
      type,
      payload,
      id,
      fresh: commandId === undefined,
      at: Date.now(),
      correlationId: correlationId ?? id,
      ...(aggregateId !== undefined && { aggregateId }),
      ...(defaults.actor !== undefined && { actor: defaults.actor }),
      ...(causationId !== undefined && { causationId }),
      ...(expectedVersion !== undefined && expectedVersion !== 'any' && { expectedVersion }),
      ...(expiresAt !== undefined && { expiresAt: Number(expiresAt) }),
      ...(durability !== undefined && { durability }),
      ...(defaults.isTracing() && { requestedAt: performance.timeOrigin + performance.now() }),
    }
  }

  const dispatch = (value: CommandValue, batch?: object): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const message = messageOf(value)
      const { signal } = value.options ?? {}
      const abort = (): void => connection.abort(work)
      const work: CommandWork = {
        kind: 'command',
        message,
        batch,
        aborted: false,
        sent: 0,
        waitedMs: 0,
        succeed(outcome) {
          signal?.removeEventListener('abort', abort)
          resolve(outcome)
        },
        fail(error) {
          signal?.removeEventListener('abort', abort)
          reject(error)
        },
      }
      if (signal?.aborted) return reject(new OutpostError('aborted', `Command "${message.type}" was taken back before it was given.`, { commandId: message.id }))
      signal?.addEventListener('abort', abort)
      connection.give(work)
    })

  const batch = (make: (commands: object) => readonly CommandValue[]): Promise<SettledOutcome<Outcome>[]> => {
    const together = {}
    return Promise.all(make(values).map((value) => dispatch(value, together).catch((fault: Error) => ({ ok: false as const, fault }))))
  }
  const values = byName((owner) => byName((name) => (...args: readonly unknown[]) => valueOf(`${owner}.${name}`, args)))
  return byName((owner) => byName((name) => (...args: readonly unknown[]) => dispatch(valueOf(`${owner}.${name}`, args))), { batch })
}

/** Commands of an Aggregate take its id first, use cases their payload, which is an object. */
function valueOf(type: string, args: readonly unknown[]): CommandValue {
  const [aggregateId, payload, options] = typeof args[0] === 'string' ? args : [undefined, ...args]
  return {
    type,
    payload,
    ...(aggregateId !== undefined && { aggregateId: aggregateId as string }),
    ...(options !== undefined && { options: options as CommandOptions }),
  }
}
