/** What a page asks for of the Commands that were returned, or that still wait. */
import type { Outcome } from '../domain/infer.ts'
import type { EngineInside } from '../engine/inside.ts'
import { defined } from '../internal/defined.ts'
import type { EngineLog } from './engine-log.ts'
import type { Receipt } from './receipt.ts'

/** Beside `pause`, `resume` and `now`. */
export interface CommandRequests {
  /** @returns undefined where the Command is not in the inbox (any more) */
  retry(commandId: string): Promise<Outcome | undefined>
  resend(commandId: string, payload: unknown): Promise<Outcome | undefined>
  discard(commandId: string): Promise<boolean>
  withdraw(commandId: string): Promise<boolean>
  receipt(commandId: string): Promise<Receipt | undefined>
}

export function commandRequests(
  log: EngineLog,
  { dispatch, now, receipts }: Pick<EngineInside, 'dispatch' | 'now' | 'receipts'>,
): CommandRequests {
  /**
   * Gives a Command in the returned one's place. Its id follows from that one's, so that it takes effect once, however often
   * it is asked for, and whatever dies in between; only after a refusal there is another try.
   */
  const again = async (
    commandId: string,
    how: 'retried' | 'resent',
    given?: { readonly payload: unknown },
  ): Promise<Outcome | undefined> => {
    const returned = await log.inInbox(commandId)
    if (!returned) return undefined
    const { type, aggregateId, actor, correlationId } = returned
    // A payload that the page gives is of this build's version.
    const { payload, schema } = given ? { ...given, schema: undefined } : returned
    for (let attempt = 1; ; attempt++) {
      // In words: ids that look derived are a consequence's, and no root may have one.
      const id = `${how}.${attempt}.${commandId}`
      const before = (await receipts.find([id])).get(id)
      // One that is refused while it still waits may yet be accepted: only the server ends it.
      const waits = before?.ok === false && isWaiting(await log.receipt(id))
      if (before?.ok === false && !waits) continue
      const outcome =
        before ??
        (await dispatch({
          id,
          type,
          payload,
          at: now(),
          correlationId,
          causationId: commandId,
          ...defined({ schema, aggregateId, actor }),
        }))
      if (outcome.ok || waits) await log.resolve(commandId, { how, commandId: id })
      return outcome
    }
  }
  return {
    retry: (commandId) => again(commandId, 'retried'),
    resend: (commandId, payload) => again(commandId, 'resent', { payload }),
    discard: (commandId) => log.resolve(commandId, { how: 'discarded' }),
    withdraw: (commandId) => log.withdraw(commandId),
    receipt: (commandId) => log.receipt(commandId),
  }
}

const isWaiting = (receipt: Receipt | undefined): boolean => receipt?.state === 'durable' || receipt?.state === 'pushed'
