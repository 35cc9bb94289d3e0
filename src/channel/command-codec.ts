/** A Command as the page gives it → as the engine takes it. The page says only what it was told. */
import type { CommandMessage } from '../engine/engine.ts'
import { defined } from '../internal/defined.ts'

export interface CommandOnWire extends Pick<CommandMessage, 'type' | 'payload' | 'id' | 'fresh' | 'at'> {
  /** What tells this call from all others of its client: several may have the same id. */
  readonly call: number
  readonly aggregateId: string | undefined
  readonly actor: string | undefined
  readonly requestedAt: number | undefined
  readonly expectedVersion?: number | 'new' | 'any' | undefined
  readonly expiresAt?: number | Date | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  readonly durability?: 'relaxed' | 'strict' | undefined
}

/** @param now when it was received: ms since 1970, with fractions */
export function decodeCommand(command: CommandOnWire, now: number): CommandMessage {
  const { id, correlationId = id, expectedVersion, expiresAt, requestedAt } = command
  return defined({
    ...command,
    correlationId,
    expectedVersion: expectedVersion === 'any' ? undefined : expectedVersion,
    expiresAt: expiresAt instanceof Date ? expiresAt.getTime() : expiresAt,
    receivedAt: requestedAt === undefined ? undefined : now,
  }) as CommandMessage
}
