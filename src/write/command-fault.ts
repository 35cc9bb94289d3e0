import { type ErrorCode, OutpostError } from '../errors.ts'
import type { Undecided } from './decide.ts'

/** A fault over one Command, which its message and its details name. @param what says what became of the Command, and what to do */
export const commandFault = (
  code: ErrorCode,
  { type, id, aggregateId }: Pick<Undecided, 'type' | 'id' | 'aggregateId'>,
  what: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): OutpostError => {
  const target = aggregateId === undefined ? '' : `, on "${aggregateId}"`
  return new OutpostError(code, `Command "${type}" (${id}${target}) ${what}`, { type, commandId: id, aggregateId, ...details }, cause)
}
