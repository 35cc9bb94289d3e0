/** Reads a log from outside, and holds what a page shows and what it was told against it. */
import { parse } from 'devalue'
import { expect } from 'vitest'
import type { EventSummary } from '../../../src/domain/infer.ts'
import type { RecordedEvent } from '../../../src/domain/recorded-event.ts'
import type { LogRecord, StoredCommand } from '../../../src/storage/record.ts'
import type { Control } from '../pages/control.ts'
import type { Acknowledged } from '../pages/contend.ts'
import type { Remote } from './remote.ts'
import { foldStock, type StockFold } from './stock-fold.ts'

export interface ReadLog {
  readonly records: readonly LogRecord[]
  readonly events: readonly RecordedEvent[]
}

/** Records as exported, Events as subscribed to; one must say what the other says. */
export async function readLog(page: Remote<Control>): Promise<ReadLog> {
  const [header, ...lines] = (await page.call('records')).trimEnd().split('\n')
  const records = lines.map((line) => parse(line) as LogRecord)
  const { events: position } = JSON.parse(header as string) as { readonly events: number }
  const events = JSON.parse(await page.call('events', position)) as readonly RecordedEvent[]
  expect(records.map(({ number }) => number)).toEqual(records.map((_, i) => i + 1))
  expect(events.map(({ id }) => id)).toEqual(
    records.flatMap((record) => record.events.map(({ command, ordinal }) => `${record.commands[command]?.id}.${ordinal}`)),
  )
  return { records, events }
}

/** Every acknowledged Command stands in the log once, with the outcome that its caller was given. */
export function expectAcknowledged(acknowledged: readonly Acknowledged[], { records, events }: ReadLog): void {
  const stored = new Map<string, StoredCommand>()
  const twice: string[] = []
  for (const command of records.flatMap(({ commands }) => commands)) {
    if (stored.has(command.id)) twice.push(command.id)
    stored.set(command.id, command)
  }
  expect(twice).toEqual([])
  const summaries = new Map<string, EventSummary[]>()
  /** Of the Command and all that followed from it. */
  const lastPositions = new Map<string, number>()
  for (const { commandId, correlationId, type, aggregateId, version, position } of events) {
    summaries.set(commandId, [...(summaries.get(commandId) ?? []), { type, aggregateId, version }])
    lastPositions.set(correlationId, position)
  }
  const wrong = acknowledged.filter(({ outcome, command }) => {
    const found = stored.get(outcome.commandId)
    if (!found || found.type !== command.type || (command.commandId ?? found.id) !== found.id) return true
    if (!outcome.ok) return found.outcome.ok || found.outcome.refusal !== outcome.refusal || !same(found.outcome.details, outcome.details)
    const last = lastPositions.get(found.id) ?? outcome.position
    return !found.outcome.ok || !same(summaries.get(found.id) ?? [], outcome.events) || last !== outcome.position
  })
  expect(wrong).toEqual([])
}

/** The log keeps all rules, and states and rows of this page are what it comes to. */
export async function expectShown(page: Remote<Control>, { events }: ReadLog): Promise<StockFold> {
  const fold = foldStock(events)
  expect(fold.broken).toEqual([])
  await page.call('untilPosition', fold.position)
  for (const [aggregate, expected] of Object.entries(fold.states)) {
    const loaded = await page.call('load', aggregate, [...expected.keys()])
    expect(loaded).toEqual([...expected].map(([id, { state, version }]) => ({ id, state, version })))
  }
  for (const [model, expected] of Object.entries(fold.rows)) {
    expect(JSON.parse(await page.call('rows', model, fold.position))).toEqual(expected)
  }
  return fold
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, each]) => [key, sorted(each)]),
        )
      : value
