/** What a device sends, as a server parses it: the other half of `protocol.ts`. A device needs no more than the types. */
import { z } from 'zod'
import { count, id, name, WireValue } from './protocol.ts'

/** In every body that a client sends. */
const Sender = z.object({
  protocol: count,
  /** Of one log on one device. Belongs to the principal that first pushed with it. */
  clientId: name,
  /** Whose log it is; must be the token's. */
  principal: name,
})

export const ConnectRequest = Sender
export type ConnectRequest = z.output<typeof ConnectRequest>

/** A root Command as it was given; what follows from it is decided again. */
export const WireCommand = z.object({
  id,
  /** `aggregate.command`, `service.useCase`, or `$…` of the engine. */
  type: name,
  /** Version of the Command's schema that the payload was given under. */
  schema: count.min(1),
  /** At most 1024 bytes; one that is no id makes the Command invalid, not the push. */
  aggregateId: z.string().optional(),
  payload: WireValue,
  /** When it was given, by the device's clock: ms since 1970. A claim. */
  at: z.number(),
  actor: z.string().optional(),
  correlationId: id,
  causationId: id.optional(),
})
export type WireCommand = z.output<typeof WireCommand>

export const PushedCommand = z.object({
  sequence: count.min(1),
  /** null: it was withdrawn before it was ever sent; its place stays. */
  command: WireCommand.nullable(),
})
export type PushedCommand = z.output<typeof PushedCommand>

export const PushRequest = Sender.extend({
  epoch: id,
  /** Consecutive sequences, ascending. */
  commands: z.array(PushedCommand).min(1),
  /** How many Commands the client still has after these: the server's timers wait for them. */
  waiting: count,
})
export type PushRequest = z.output<typeof PushRequest>

export const PullRequest = Sender.extend({
  epoch: id,
  /** Number of the last record of the server's log that the client has. */
  after: count,
  limit: count.min(1).optional(),
})
export type PullRequest = z.output<typeof PullRequest>
