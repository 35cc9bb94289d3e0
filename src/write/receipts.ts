/** Receipts: what a Command came to, found by its id at any age. The log holds them, the packed index finds them. */
import type { Outcome } from '../domain/infer.ts'
import type { LogRecord, StoredCommand } from '../storage/record.ts'
import type { Log } from './log.ts'
import type { LogIndex } from './log-index.ts'

/** The outcome that a record holds of its Command at this index. */
export function outcomeOf(record: LogRecord, index: number): Outcome {
  const command = record.commands[index] as StoredCommand
  if (!command.outcome.ok)
    return { ok: false, commandId: command.id, refusal: command.outcome.refusal, details: command.outcome.details } as unknown as Outcome
  let position = record.position - 1
  const events: { type: string; aggregateId: string; version: number }[] = []
  record.events.forEach((event, i) => {
    // What followed from the Command counts for its position: whoever reads then sees all of it.
    if (event.command === index || record.commands[event.command]?.root === index) position = record.position + i
    if (event.command === index) events.push({ type: event.type, aggregateId: event.aggregateId, version: event.version })
  })
  return { ok: true, commandId: command.id, position, events }
}

export class Receipts {
  readonly #index: LogIndex
  readonly #log: Log

  constructor(index: LogIndex, log: Log) {
    this.#index = index
    this.#log = log
  }

  /** The recorded outcomes of those ids that stand in the log. @param of leaves out what still waits for the server */
  async find(ids: readonly string[], of: 'all' | 'confirmed' = 'all'): Promise<ReadonlyMap<string, Outcome>> {
    const candidates = await this.#index.findCommands(ids)
    const numbers = [...new Set(candidates.flat())]
    const found = new Map<string, Outcome>()
    if (numbers.length === 0) return found
    const records = await this.#log.get(numbers)
    const byNumber = new Map(numbers.map((number, i) => [number, records[i]]))
    ids.forEach((id, i) => {
      for (const number of candidates[i] ?? []) {
        const record = byNumber.get(number)
        const index = record?.commands.findIndex((command) => command.id === id) ?? -1
        if (!record || index < 0) continue // another id of the same hash
        if (this.#log.tail.isVoidCommand(record, index)) continue // what it came to stands elsewhere, if anywhere
        if (of === 'confirmed' && this.#log.tail.isPendingCommand(record, index)) continue
        found.set(id, outcomeOf(record, index))
        // Of a duplicate the one that was first tells more, where it is known here.
        if (record.commands[index]?.duplicateOf === undefined) break
      }
    })
    return found
  }
}
