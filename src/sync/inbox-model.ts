/** The inbox as a Read Model: a row for each Command that was returned and not dealt with yet. */
import { z } from 'zod'
import type { AnyReadModel } from '../domain/infer.ts'
import type { RecordedEvent } from '../domain/recorded-event.ts'
import { schemaFingerprint } from '../domain/aggregate.ts'
import { INBOX, RESOLVED, RETURNED } from './inbox.ts'
import type { InboxRow, Returned } from './receipt.ts'

const Outcome = z.object({
  ok: z.boolean(),
  refusal: z.string().optional(),
  details: z.unknown().optional(),
  events: z.array(z.object({ type: z.string(), aggregateId: z.string(), data: z.unknown() })),
})

const Row = z.object({
  commandId: z.string(),
  verdict: z.enum(['changed', 'refused']),
  type: z.string(),
  aggregateId: z.string(),
  payload: z.unknown(),
  actor: z.string(),
  givenAt: z.number(),
  returnedAt: z.number(),
  /** Its order: later ones were returned later. */
  position: z.number(),
  refusal: z.string(),
  told: Outcome,
  now: Outcome,
  because: z.array(z.string()),
})

interface Rows {
  put(row: InboxRow): void
  remove(key: string): void
}

/** Made by hand: its Events are the engine's own, so no Aggregate declares them. */
export const inboxModel = {
  kind: 'readModel',
  name: INBOX,
  version: 1,
  row: Row,
  rowFingerprint: schemaFingerprint(Row),
  key: 'commandId',
  indexes: [['position'], ['type', 'position']],
  from: [],
  ignores: new Set(),
  on: {
    [RETURNED]: ({ aggregateId, data, at, position }: RecordedEvent, rows: Rows) => {
      const { verdict, type, aggregateId: target = '', payload, actor = '', givenAt, then, now, because } = data as Returned
      rows.put({
        commandId: aggregateId,
        verdict,
        type,
        aggregateId: target,
        payload,
        actor,
        givenAt,
        returnedAt: at,
        position,
        refusal: now.refusal ?? '',
        told: then,
        now,
        because,
      })
    },
    [RESOLVED]: ({ aggregateId }: RecordedEvent, rows: Rows) => rows.remove(aggregateId),
  },
} as unknown as AnyReadModel
