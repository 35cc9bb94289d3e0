/** Whether a Command may be given at all: what comes from a page may be anything. Its payload is for its schema to check. */
import { isDerivedId } from '../domain/id.ts'
import type { AnyDomain } from '../domain/infer.ts'
import { OutpostError } from '../errors.ts'
import type { CommandMessage } from './engine.ts'

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

/** @throws `invalid-command`, `unknown-command` */
export function checkCommand(message: CommandMessage, domain: AnyDomain): void {
  const { type, id, at, actor, correlationId, causationId, durability, expectedVersion, expiresAt } = message
  if (!isText(type)) throw new OutpostError('invalid-command', 'This is no Command. Give what `commands` makes.')
  if (type.startsWith('$')) throw new OutpostError('unknown-command', `There is no Command "${type}": names with "$" are the engine's own.`)
  const check = (holds: boolean, option: string, value: unknown, wanted = 'a string that is not empty'): void => {
    if (!holds)
      throw new OutpostError(
        'invalid-command',
        `Command "${type}" (${String(id)}) was given ${option} ${typeof value === 'string' ? `"${value}"` : String(value)}: it is ${wanted}. Nothing was stored.`,
        { type, commandId: id, option },
      )
  }
  const checkGiven: typeof check = (holds, option, value, wanted) => check(value === undefined || holds, option, value, wanted)
  check(isText(id) && !isDerivedId(id), 'commandId', id, 'a string that is not empty, no UUID of version 8')
  check(Number.isFinite(at), 'at', at, 'ms since 1970')
  checkGiven(isText(actor), 'actor', actor)
  check(isText(correlationId), 'correlationId', correlationId)
  checkGiven(isText(causationId), 'causationId', causationId)
  checkGiven(durability === 'relaxed' || durability === 'strict', 'durability', durability, '`relaxed` or `strict`')
  checkGiven(Number.isFinite(expiresAt), 'expiresAt', expiresAt, 'a valid Date or ms since 1970')
  checkGiven(
    expectedVersion === 'new' || (Number.isInteger(expectedVersion) && (expectedVersion as number) >= 0),
    'expectedVersion',
    expectedVersion,
    'a whole number from 0, `new` or `any`',
  )
  checkGiven(!domain.commands.get(type)?.useCase, 'expectedVersion', expectedVersion, 'for Commands of one Aggregate')
}
